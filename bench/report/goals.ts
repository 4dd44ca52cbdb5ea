import { TAP } from '../cases.ts';
import type { Sample } from '../measures/traffic.ts';
import { copiesLost, ownLoss } from './losses.ts';
import { type Measure, ratio, ROUND_TRIP, TCP, UDP_64 } from './ratios.ts';
import { count, table } from './table.ts';
import { shown } from './traffic.ts';

/** What a tap over an underlay of the pods' MTU is to reach with all nodes on the same two CPUs, and whether it did. */
export function goalTable(samples: readonly Sample[]): string {
  const rows = [
    atLeast(samples, 'TCP', TAP.name, TCP, 0.9),
    atLeast(samples, 'TCP without tunnel checksum offload', 'tap, no tunnel checksum offload', TCP, 0.65),
    atLeast(samples, 'UDP packets of 64 bytes', TAP.name, UDP_64, 0.65),
    roundTrip(samples),
    none(
      'copies lost, UDP and round trips',
      copiesLost(samples, TAP.name, 'udp64', 'udp1400', 'halfLoad', 'roundTrip')?.lost,
    ),
    none('copies lost, bytes of TCP', copiesLost(samples, TAP.name, 'tcp')?.lost),
    none("the pod's own packets lost on the way at half load", ownLoss(samples, TAP.name)?.lost),
  ];
  return table(['', 'goal', 'measured', ''], rows);
}

function atLeast(
  samples: readonly Sample[],
  what: string,
  name: string,
  measure: Measure,
  goal: number,
): string[] {
  const found = ratio(samples, name, measure);
  return [
    what,
    `≥ ${goal.toFixed(2)}`,
    shown(found, 2),
    verdict(found !== undefined && found.median >= goal),
  ];
}

function roundTrip(samples: readonly Sample[]): string[] {
  const found = ratio(samples, TAP.name, ROUND_TRIP);
  return ['round trip', '≤ 1.05', shown(found, 2), verdict(found !== undefined && found.median <= 1.05)];
}

function none(what: string, found: number | undefined): string[] {
  return [what, '0', found === undefined ? '' : count(found), verdict(found === 0)];
}

function verdict(reached: boolean): string {
  return reached ? 'reached' : 'missed';
}
