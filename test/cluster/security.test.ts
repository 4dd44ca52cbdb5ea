import { expect } from 'vitest';
import { type NodeName, processesOnNode, scriptOnNode } from './support/lab.ts';
import { test } from './support/sandbox.ts';

/** Bits of Linux capabilities. */
const capabilities = { NET_ADMIN: 1n << 12n, SYS_PTRACE: 1n << 19n, SYS_ADMIN: 1n << 21n };

test.for([
  { role: 'sender', node: 'node-a', needs: ['NET_ADMIN', 'SYS_ADMIN', 'SYS_PTRACE'], hostPID: true },
  { role: 'receiver', node: 'node-b', needs: ['NET_ADMIN'], hostPID: undefined },
] as const)(
  'a $role runs with $needs and nothing else',
  async ({ role, node, needs, hostPID }, { sandbox }) => {
    await sandbox.startPod({ name: 'web', node: 'node-a' });
    const names = await sandbox.tap('--pod=web', '--dest-node=node-b');
    const name = names.find((each) => each.includes(role)) ?? '';

    const pids = await processesOnNode(node, `kokotap-agent ${role} --tap-id=${await sandbox.tapId(name)}`);
    const { status, mounts } = await process(node, pids[0] ?? '');
    const wanted = needs.reduce((bits, each) => bits | capabilities[each], 0n).toString(16);
    for (const set of ['CapEff', 'CapPrm', 'CapBnd']) {
      expect(status.get(set)?.replace(/^0+/, '')).toBe(wanted);
    }
    expect(BigInt(`0x${status.get('CapInh') ?? ''}`) & ~BigInt(`0x${wanted}`)).toBe(0n);
    expect(status.get('Seccomp')).toBe('2'); // a filter
    expect(status.get('NoNewPrivs')).toBe('1');
    expect(mounts.find((mount) => mount.split(' ')[1] === '/')?.split(' ')[3]).toMatch(/^ro,/);

    const { spec } = JSON.parse(await sandbox.kubectl('get', 'pod', name, '-o', 'json'));
    expect(spec.volumes).toEqual([{ name: 'run', emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } }]);
    expect(spec.containers).toHaveLength(1);
    expect(spec.hostPID).toBe(hostPID);
    expect(spec.containers[0].securityContext).toEqual({
      runAsUser: 0,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'], add: needs },
      seccompProfile: { type: 'RuntimeDefault' },
      ...(role === 'sender' ? { appArmorProfile: { type: 'Unconfined' } } : {}),
    });
  },
);

/** What the kernel says of a process of a node. */
async function process(
  node: NodeName,
  pid: string,
): Promise<{ status: Map<string, string>; mounts: string[] }> {
  const [status, mounts] = await Promise.all(
    ['status', 'mounts'].map((file) => scriptOnNode(node, 'cat "/proc/$1/$2"', pid, file)),
  );
  const fields = (status ?? '').split('\n').map((line) => line.split(/:\s+/));
  return {
    status: new Map(fields.map(([name = '', value = '']) => [name, value])),
    mounts: (mounts ?? '').split('\n'),
  };
}
