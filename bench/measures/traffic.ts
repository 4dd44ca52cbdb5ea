import { readFileSync } from 'node:fs';
import { type Case, UNTAPPED } from '../cases.ts';
import { type Copies, countCopies, MIRROR } from '../counters.ts';
import type { Lab } from '../lab.ts';
import { type Figures, runLoad } from '../load.ts';
import { targetPackets } from '../podCounters.ts';
import { clientOn } from '../pods.ts';
import type { LoadName, Target } from '../terms.ts';
import { setUnderlay, whileSwallowed } from '../underlay.ts';
import { whileTappedPlainly } from '../ways/plain.ts';
import { whileTapped } from '../ways/tap.ts';
import { whilePiped, whileWrittenToFile } from '../ways/tcpdump.ts';

/** Of a clock tick in /proc: USER_HZ, the same on every Linux that runs Kubernetes. */
const TICKS_PER_SECOND = 100;

/** What one load showed of one case in one round. */
export interface Sample {
  readonly case: string;
  /** The case itself, or that which came next if this is untapped. */
  readonly beside: string;
  readonly round: number;
  readonly load: LoadName;
  readonly figures: Figures;
  /** Of the whole machine. */
  readonly softirqSeconds: number;
  /** That went into the target and out of it, as its interface counts them. */
  readonly targetPackets: number;
  /** None if untapped. */
  readonly copies: Copies | undefined;
}

/**
 * Loads the target in rounds of all cases, and untapped right before each: what changes on the machine meanwhile then
 * changes both. Each round begins with another case.
 */
export async function measureTraffic(
  lab: Lab,
  target: Target,
  tapped: readonly Case[],
  rounds: number,
  progress: (text: string) => void,
): Promise<Sample[]> {
  const samples: Sample[] = [];
  for (let round = 0; round < rounds; round++) {
    const first = Math.floor((round * tapped.length) / rounds);
    for (const each of [...tapped.slice(first), ...tapped.slice(0, first)]) {
      progress(`round ${round + 1} of ${rounds}, ${each.name}`);
      samples.push(...(await measureBeside(lab, target, each, round)));
    }
  }
  return samples;
}

/** Measures a case, and untapped before it. */
async function measureBeside(lab: Lab, target: Target, each: Case, round: number): Promise<Sample[]> {
  const samples: Sample[] = [];
  let halfRate = 0;
  for (const now of [{ ...UNTAPPED[each.client], loads: each.loads }, each]) {
    await setUnderlay(now.underlay);
    await inCase(lab, target, now, async (watch) => {
      for (const load of now.loads) {
        const measured = await measureLoad(load, clientOn(now.client), target, halfRate, watch);
        if (now.way === 'untapped' && load === 'udp64')
          halfRate = (measured.figures.packetsPerSecond ?? 0) / 2;
        samples.push({ case: now.name, beside: each.name, round, load, ...measured });
      }
    });
  }
  return samples;
}

/** Runs a load, and says what became of its copies. */
type Watch = <T>(load: LoadName, run: () => Promise<T>) => Promise<{ result: T; copies: Copies | undefined }>;

const unwatched: Watch = async (_, run) => ({ result: await run(), copies: undefined });

/** Does something while the target is tapped as the case says. */
function inCase(
  lab: Lab,
  target: Target,
  { way, destination, isSenderOnly }: Case,
  measure: (watch: Watch) => Promise<void>,
): Promise<void> {
  // What of the copies is lost then says nothing.
  const action = (watch: Watch) =>
    isSenderOnly === true ? whileSwallowed(() => measure(unwatched)) : measure(watch);
  const watchMirrors =
    (receivingDevice: string): Watch =>
    (load, run) =>
      countCopies(target, destination, receivingDevice, load, run);
  const whileTap = (kind: 'usual' | 'joined' | 'fast') =>
    whileTapped(lab, destination, (tap) => action(watchMirrors(tap.receivingDevice)), kind);
  switch (way) {
    case 'untapped':
      return action(unwatched);
    case 'tap':
      return whileTap('usual');
    case 'joined tap':
      return whileTap('joined');
    case 'fast tap':
      return whileTap('fast');
    case 'plain design':
      return whileTappedPlainly(target, destination, () => action(watchMirrors(MIRROR)));
    case 'tcpdump to a file':
      return action((_, run) => whileWrittenToFile(run));
    case 'tcpdump through kubectl exec':
      return action((_, run) => whilePiped(run));
  }
}

async function measureLoad(
  load: LoadName,
  client: string,
  target: Target,
  halfRate: number,
  watch: Watch,
): Promise<Omit<Sample, 'case' | 'beside' | 'round' | 'load'>> {
  const { result, copies } = await watch(load, async () => {
    const before = { packets: targetPackets(target), seconds: softirqSeconds() };
    const figures = await runLoad(load, client, target, halfRate);
    return {
      figures,
      targetPackets: targetPackets(target) - before.packets,
      softirqSeconds: softirqSeconds() - before.seconds,
    };
  });
  return { ...result, copies };
}

/** That all CPUs have spent on received packets and the like: the seventh number of /proc/stat. */
function softirqSeconds(): number {
  const fields = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0]?.split(/\s+/) ?? [];
  return Number(fields[7]) / TICKS_PER_SECOND;
}
