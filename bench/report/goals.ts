import { FAST_TAP, FAST_TAP_ALONE, JOINED_TAP, NEAR_TAP, NOT_JOINED_TAP, TAP } from '../cases.ts';
import type { Sample } from '../measures/traffic.ts';
import { copiesLost, ownLoss } from './losses.ts';
import { type Measure, ratio, ratioTo, ROUND_TRIP, TCP, UDP_64 } from './ratios.ts';
import { count, table } from './table.ts';
import { shown } from './traffic.ts';

/** What was measured of a case, and whether it is enough. */
type Found = (samples: readonly Sample[], name: string) => { shown: string; reached: boolean } | undefined;

/** What a tap over an underlay of the pods' MTU is to reach with all nodes on the same two CPUs, and whether it did. */
export function goalTable(samples: readonly Sample[]): string {
  const row = (what: string, goal: string, find: Found, ...names: string[]) =>
    [what, goal].concat(names.map((name) => said(find(samples, name))));
  const taps = [TAP.name, NEAR_TAP.name];
  const rows = [
    row('TCP', '≥ 0.90', atLeast(TCP, 0.9), ...taps),
    row(
      'TCP without tunnel checksum offload',
      '≥ 0.65',
      atLeast(TCP, 0.65),
      'tap, no tunnel checksum offload',
      '',
    ),
    row('UDP packets of 64 bytes', '≥ 0.65', atLeast(UDP_64, 0.65), ...taps),
    row('TCP, joined, to not joined', '≥ 0.95', besideNotJoined(TCP, 0.95), JOINED_TAP.name, ''),
    row(
      'UDP packets of 64 bytes, joined, to not joined',
      '≥ 0.95',
      besideNotJoined(UDP_64, 0.95),
      JOINED_TAP.name,
      '',
    ),
    row('TCP, fast path', '≥ 0.86', atLeast(TCP, 0.86), FAST_TAP.name, ''),
    row('UDP packets of 64 bytes, fast path', '≥ 0.58', atLeast(UDP_64, 0.58), FAST_TAP.name, ''),
    row('round trip, fast path', '≤ 1.14', atMost(ROUND_TRIP, 1.14), FAST_TAP.name, ''),
    row('TCP, fast path, sender only', '≥ 0.93', atLeast(TCP, 0.93), FAST_TAP_ALONE.name, ''),
    row('UDP packets of 64 bytes, the same', '≥ 0.80', atLeast(UDP_64, 0.8), FAST_TAP_ALONE.name, ''),
    row('round trip, the same', '≤ 1.08', atMost(ROUND_TRIP, 1.08), FAST_TAP_ALONE.name, ''),
    row('round trip', '≤ 1.05', atMost(ROUND_TRIP, 1.05), ...taps),
    row('copies lost, UDP and round trips', '0', none(lostPackets), ...taps),
    row('copies lost, joined, UDP', '0', none(lostPackets), JOINED_TAP.name, ''),
    row('copies lost, bytes of TCP', '0', none(lostBytes), ...taps),
    row("the pod's own packets lost on the way at half load", '0', none(lostOwn), ...taps),
  ];
  return table(['', 'goal', 'client on another node', 'client near'], rows);
}

function atLeast(measure: Measure, goal: number): Found {
  return ofRatio(measure, (median) => median >= goal);
}

/** Of a tap whose receiver's device is joined into another, to one whose device captures read themselves. */
function besideNotJoined(measure: Measure, least: number): Found {
  return (samples, name) => {
    const found = ratioTo(samples, name, NOT_JOINED_TAP.name, measure);
    return found && { shown: shown(found, 3), reached: found.median >= least };
  };
}

function atMost(measure: Measure, goal: number): Found {
  return ofRatio(measure, (median) => median <= goal);
}

function ofRatio(measure: Measure, isReached: (median: number) => boolean): Found {
  return (samples, name) => {
    const found = ratio(samples, name, measure);
    return found && { shown: shown(found, 2), reached: isReached(found.median) };
  };
}

function none(lost: (samples: readonly Sample[], name: string) => number | undefined): Found {
  return (samples, name) => {
    const found = lost(samples, name);
    return found === undefined ? undefined : { shown: count(found), reached: found === 0 };
  };
}

const lostPackets = (samples: readonly Sample[], name: string) =>
  copiesLost(samples, name, 'udp64', 'udp1400', 'halfLoad', 'roundTrip')?.lost;
const lostBytes = (samples: readonly Sample[], name: string) => copiesLost(samples, name, 'tcp')?.lost;
const lostOwn = (samples: readonly Sample[], name: string) => ownLoss(samples, name)?.lost;

function said(found: ReturnType<Found>): string {
  return found === undefined ? '' : `${found.shown} ${found.reached ? 'reached' : 'missed'}`;
}
