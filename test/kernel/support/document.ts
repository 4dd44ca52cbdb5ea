/**
 * The command line of an agent from flags, which are shorter to write than the document that they stand for: `--vni=100`,
 * `--same-node`. Flags that are no part of the document stay. With `--endpoints` there is none.
 */
export function commandLine([command = '', ...flags]: readonly string[]): string[] {
  if (command !== 'sender' && command !== 'receiver') return [command, ...flags];
  if (flags.some((flag) => flag.startsWith('--endpoints='))) return [command, ...flags];
  const { document, rest } = documentOf(command, flags);
  return [command, JSON.stringify(document), ...rest];
}

/** The document that flags stand for, and the flags that are no part of it. */
export function documentOf(
  role: 'sender' | 'receiver',
  flags: readonly string[],
): { document: Record<string, unknown>; rest: string[] } {
  const kind = role === 'sender' ? 'Sender' : 'Receiver';
  const document: Record<string, unknown> = { apiVersion: 'kokotap.dev/v1alpha1', kind };
  const path: Record<string, unknown> = { kind: 'vxlan' };
  const rest: string[] = [];
  for (const flag of flags) {
    const [, name = '', value = ''] = /^--([a-z-]+)=?(.*)$/su.exec(flag) ?? [];
    if (name === 'same-node') path['kind'] = 'same-node';
    else if (name === 'local' || name === 'remote') path[name] = value;
    else if (name === 'vni') path['vni'] = Number(value);
    else if (name === 'vxlan-port') path['port'] = Number(value);
    else if (name in read) Object.assign(document, read[name]?.(value));
    else rest.push(flag);
  }
  return { document: { ...document, path }, rest };
}

const read: Record<string, (value: string) => object> = {
  'tap-id': (tapId) => ({ tapId }),
  ifname: (mirrorInterface) => ({ mirrorInterface }),
  'metrics-port': (value) => ({ metricsPort: Number(value) }),
  'pod-uid': (podUid) => ({ podUid }),
  'host-network': () => ({ hostNetwork: true }),
  pod: (value) => ({ pod: value.split('/')[1], namespace: value.split('/')[0] }),
  'tap-namespace': (tapNamespace) => ({ tapNamespace }),
  'pod-ifname': (value) => ({ interfaces: value.split(',') }),
  'mirror-type': (direction) => ({ direction }),
  filter: (filter) => ({ filter }),
  snaplen: (value) => ({ snapLengthBytes: Number(value) }),
  'one-in': (value) => ({ sampleOneIn: Number(value) }),
  'max-bytes-per-second': (value) => ({ maxBytesPerSecond: Number(value) }),
  'destination-pod': (uid) => ({ destinationPod: { uid, name: 'suricata', namespace: 'tools' } }),
  joined: () => ({ joined: true }),
  'external-peer': () => ({ externalPeer: true }),
  'fast-path': (value) => ({ fastPath: value !== 'no' }),
};
