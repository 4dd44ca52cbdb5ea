import { expect } from 'vitest';
import * as z from 'zod/mini';
import { kubeletMinor } from './support/api.ts';
import { type NodeName, nextTo, processesOnNode, runtimes, scriptOnNode } from './support/lab.ts';
import type { Pod } from './support/pod.ts';
import { test } from './support/sandbox.ts';

/** Bits of Linux capabilities. */
const capabilities = { NET_ADMIN: 1n << 12n, SYS_PTRACE: 1n << 19n, SYS_ADMIN: 1n << 21n };

const needs = { sender: ['NET_ADMIN', 'SYS_ADMIN', 'SYS_PTRACE'], receiver: ['NET_ADMIN'] } as const;

test.for(runtimes)(
  "a tap's pods run with what they need and nothing else: $runtime",
  async ({ node }, { sandbox }) => {
    await sandbox.startPod({ name: 'web', node });
    const dest = nextTo(node);
    const [sender = '', receiver = ''] = await sandbox.tap('--pod=web', `--dest-node=${dest}`);
    await expectLeastRights(sandbox.pod(sender, node), 'sender');
    await expectLeastRights(sandbox.pod(receiver, dest), 'receiver');
  },
);

const podSchema = z.object({
  metadata: z.object({ labels: z.record(z.string(), z.string()) }),
  spec: z.object({
    volumes: z.optional(z.unknown()),
    containers: z.array(z.object({ securityContext: z.unknown() })),
    hostPID: z.optional(z.boolean()),
  }),
});

async function expectLeastRights(pod: Pod, role: 'sender' | 'receiver'): Promise<void> {
  const { metadata, spec } = podSchema.parse(await pod.object());
  const pattern = `kokotap-agent ${role} .*"tapId":"${metadata.labels['kokotap.dev/tap']}"`;
  const [pid = ''] = await processesOnNode(pod.node, pattern);
  const { status, mounts } = await process(pod.node, pid);
  const wanted = needs[role].reduce((bits, each) => bits | capabilities[each], 0n).toString(16);
  for (const set of ['CapEff', 'CapPrm', 'CapBnd']) {
    expect(status.get(set)?.replace(/^0+/, '')).toBe(wanted);
  }
  expect(BigInt(`0x${status.get('CapInh') ?? ''}`) & ~BigInt(`0x${wanted}`)).toBe(0n);
  expect(status.get('Seccomp')).toBe('2'); // a filter
  expect(status.get('NoNewPrivs')).toBe('1');
  expect(mounts.find((mount) => mount.split(' ')[1] === '/')?.split(' ')[3]).toMatch(/^ro,/);

  expect(spec.volumes).toBe(undefined);
  expect(spec.containers).toHaveLength(1);
  expect(spec.hostPID).toBe(role === 'sender' ? true : undefined);
  const appArmor = role === 'sender' && (await kubeletMinor(pod.node)) >= 30;
  expect(spec.containers[0]?.securityContext).toEqual({
    runAsUser: 0,
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'], add: needs[role] },
    seccompProfile: { type: 'RuntimeDefault' },
    ...(appArmor ? { appArmorProfile: { type: 'Unconfined' } } : {}),
  });
}

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
