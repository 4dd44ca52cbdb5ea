import { tcpPayloadBytes } from '../counters.ts';
import { type Case, MTU_1500, MTU_1600, SAME_NODE, type Sample, UNTAPPED } from '../measures/traffic.ts';
import { spread, type Spread, sum } from '../statistics.ts';
import { count, share, table } from './table.ts';

const TAPPED = [MTU_1500, MTU_1600, SAME_NODE];

type Measure =
  | 'tcpBitsPerSecond'
  | 'udpPacketsPerSecond'
  | 'roundTripMedianMicroseconds'
  | 'roundTripP99Microseconds';

/** A tapped case's ratio to untapped in the same round, over all rounds. */
export function ratio(samples: readonly Sample[], { name }: Case, measure: Measure): Spread {
  const untapped = new Map(of(samples, UNTAPPED).map((sample) => [sample.round, sample[measure]]));
  return spread(
    samples
      .filter((sample) => sample.case === name)
      .map((sample) => sample[measure] / (untapped.get(sample.round) ?? Number.NaN)),
  );
}

/** The fragments that the pod's node made during a load, over all rounds. */
export function fragments(samples: readonly Sample[], each: Case, load: 'tcp' | 'udp'): number {
  return sum(of(samples, each).map(({ copies }) => copies?.[load].fragments ?? 0));
}

/** What the pod's own traffic gets, untapped and as ratios to that. */
export function speedTable(samples: readonly Sample[]): string {
  const row = (text: string, measure: Measure, unit: string, divisor: number, digits: number) => {
    const { median, min, max } = spread(of(samples, UNTAPPED).map((sample) => sample[measure] / divisor));
    const untapped = `${median.toFixed(digits)} ${unit} (${min.toFixed(digits)}–${max.toFixed(digits)})`;
    return [text, untapped, ...TAPPED.map((each) => ratioText(ratio(samples, each, measure)))];
  };
  return table(
    ['', 'untapped', ...TAPPED.map(({ name }) => name)],
    [
      row('TCP throughput', 'tcpBitsPerSecond', 'Gbit/s', 1e9, 1),
      row('UDP packets of 64 bytes', 'udpPacketsPerSecond', 'thousand/s', 1e3, 0),
      row('TCP round trip, median', 'roundTripMedianMicroseconds', 'µs', 1, 0),
      row('TCP round trip, 99th percentile', 'roundTripP99Microseconds', 'µs', 1, 0),
    ],
  );
}

/** What became of packets and copies, over all rounds. */
export function lossTable(samples: readonly Sample[]): string {
  const row = (text: string, value: (sample: readonly Sample[], each: Case) => string) => [
    text,
    ...[UNTAPPED, ...TAPPED].map((each) => value(of(samples, each), each)),
  ];
  return table(
    ['', 'untapped', ...TAPPED.map(({ name }) => name)],
    [
      row('UDP packets that the client sent', (all) => count(sum(all.map(({ udpSent }) => udpSent)))),
      row('of them lost before the target', (all) =>
        share(sum(all.map(({ udpLost }) => udpLost)), sum(all.map(({ udpSent }) => udpSent))),
      ),
      row('UDP load: copies sent', (all) => copiesSent(all, 'udp', packets, 1)),
      row('of them lost', (all) => copiesLost(all, 'udp', packets)),
      row('round trips: copies sent', (all) => copiesSent(all, 'roundTrip', packets, 1)),
      row('of them lost', (all) => copiesLost(all, 'roundTrip', packets)),
      row('TCP load: megabytes of payload copied', (all) => copiesSent(all, 'tcp', tcpPayloadBytes, 1e6)),
      row('of them lost, bytes', (all) => copiesLost(all, 'tcp', tcpPayloadBytes)),
      row('TCP load: IP fragments made', (all, each) => tapped(all, count(fragments(samples, each, 'tcp')))),
      row('UDP load: IP fragments made', (all, each) => tapped(all, count(fragments(samples, each, 'udp')))),
    ],
  );
}

type Load = 'tcp' | 'udp' | 'roundTrip';
type Amount = typeof tcpPayloadBytes;

function packets(traffic: Parameters<Amount>[0]): number {
  return traffic.packets;
}

function copiesSent(samples: readonly Sample[], load: Load, amount: Amount, divisor: number): string {
  return tapped(samples, count(totals(samples, load, amount).sent / divisor));
}

function copiesLost(samples: readonly Sample[], load: Load, amount: Amount): string {
  const { sent, received } = totals(samples, load, amount);
  return tapped(samples, share(sent - received, sent));
}

function totals(samples: readonly Sample[], load: Load, amount: Amount) {
  const copies = samples.flatMap((sample) => sample.copies?.[load] ?? []);
  return {
    sent: sum(copies.map(({ sent }) => amount(sent))),
    received: sum(copies.map(({ received }) => amount(received))),
  };
}

function tapped(samples: readonly Sample[], text: string): string {
  return samples.some(({ copies }) => copies !== undefined) ? text : '';
}

export function ratioText({ median, min, max }: Spread): string {
  return `${median.toFixed(2)} (${min.toFixed(2)}–${max.toFixed(2)})`;
}

function of(samples: readonly Sample[], { name }: Case): Sample[] {
  return samples.filter((sample) => sample.case === name);
}
