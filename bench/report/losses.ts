import type { LoadName } from '../terms.ts';
import type { Sample } from '../measures/traffic.ts';
import { sum } from '../statistics.ts';

/** The copies lost during loads, over all rounds, with those that were to be; undefined if none were made. */
export function copiesLost(
  samples: readonly Sample[],
  name: string,
  ...loads: LoadName[]
): { lost: number; sent: number } | undefined {
  const copies = of(samples, name, loads).flatMap((sample) => sample.copies ?? []);
  if (copies.length === 0) return undefined;
  return { lost: sum(copies.map(({ lost }) => lost)), sent: sum(copies.map(({ sent }) => sent)) };
}

/** The IP fragments that the pod's node made during a load, over all rounds. */
export function fragments(samples: readonly Sample[], name: string, load: LoadName): number | undefined {
  const copies = of(samples, name, [load]).flatMap((sample) => sample.copies ?? []);
  return copies.length === 0 ? undefined : sum(copies.map((each) => each.fragments));
}

/** Of the pod's own packets at half load: lost on the way, and arrived at a full socket; over all rounds. */
export function ownLoss(
  samples: readonly Sample[],
  name: string,
): { sent: number; lost: number; full: number } | undefined {
  const figures = of(samples, name, ['halfLoad']).map((sample) => sample.figures);
  if (figures.length === 0) return undefined;
  const full = sum(figures.map(({ socketFullPackets = 0 }) => socketFullPackets));
  const lost = sum(figures.map(({ lostPackets = 0 }) => lostPackets));
  return {
    sent: sum(figures.map(({ sentPackets = 0 }) => sentPackets)),
    lost: Math.max(0, lost - full),
    full,
  };
}

/** Seconds that the machine's CPUs spend in softirq for a million packets of the pod, over all rounds. */
export function softirqSecondsPerMillion(
  samples: readonly Sample[],
  name: string,
  load: LoadName,
): number | undefined {
  const all = of(samples, name, [load]);
  const packets = sum(all.map(({ targetPackets }) => targetPackets));
  return packets === 0 ? undefined : (1e6 * sum(all.map(({ softirqSeconds }) => softirqSeconds))) / packets;
}

function of(samples: readonly Sample[], name: string, loads: readonly LoadName[]): Sample[] {
  return samples.filter((sample) => sample.case === name && loads.includes(sample.load));
}
