/** What is looked at, by the codes of the findings about it. docs/doctor.md explains each. */
export const CODES = {
  KT0101: { group: 'Rights', about: 'reading targets' },
  KT0102: { group: 'Rights', about: 'reading nodes' },
  KT0103: { group: 'Rights', about: 'making and deleting pods' },
  KT0104: { group: 'Rights', about: 'starting programs in these pods' },
  KT0105: { group: 'Rights', about: 'reading their logs' },
  KT0106: { group: 'Rights', about: 'seeing the taps of all namespaces' },
  KT0107: { group: 'Rights', about: 'confirming taps that are ready' },
  KT0201: { group: 'Namespace of the pods', about: 'there is one' },
  KT0202: { group: 'Namespace of the pods', about: 'its Pod Security level' },
  KT0203: { group: 'Namespace of the pods', about: 'its PodDisruptionBudgets' },
  KT0301: { group: 'Nodes', about: 'system, architecture, kernel' },
  KT0302: { group: 'Nodes', about: 'the kubelet is at work' },
  KT0401: { group: 'Image', about: 'the node has it, or can pull it' },
  KT0501: { group: 'Target', about: 'it runs' },
  KT0601: { group: 'Destination', about: 'it is there' },
  KT0602: { group: 'Destination', about: 'the name of the mirror interface is free' },
  KT0701: { group: 'Taps as a resource', about: 'they are installed' },
  KT0702: { group: 'Taps as a resource', about: 'their controller runs' },
  KT0801: { group: 'Probe', about: 'a tap can be made' },
  KT0802: { group: 'Probe', about: 'UDP gets through' },
  KT0803: { group: 'Probe', about: 'the size of packets that get through' },
  KT0804: { group: 'Probe', about: 'eBPF programs can be loaded' },
  KT0805: { group: 'Probe', about: 'no program precedes those of a tap' },
  KT0806: { group: 'Probe', about: 'the destination merges no packets' },
} as const;

export type Code = keyof typeof CODES;

export interface Finding {
  readonly code: Code;
  /** What `fail` says stops a tap or a capture; what `warn` says spoils one, or is not known. */
  readonly level: 'ok' | 'warn' | 'fail';
  readonly reason: string;
  /** One command that mends it. */
  readonly command?: string;
}

export function ok(code: Code, reason: string): Finding {
  return { code, level: 'ok', reason };
}

export function warn(code: Code, reason: string, command?: string): Finding {
  return { code, level: 'warn', reason, ...(command === undefined ? {} : { command }) };
}

export function fail(code: Code, reason: string, command?: string): Finding {
  return { code, level: 'fail', reason, ...(command === undefined ? {} : { command }) };
}
