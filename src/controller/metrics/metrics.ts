import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { TapResource } from '#src/spec/tapResource.ts';

/** What is looked at when somebody asks. */
export interface Sources {
  readonly taps: () => Iterable<TapResource>;
  readonly queueDepth: () => number;
  readonly isLeader: () => boolean;
}

/** What the controller counts, for Prometheus. */
export class Metrics {
  readonly registry = new Registry();
  readonly #decisions = new Histogram({
    name: 'kokotap_controller_decision_seconds',
    help: 'What it took to decide on a Tap and to do it, also where that failed',
    buckets: [0.005, 0.02, 0.1, 0.5, 2, 10],
    registers: [this.registry],
  });
  readonly #failures = new Counter({
    name: 'kokotap_controller_failures_total',
    help: 'Decisions on Taps that could not be carried out, and are tried again',
    registers: [this.registry],
  });
  readonly #requests = new Counter({
    name: 'kokotap_controller_api_requests_total',
    help: 'Requests to the API server, but for lists and watches',
    labelNames: ['verb', 'status'],
    registers: [this.registry],
  });

  constructor() {
    collectDefaultMetrics({ register: this.registry });
  }

  /** Counts a request to the API server. */
  readonly onRequest = (verb: string, status: number): void => {
    this.#requests.inc({ verb, status: String(status) });
  };

  /** Measures a decision. */
  async timed(work: () => Promise<void>): Promise<void> {
    const end = this.#decisions.startTimer();
    try {
      await work();
    } catch (error) {
      this.#failures.inc();
      throw error;
    } finally {
      end();
    }
  }

  /** Shows what the sources say. Taps are shown by the process that leads alone: once in a cluster. */
  show({ taps, queueDepth, isLeader }: Sources): void {
    const gauge = (
      name: string,
      help: string,
      labelNames: readonly string[],
      collect: (self: Gauge) => void,
    ) => {
      const made: Gauge = new Gauge({
        name: `kokotap_${name}`,
        help,
        labelNames,
        registers: [this.registry],
        collect: () => {
          made.reset();
          collect(made);
        },
      });
    };
    const ofTaps = (set: (labels: { namespace: string; name: string }, tap: TapResource) => void) => {
      if (isLeader())
        for (const tap of taps()) set({ namespace: tap.metadata.namespace, name: tap.metadata.name }, tap);
    };
    gauge('controller_leader', 'Whether this process leads', [], (self) => self.set(isLeader() ? 1 : 0));
    gauge('controller_queue_depth', 'Taps that wait for a decision', [], (self) => self.set(queueDepth()));
    gauge('tap_info', 'A Tap, with the reason of its condition Ready', [...NAMES, 'reason'], (self) =>
      ofTaps((labels, { status }) => {
        const reason = status.conditions?.find(({ type }) => type === 'Ready')?.reason ?? 'Unknown';
        self.set({ ...labels, reason }, 1);
      }),
    );
    gauge('tap_ready', 'Whether the packets of all targets of a Tap are copied', NAMES, (self) =>
      ofTaps((labels, tap) => self.set(labels, isTrue(tap, 'Ready') ? 1 : 0)),
    );
    gauge('tap_complete', 'Whether the duration of a Tap is over', NAMES, (self) =>
      ofTaps((labels, tap) => self.set(labels, isTrue(tap, 'Complete') ? 1 : 0)),
    );
    gauge('tap_targets_selected', 'Pods that a Tap is about', NAMES, (self) =>
      ofTaps((labels, { status }) => self.set(labels, status.targets?.selected ?? 0)),
    );
    gauge('tap_targets_ready', 'Pods of a Tap whose packets are copied', NAMES, (self) =>
      ofTaps((labels, { status }) => self.set(labels, status.targets?.ready ?? 0)),
    );
  }
}

const NAMES = ['namespace', 'name'];

function isTrue({ status }: TapResource, type: string): boolean {
  return status.conditions?.find((each) => each.type === type)?.status === 'True';
}
