/** The names of the eBPF programs (bpf/mirror.bpf.c), as tc keeps them with every filter. */

import type { Hook } from '#src/tap/state.ts';
import type { CopySettings } from './settings.ts';

/**
 * The object's file name, which tells whether a program that is loaded is the right one: it says what the program does,
 * and what it was compiled from.
 *
 * @param hash of the compiled object, in hexadecimal
 */
export function objectName(
  { snaplenBytes, oneIn, maxBytesPerSecond, underlay, mtuBytes, bypass }: CopySettings,
  hash: string,
): string {
  const said = [
    underlay === undefined ? 'copy' : `copy-over-${underlay}`,
    ...(snaplenBytes === undefined ? [] : [`snaplen=${snaplenBytes}`]),
    ...(oneIn === undefined ? [] : [`one-in=${oneIn}`]),
    ...(maxBytesPerSecond === undefined ? [] : [`max-rate=${maxBytesPerSecond}`]),
    ...(mtuBytes === undefined ? [] : [`mtu=${mtuBytes}`]),
    ...(bypass === undefined ? [] : ['bypass']),
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
export function readReportProgram(object: string): string {
  return `${object}:[tc/read_report]`;
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
