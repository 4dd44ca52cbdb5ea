import type { Figure } from '../load.ts';
import type { LoadName } from '../terms.ts';
import type { Sample } from '../measures/traffic.ts';
import { spread, type Spread } from '../statistics.ts';

/** A figure of a load that is compared with its value untapped. */
export interface Measure {
  readonly title: string;
  readonly load: LoadName;
  readonly figure: Figure;
  readonly unit: string;
  readonly perUnit: number;
  readonly digits: number;
}

export const TCP: Measure = {
  title: 'TCP',
  load: 'tcp',
  figure: 'bitsPerSecond',
  unit: 'Gbit/s',
  perUnit: 1e9,
  digits: 1,
};
export const UDP_64: Measure = {
  title: 'UDP, 64 bytes',
  load: 'udp64',
  figure: 'packetsPerSecond',
  unit: 'thousand/s',
  perUnit: 1e3,
  digits: 0,
};
export const ROUND_TRIP: Measure = {
  title: 'round trip',
  load: 'roundTrip',
  figure: 'medianMicroseconds',
  unit: 'µs',
  perUnit: 1,
  digits: 0,
};

export const MEASURES: readonly Measure[] = [
  TCP,
  { ...TCP, title: 'TCP both ways', load: 'tcpBoth' },
  UDP_64,
  { ...UDP_64, title: 'UDP, 1400 bytes', load: 'udp1400' },
  ROUND_TRIP,
  { ...ROUND_TRIP, title: 'round trip, 99 %', figure: 'p99Microseconds' },
];

/** What a measure showed, in its unit; undefined if a case does not have that load. */
export function absolute(samples: readonly Sample[], name: string, measure: Measure): Spread | undefined {
  return spreadOf(
    of(samples, name, measure).map(
      (sample) => (sample.figures[measure.figure] ?? Number.NaN) / measure.perUnit,
    ),
  );
}

/** A case's ratio to untapped right before it, over all rounds. */
export function ratio(samples: readonly Sample[], name: string, measure: Measure): Spread | undefined {
  return spreadOf([...ratios(samples, name, measure).values()]);
}

/** By rounds. */
function ratios(samples: readonly Sample[], name: string, measure: Measure): ReadonlyMap<number, number> {
  const untapped = samples.filter(
    (sample) => sample.beside === name && sample.load === measure.load && sample.case !== name,
  );
  return new Map(
    of(samples, name, measure).map(({ round, figures }) => {
      const before = untapped.find((sample) => sample.round === round)?.figures[measure.figure];
      return [round, (figures[measure.figure] ?? Number.NaN) / (before ?? Number.NaN)];
    }),
  );
}

/** A case's ratio to another one in the same round, each by its ratio to untapped right before it. */
export function ratioTo(
  samples: readonly Sample[],
  name: string,
  other: string,
  measure: Measure,
): Spread | undefined {
  const [own, others] = [ratios(samples, name, measure), ratios(samples, other, measure)];
  return spreadOf([...own].map(([round, value]) => value / (others.get(round) ?? Number.NaN)));
}

function of(samples: readonly Sample[], name: string, { load }: Measure): Sample[] {
  return samples.filter((sample) => sample.case === name && sample.load === load);
}

function spreadOf(values: readonly number[]): Spread | undefined {
  return values.length === 0 ? undefined : spread(values);
}
