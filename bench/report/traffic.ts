import { UNTAPPED } from '../cases.ts';
import type { Sample } from '../measures/traffic.ts';
import type { Spread } from '../statistics.ts';
import { copiesLost, fragments, ownLoss, softirqSecondsPerMillion } from './losses.ts';
import { absolute, type Measure, MEASURES, ratio } from './ratios.ts';
import { count, share, table } from './table.ts';

/** What the pod's own traffic gets, untapped and as ratios to that. */
export function speedTable(samples: readonly Sample[]): string {
  const cell = (name: string, measure: Measure) =>
    isUntapped(name)
      ? shown(absolute(samples, name, measure), measure.digits, ` ${measure.unit}`)
      : shown(ratio(samples, name, measure), 2);
  return table(
    ['', ...MEASURES.map(({ title }) => title)],
    casesOf(samples).map((name) => [name].concat(MEASURES.map((measure) => cell(name, measure)))),
  );
}

/** What became of packets and copies, over all rounds. */
export function lossTable(samples: readonly Sample[]): string {
  return table(
    [
      '',
      'own packets lost at half load',
      'of them at a full socket',
      'copies lost, TCP',
      'copies lost, UDP at full load',
      'copies lost, half load and round trips',
      'fragments, TCP',
      'fragments, UDP of 1400 bytes',
      'softirq seconds per million packets',
    ],
    casesOf(samples).map((name) => {
      const own = ownLoss(samples, name);
      return [
        name,
        own === undefined ? '' : share(own.lost + own.full, own.sent),
        own === undefined ? '' : count(own.full),
        lost(copiesLost(samples, name, 'tcp')),
        lost(copiesLost(samples, name, 'udp64', 'udp1400')),
        lost(copiesLost(samples, name, 'halfLoad', 'roundTrip')),
        optional(fragments(samples, name, 'tcp'), count),
        optional(fragments(samples, name, 'udp1400'), count),
        optional(softirqSecondsPerMillion(samples, name, 'halfLoad'), (seconds) => seconds.toFixed(1)),
      ];
    }),
  );
}

/** A median with its least and greatest, or nothing. */
export function shown(found: Spread | undefined, digits: number, unit = ''): string {
  return optional(
    found,
    ({ median, min, max }) =>
      `${median.toFixed(digits)}${unit} (${min.toFixed(digits)}–${max.toFixed(digits)})`,
  );
}

export function isUntapped(name: string): boolean {
  return Object.values(UNTAPPED).some((each) => each.name === name);
}

/** The names of the cases that were measured, in the order of the first round. */
export function casesOf(samples: readonly Sample[]): string[] {
  return [...new Set(samples.map((sample) => sample.case))];
}

function lost(found: { lost: number; sent: number } | undefined): string {
  return optional(found, (all) => share(all.lost, all.sent));
}

function optional<T>(value: T | undefined, text: (value: T) => string): string {
  return value === undefined ? '' : text(value);
}
