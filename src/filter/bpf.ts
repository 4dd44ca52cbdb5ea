/**
 * The filters' programs of classic BPF, in tc's notation (`count,code jt jf k,…`). What a program returns is a
 * verdict for a direct-action filter (TC_ACT_SHOT drops, TC_ACT_UNSPEC goes on), and match or no match otherwise.
 * Classic BPF needs neither a compiler nor any right beyond CAP_NET_ADMIN, and every kernel with cls_bpf has it.
 */

const shot = 2;
const unspec = 0xffff_ffff;

/** Matches every packet. */
export const matchAll = `1,6 0 0 ${unspec}`;

/** Direct action: drops every packet. */
export const dropAll = `1,6 0 0 ${shot}`;

/**
 * Matches what the second program does, unless the first one matches. They are joined as they are compiled, the first
 * in front, so that nothing in the second (a `vlan` that shifts offsets, an `or`) changes what the first one means.
 */
export function unless(excluded: string, matching: string): string {
  const [first, second] = [excluded, matching].map((program) => program.split(',').slice(1));
  const before = (first ?? []).map((instruction, at, { length }) => {
    if (!instruction.startsWith('6 ')) return instruction;
    return instruction === '6 0 0 0' ? `5 0 0 ${length - at - 1}` : '6 0 0 0'; // jump behind it, or no match
  });
  const joined = [...before, ...(second ?? [])];
  return `${joined.length},${joined.join(',')}`;
}

/** Direct action: drops what a program does not match, and lets all others go on. */
export function dropUnless(matching: string): string {
  const [length, ...instructions] = matching.split(',');
  const verdicts = instructions.map((instruction) => {
    const returned = /^6 0 0 (\d+)$/.exec(instruction)?.[1];
    return returned === undefined ? instruction : `6 0 0 ${verdictOn(Number(returned))}`;
  });
  return [length, ...verdicts].join(',');
}

/** The verdict that {@link dropUnless} gives where a program returns a value, which is 0 for what does not match. */
export function verdictOn(returned: number): number {
  return returned === 0 ? shot : unspec;
}

/**
 * Direct action: drops the packets whose Ethernet source is the address given, and lets all others go on. On a
 * mirror device these are the node's own (router solicitations, MLD reports): copies have other sources.
 */
export function dropFrom(mac: string): string {
  const bytes = mac.replaceAll(':', '');
  const program = [
    '32 0 0 6', // A = bytes 0 to 3 of the source address
    `21 0 3 ${Number.parseInt(bytes.slice(0, 8), 16)}`,
    '40 0 0 10', // A = bytes 4 and 5
    `21 0 1 ${Number.parseInt(bytes.slice(8), 16)}`,
    `6 0 0 ${shot}`,
    `6 0 0 ${unspec}`,
  ];
  return `${program.length},${program.join(',')}`;
}
