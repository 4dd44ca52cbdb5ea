import { countLayout, countLength, lastReportLayout, lastReportLength } from '#src/tap/programs/layouts.ts';
import type { Hook } from '#src/tap/state.ts';
import { findMap, readMap, unlessGone, writeMap } from './maps.ts';

/** What a tap's eBPF program counted, as bpf/maps.h has it: packets, and bytes. */
export interface Counts {
  readonly seen: number;
  readonly sampledOut: number;
  readonly shed: number;
  readonly unfit: number;
  readonly copied: number;
  readonly copiedBytes: number;
  readonly sent: number;
  /** Of the sent ones, past the IP stack of the node. */
  readonly bypassed: number;
  /** Of those that came to the mirror device, the packets that the kernel's own statistics lack. */
  readonly unmeasured: number;
}

/** What the receiver's reports come to, as bpf/maps.h has it. */
export interface LastReport {
  readonly reports: number;
  /** Copies that came to the receiver, by its last report. */
  readonly receivedPackets: number;
  /** Probes that came to the receiver's present device; undefined: it cannot count them. */
  readonly probes: number | undefined;
  /** Leaves so many packets out of {@link receivedPackets} from now on. */
  disown(packets: number): Promise<void>;
}

/**
 * Reads what a program counted since it was loaded. It takes SYS_ADMIN to get at the maps of a program. Undefined when
 * it does not count, as another version's may not.
 *
 * @param programId the kernel's number of it
 * @throws {CommandError}
 */
export async function readCounts(programId: number): Promise<Record<Hook, Counts> | undefined> {
  const mapId = await findMap(programId, 'counts');
  const found = mapId === undefined ? undefined : await readMap(mapId);
  if (found?.valueBytes !== countLength) return undefined;
  // The first half is of ingress, the second of egress; each CPU has its own.
  const half = found.bytes.length / 2;
  return { ingress: sum(found.bytes.subarray(0, half)), egress: sum(found.bytes.subarray(half)) };
}

/** What programs have seen. Those that are gone are left out. @throws {CommandError} */
export async function readSeen(
  programIds: readonly number[],
): Promise<ReadonlyMap<number, Readonly<Record<Hook, number>>>> {
  const found = await Promise.all(
    [...new Set(programIds)].map(async (id) => {
      const counts = await unlessGone(readCounts(id));
      if (counts === undefined) return [];
      return [[id, { ingress: counts.ingress.seen, egress: counts.egress.seen }] as const];
    }),
  );
  return new Map(found.flat());
}

/** Like {@link readCounts}, of the program that reads the receiver's reports. */
export async function readLastReport(programId: number): Promise<LastReport | undefined> {
  const mapId = await findMap(programId, 'reports');
  const found = mapId === undefined ? undefined : await readMap(mapId);
  if (mapId === undefined || found?.valueBytes !== lastReportLength) return undefined;
  const numberAt = (field: keyof typeof lastReportLayout, entry = 0): number =>
    Number(found.bytes.readBigUInt64LE(entry * lastReportLength + lastReportLayout[field]));
  const before = numberAt('received', 1);
  const probes = numberAt('probes');
  return {
    reports: numberAt('reports'),
    receivedPackets: numberAt('received') - before,
    // The number that stands for none is too large to be safe.
    probes: Number.isSafeInteger(probes) ? probes : undefined,
    async disown(packets) {
      const bytes = Buffer.alloc(lastReportLength);
      bytes.writeBigUInt64LE(BigInt(before + packets), lastReportLayout.received);
      await writeMap(mapId, 1, bytes);
    },
  };
}

/** Adds what the CPUs counted. */
function sum(bytes: Buffer): Counts {
  const total = (field: keyof typeof countLayout): number => {
    let all = 0n;
    for (let at = countLayout[field]; at < bytes.length; at += countLength) all += bytes.readBigUInt64LE(at);
    return Number(all);
  };
  return {
    seen: total('seen'),
    sampledOut: total('sampled_out'),
    shed: total('shed'),
    unfit: total('unfit'),
    copied: total('copied'),
    copiedBytes: total('copied_bytes'),
    sent: total('sent'),
    bypassed: total('bypassed'),
    unmeasured: total('unmeasured'),
  };
}
