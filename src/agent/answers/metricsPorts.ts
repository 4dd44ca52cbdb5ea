import type { Logger } from 'pino';
import type { Role, TapId } from '#src/tap/ownership/mark.ts';
import type { State } from '#src/agent/endpoint/endpointState.ts';
import type { Place } from '#src/agent/pod/place.ts';
import { serveMetrics } from './metricsServer.ts';
import { readNearStatus } from '#src/agent/status/find.ts';

/** An endpoint whose account is served. */
export interface Metered {
  readonly tapId: TapId;
  readonly role: Role;
  /** Where it is; undefined: nowhere. */
  place(): Place | undefined;
  state(): State;
}

/** The ports by which Prometheus gets accounts: one server for all endpoints with the same port. */
export class MetricsPorts {
  readonly #log: Logger;
  readonly #ports = new Map<number, { members: Set<Metered>; end: AbortController }>();

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Serves an endpoint's account until it is {@link remove}d. */
  add(port: number, member: Metered): void {
    const served = this.#ports.get(port);
    if (served !== undefined) {
      served.members.add(member);
      return;
    }
    const members = new Set([member]);
    const end = new AbortController();
    this.#ports.set(port, { members, end });
    const read = async () => {
      const all = [...members];
      const endpoints = await readNearStatus({
        places: all.map((each) => each.place()),
        taps: new Set(all.map(({ tapId }) => tapId)),
      });
      return {
        states: all.map((each) => ({ tap: each.tapId, role: each.role, state: each.state() })),
        endpoints,
      };
    };
    void serveMetrics(port, read, this.#log, end.signal);
  }

  remove(port: number, member: Metered): void {
    const served = this.#ports.get(port);
    served?.members.delete(member);
    if (served?.members.size !== 0) return;
    this.#ports.delete(port);
    served.end.abort();
  }
}
