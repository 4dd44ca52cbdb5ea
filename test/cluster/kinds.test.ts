import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { captureOnNode } from './support/capture.ts';
import { Flow, flowNumbers, flowPort, numbersFrom } from './support/flow.ts';
import {
  kubectl,
  kubernetesMinor,
  type NodeName,
  nextTo,
  restartsWithinMs,
  runtimes,
} from './support/lab.ts';
import { type Pod, echoCommand, toolsImage } from './support/pod.ts';
import { test } from './support/sandbox.ts';
import { expectTapped } from './support/tapped.ts';
import { until } from './support/until.ts';

const tools = { image: toolsImage };
const sleeper = { ...tools, command: ['sleep', 'infinity'] };
const echo = { ...tools, command: echoCommand };

/** Pods whose first look gives no reason to think that a tap of them differs from any other's. */
const kinds: Record<string, Record<string, unknown>> = {
  'of several containers': {
    containers: [
      { name: 'first', ...sleeper },
      { name: 'main', ...echo },
    ],
  },
  ...(kubernetesMinor >= 29 && {
    'with a sidecar': {
      initContainers: [{ name: 'sidecar', ...sleeper, restartPolicy: 'Always' }],
    },
  }),
  'without rights': {
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
  'whose containers see each other': {
    shareProcessNamespace: true,
    containers: [
      { name: 'main', ...echo },
      { name: 'second', ...sleeper },
    ],
  },
  Guaranteed: withResources({ limits: { cpu: '50m', memory: '64Mi' } }),
  Burstable: withResources({ requests: { memory: '16Mi' } }),
  BestEffort: {},
};

describe.each(runtimes)('$runtime', ({ node }) => {
  test.for(Object.entries(kinds))('a pod %s', async ([, spec], { sandbox }) => {
    const web = await sandbox.startPod({ name: 'web', node, spec });
    await expectTapped(sandbox, web, nextTo(node));
  });

  test("a pod in its node's network, which stands for its node", async ({ sandbox }) => {
    const host = await sandbox.startPod({ name: 'host', node, spec: { hostNetwork: true } });
    const dest = nextTo(node);
    const peer = await sandbox.startPod({ name: 'peer', node: nextTo(dest) });
    const args = ['--pod=host', `--dest-node=${dest}`, `--filter=udp port ${flowPort}`];
    await sandbox.tap(...args);
    const packets = await captureOnNode(dest, 'mirror', async () => {
      expect(await Flow.send(peer, host, 100)).toEqual({ sent: 100, duplicates: 0, gaps: [] });
    });
    const [here, there] = await Promise.all([host.address(), peer.address()]);
    expect(flowNumbers(packets, there, here)).toEqual(numbersFrom(0, 100));
    expect(flowNumbers(packets, here, there)).toEqual(numbersFrom(0, 100));
    expect(packets).toHaveLength(200);
    await sandbox.untap(...args);
  });

  test('a pod whose init container still runs', async ({ sandbox }) => {
    const web = await sandbox.createPod({
      name: 'web',
      node,
      spec: { initContainers: [{ name: 'init', ...echo }] },
    });
    await until('the init container runs', async () =>
      (await web.field('.status.initContainerStatuses[0].state')).includes('running'),
    );
    expect(await web.field('.status.phase')).toBe('Pending');
    await expectTapped(sandbox, web, nextTo(node));
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
      await expectTapped(sandbox, web, nextTo(node));
    });
  }

  test('a static pod, beside one whose UID begins with its own', async ({ sandbox }) => {
    const uid = sandbox.namespace;
    const [web, longer] = await Promise.all([
      sandbox.startStaticPod('web', node, uid),
      sandbox.startStaticPod('longer', node, `${uid}-and-more`),
    ]);
    expect(await web.field(String.raw`.metadata.annotations.kubernetes\.io/config\.hash`)).toBe(uid);
    await expectTapped(sandbox, web, nextTo(node), longer);
  });

  test('a pod whose only container ends again and again', { timeout: 400_000 }, async ({ sandbox }) => {
    const dies = { ...tools, command: ['timeout', '4', ...echoCommand] };
    const web = await sandbox.createPod({
      name: 'web',
      node,
      spec: { containers: [{ name: 'main', ...dies }] },
    });
    const lastState = () => web.field('.status.containerStatuses[0].lastState');
    await until('it has ended', async () => (await lastState()).includes('terminated'), restartsWithinMs);
    const peer = await sandbox.startPod({ name: 'peer', node: nextTo(node) });
    const names = await sandbox.tap('--pod=web', `--dest-node=${nextTo(node)}`);
    const address = await web.address();
    const before = await restarts(web);
    const ready = () => web.field('.status.containerStatuses[0].ready');
    await until('it runs', async () => (await ready()) === 'true', restartsWithinMs);
    const flow = await sandbox.startFlow(peer, web, 100);
    const packets = await captureOnNode(nextTo(node), 'mirror', async () => {
      await until(
        'it has ended twice more',
        async () => (await restarts(web)) >= before + 2,
        restartsWithinMs,
      );
      await sleep(2000); // a tap that waits looks for the pod every second
    });
    const { duplicates } = await flow.stop();
    expect(duplicates).toBe(0);
    const echoed = flowNumbers(packets, address, await peer.address());
    expect(new Set(echoed).size).toBe(echoed.length);
    // Seen in more than one of its lives: there is a gap between them of the time it does not run.
    expect(gapsOver(echoed, 20)).toBeGreaterThanOrEqual(1);
    await sandbox.kubectl('delete', 'pod', ...names);
    const isGone = async () => !(await web.inNetns('ip', '-brief', 'link')).includes('mirror');
    await until('nothing of the tap is in the pod, which runs', isGone, restartsWithinMs);
  });
});

function withResources(resources: Record<string, unknown>): Record<string, unknown> {
  return { containers: [{ name: 'main', ...echo, resources }] };
}

async function hasUserNamespaces(node: NodeName): Promise<boolean> {
  const handlers = await kubectl('get', 'node', node, '-o', 'jsonpath={.status.runtimeHandlers}');
  return handlers.includes('"userNamespaces":true');
}

async function restarts(pod: Pod): Promise<number> {
  return Number(await pod.field('.status.containerStatuses[0].restartCount'));
}

/** How often a number is followed by one that is larger by more than so much. */
function gapsOver(numbers: readonly number[], size: number): number {
  return numbers.filter((number, index) => number - (numbers[index - 1] ?? number) > size).length;
}
