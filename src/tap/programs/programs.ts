/**
 * The eBPF programs of a tap (bpf/mirror.bpf.c). What they are to do is written into their object before it is loaded,
 * so that the kernel takes it for constants, and told by the object's name, which tc keeps with every filter.
 */

import { settingsLayout } from './layouts.ts';
import type { Hook } from '#src/tap/state.ts';

/** What is done to a copy on its way out of the mirror device. */
export interface CopySettings {
  /** Copies lose what is behind so many bytes; undefined: they stay whole. */
  readonly snaplenBytes: number | undefined;
  /** One conversation in so many is kept; undefined: all are. */
  readonly oneIn: number | undefined;
  /** Copies beyond it are shed; undefined: none are. */
  readonly maxBytesPerSecond: number | undefined;
  /**
   * The network under the VXLAN, which says what becomes of copies too large for it: over IPv4 the kernel sends
   * fragments, over IPv6 it drops them unless they are cut. Undefined: there is no network between the ends.
   */
  readonly underlay: 'IPv4' | 'IPv6' | undefined;
}

/**
 * The object's file name, which tells whether a program that is loaded is the right one: it says what the program does,
 * and what it was compiled from.
 *
 * @param hash of the compiled object, in hexadecimal
 */
export function objectName(
  { snaplenBytes, oneIn, maxBytesPerSecond, underlay }: CopySettings,
  hash: string,
): string {
  const said = [
    underlay === undefined ? 'copy' : `copy-over-${underlay}`,
    ...(snaplenBytes === undefined ? [] : [`snaplen=${snaplenBytes}`]),
    ...(oneIn === undefined ? [] : [`one-in=${oneIn}`]),
    ...(maxBytesPerSecond === undefined ? [] : [`max-rate=${maxBytesPerSecond}`]),
    hash.slice(0, 8),
  ];
  return `${said.join(',')}.o`;
}

/** The program of a mirror device's egress, as tc names it. */
export function copyProgram(object: string): string {
  return `${object}:[tc/copy]`;
}

/** The program that counts what is seen at a hook of the target interface, as tc names it. */
export function seenProgram(object: string, hook: Hook): string {
  return `${object}:[tc/seen_${hook}]`;
}

/** Whether a filter's program is one that {@link seenProgram} names, of whatever object. */
export function isSeenProgram(program: string | undefined): boolean {
  return program?.includes(':[tc/seen_') === true;
}

/** The program that sees and copies before others' programs at a hook of the target interface, as tc names it. */
export function aheadProgram(object: string, hook: Hook): string {
  return `${object}:[tc/ahead_${hook}]`;
}

/** The hook that an {@link aheadProgram} is for; undefined when a filter's program is none. */
export function aheadHook(program: string | undefined): Hook | undefined {
  return hooks.find((hook) => program?.endsWith(`:[tc/ahead_${hook}]`) === true);
}

/** Whether the kernel's name of a program is that of any tap's {@link aheadProgram}. */
export function isAheadName(name: string): boolean {
  return hooks.some((hook) => name === `ahead_${hook}`);
}

const hooks: readonly Hook[] = ['ingress', 'egress'];

/** The program that reads the receiver's reports, as tc names it. */
export function heardProgram(object: string): string {
  return `${object}:[tc/heard]`;
}

/** The program of a filter that is too long for classic BPF, as tc names it. */
export function filterProgram(object: string): string {
  return `${object}:[${FILTER_SECTION}]`;
}

/** Whether a program is such a filter. */
export function isLongFilter(program: string): boolean {
  return program.endsWith(`:[${FILTER_SECTION}]`);
}

export const FILTER_SECTION = 'tc/filter';

/** Whether a filter's program is eBPF, which not every kernel lets the agent load. */
export function isEbpf(program: string): boolean {
  return program.endsWith(']');
}

/**
 * Why an eBPF program could not be loaded, in one line: of what tc and libbpf say (iproute2 6.1, libbpf 1.1) the reason,
 * and of the verifier's log, which can be of thousands of lines, the last three. Undefined when the program was loaded,
 * and tc failed to put it where it belongs: it says so itself when it could not be.
 */
export function loadFailure(stderr: string): string | undefined {
  if (!/^Unable to load program$/m.test(stderr)) return undefined;
  const lines = stderr
    .split('\n')
    .map((line) => line.replace(/^libbpf: /, '').trim())
    .filter((line) => line !== '');
  const begin = lines.findIndex((line) => line.includes('-- BEGIN PROG LOAD LOG --'));
  if (begin === -1) {
    const telling = lines.filter((line) => !afterthought.test(line));
    return (telling.length === 0 ? lines : telling).slice(0, 3).join('; ');
  }
  const end = lines.findIndex((line) => line.includes('-- END PROG LOAD LOG --'));
  const verifier = lines
    .slice(begin + 1, end === -1 ? undefined : end)
    .filter((line) => !verifierStatistics.test(line));
  return [...lines.slice(Math.max(0, begin - 1), begin), ...verifier.slice(-3)].join('; ');
}

const afterthought =
  /^(Unable to load program|failed to load object|prog '.*': failed to load|Failed to bump RLIMIT_MEMLOCK)/;
const verifierStatistics = /^(processed \d+ insns|verification time|stack depth)/;

/**
 * Writes the settings into a compiled object.
 *
 * @param seed 32 bits, of the hash that samples. It is not in the object's name: an agent that starts anew keeps the
 *   program that is there, and with it the sample.
 * @returns the object to load
 * @throws {Error} when it is not the object of bpf/mirror.bpf.c
 */
export function withSettings(object: Uint8Array, settings: CopySettings, seed: number): Uint8Array {
  const bytes = Buffer.from(object);
  const at = bytes.indexOf(magic);
  if (at === -1 || bytes.indexOf(magic, at + 1) !== -1)
    throw new Error(
      'The eBPF object does not have its settings in one place: it is not the one of this agent',
    );
  const { snaplenBytes = 0, oneIn = 0, maxBytesPerSecond = 0, underlay } = settings;
  bytes.writeBigUInt64LE(BigInt(maxBytesPerSecond), at + settingsLayout.bytes_per_second);
  bytes.writeBigUInt64LE(BigInt(burstNs(maxBytesPerSecond)), at + settingsLayout.burst_ns);
  bytes.writeUInt32LE(snaplenBytes, at + settingsLayout.snaplen);
  bytes.writeUInt32LE(oneIn, at + settingsLayout.one_in);
  bytes.writeUInt32LE(underlay === undefined ? 0 : 1, at + settingsLayout.fit);
  bytes.writeUInt32LE(underlay === 'IPv6' ? 1 : 0, at + settingsLayout.cut);
  bytes.writeUInt32LE(seed, at + settingsLayout.seed);
  return bytes;
}

const magic = Buffer.from('!patokok'); // 0x6b6f6b6f74617021, little endian
const shortestBurstNs = 50_000_000;
/** The largest GSO packet that is usual: less would never let one through. */
const largestPacketBytes = 65_536;

function burstNs(bytesPerSecond: number): number {
  if (bytesPerSecond === 0) return 0;
  return Math.max(shortestBurstNs, Math.ceil((largestPacketBytes * 1e9) / bytesPerSecond));
}
