import { describe, expect } from 'vitest';
import { nodeField } from './support/api.ts';
import { kubernetesMinor, type NodeName, nextTo, runtimes } from './support/lab.ts';
import { echoCommand, toolsImage } from './support/pod.ts';
import { test } from './support/sandbox.ts';
import { expectTapped } from './support/tapped.ts';
import { until } from './support/until.ts';

const tools = { image: toolsImage };
const sleeper = { ...tools, command: ['sleep', 'infinity'] };
const echo = { ...tools, command: echoCommand };

/**
 * Pods, by their names, whose first look gives no reason to think that a tap of them differs from any other's. Those without
 * resources are of the class BestEffort.
 */
const kinds: Record<string, Record<string, unknown>> = {
  'several-containers': {
    containers: [
      { name: 'first', ...sleeper },
      { name: 'main', ...echo },
    ],
  },
  ...(kubernetesMinor >= 29 && {
    'with-sidecar': {
      initContainers: [{ name: 'sidecar', ...sleeper, restartPolicy: 'Always' }],
    },
  }),
  'without-rights': {
    containers: [
      {
        name: 'main',
        ...echo,
        securityContext: {
          runAsUser: 1000,
          runAsNonRoot: true,
          allowPrivilegeEscalation: false,
          capabilities: { drop: ['ALL'] },
          seccompProfile: { type: 'RuntimeDefault' },
        },
      },
    ],
  },
  'shared-processes': {
    shareProcessNamespace: true,
    containers: [
      { name: 'main', ...echo },
      { name: 'second', ...sleeper },
    ],
  },
  guaranteed: withResources({ limits: { cpu: '50m', memory: '64Mi' } }),
  burstable: withResources({ requests: { memory: '16Mi' } }),
};

describe.each(runtimes)('$runtime', ({ node }) => {
  test(`pods of many kinds at once: ${Object.keys(kinds).join(', ')}`, async ({ sandbox }) => {
    const [first, ...others] = await Promise.all(
      Object.entries(kinds).map(([name, spec]) => sandbox.startPod({ name, node, spec })),
    );
    if (first === undefined) throw new Error('there are no kinds');
    await expectTapped(sandbox, [first, ...others], nextTo(node));
  });

  // Older ones have no such pods.
  if (kubernetesMinor >= 30) {
    test('a pod with users of its own, where the runtime can', async ({ sandbox }) => {
      const web = await sandbox.createPod({ name: 'web', node, spec: { hostUsers: false } });
      if (!(await hasUserNamespaces(node))) {
        await until('the kubelet has refused it', async () =>
          (await sandbox.kubectl('get', 'events')).includes('does not support user namespaces'),
        );
        return;
      }
      await sandbox.ready('web');
      expect(await web.exec('cat', '/proc/self/uid_map')).not.toMatch(/^\s*0\s+0\s/);
      await expectTapped(sandbox, [web], nextTo(node));
    });
  }

  test('a static pod, beside one whose UID begins with its own', async ({ sandbox }) => {
    const uid = sandbox.namespace;
    const [web, longer] = await Promise.all([
      sandbox.startStaticPod('web', node, uid),
      sandbox.startStaticPod('longer', node, `${uid}-and-more`),
    ]);
    expect(await web.field(String.raw`.metadata.annotations.kubernetes\.io/config\.hash`)).toBe(uid);
    await expectTapped(sandbox, [web], nextTo(node), [longer]);
  });
});

function withResources(resources: Record<string, unknown>): Record<string, unknown> {
  return { containers: [{ name: 'main', ...echo, resources }] };
}

async function hasUserNamespaces(node: NodeName): Promise<boolean> {
  return (await nodeField(node, '.status.runtimeHandlers')).includes('"userNamespaces":true');
}
