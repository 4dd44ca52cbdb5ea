import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import {
  kubectl,
  type NodeName,
  nextTo,
  nodes,
  reboot,
  runtimes,
  runtimeServices,
  service,
} from '../support/lab.ts';
import { type Pod, toolsImage } from '../support/pod.ts';
import { pair, type Sandbox, test } from '../support/sandbox.ts';
import { expectSurvived } from '../support/scene.ts';
import { until } from '../support/until.ts';

/*
 * What ends here, or has no time, serves every pod of a node or of the cluster, so no other test of the cluster runs
 * meanwhile. One outage serves several taps instead.
 */

const restarts = {
  runtime: async (node: NodeName) => {
    for (const name of await runtimeServices(node)) await service('restart', node, name);
  },
  kubelet: (node: NodeName) => service('restart', node, 'kubelet'),
};

// Each node is the target's of one tap and the destination's of another.
test.for(Object.entries(restarts))(
  'restart of the %s of one node after the other, each of which has a target and a destination',
  ([, restart], { sandbox }) =>
    expectSurvived(sandbox, nodes, {
      strike: async (...scenes) => {
        for (const { web } of scenes) {
          await restart(web.node);
          await answers(web);
        }
      },
      unnoticed: true,
    }),
);

test.for(runtimes)('reboot of the node of a target and of a destination: $runtime', ({ node }, { sandbox }) =>
  expectSurvived(sandbox, [node, nextTo(nextTo(node))], {
    strike: async ({ web, sender }, { receiver }) => {
      await rebootNode(node, sender, web, receiver);
      await web.addressKnown();
    },
    endsTarget: ({ web }) => web.node === node,
    endsNode: true,
  }),
);

/** Eight programs that never wait, with a request for nearly all CPUs of the node: its other pods get next to nothing. */
const burning = {
  containers: [
    {
      name: 'main',
      image: toolsImage,
      command: [
        'bash',
        '-c',
        'for i in 1 2 3 4 5 6 7 8; do (while :; do :; done) & done; sleep infinity & wait $!',
      ],
      resources: { requests: { cpu: '1500m' } },
    },
  ],
};

test('a tap that is deleted on a node without spare CPU leaves nothing', async ({ sandbox }) => {
  const { web } = await pair(sandbox);
  const before = await sandbox.snapshot(web);
  const names = await sandbox.tap('--pod=web', '--dest-node=node-b');
  await sandbox.startPod({ name: 'burn', node: 'node-a', spec: burning });
  await sleep(2000); // until it has the CPUs
  await sandbox.delete('pods', ...names);
  await sandbox.kubectl('delete', 'pod', 'burn', '--now');
  expect(await sandbox.traces()).toEqual([]);
  expect(await sandbox.snapshot(web)).toEqual(before);
});

const apiDownMs = 60_000;

test(`no API for ${apiDownMs / 1000} s`, { timeout: 360_000 }, ({ sandbox }) =>
  expectSurvived(sandbox, ['node-a'], {
    strike: async () => {
      sandbox.defer(() => service('start', 'control', 'kube-apiserver'));
      await service('stop', 'control', 'kube-apiserver');
      await sleep(apiDownMs);
      await expect(kubectl('get', 'nodes')).rejects.toThrow('refused');
      await service('start', 'control', 'kube-apiserver');
      await until('the API answers', async () => (await kubectl('get', 'nodes')) !== '');
      await kubeletsHear(sandbox);
    },
    unnoticed: true,
  }),
);

/** Waits until the kubelet and the runtime of its node serve a pod again, and have had time to do more than that. */
async function answers(pod: Pod): Promise<void> {
  await until('the container can be looked into', async () => (await pod.exec('ip', '-V')) !== '');
  await sleep(2000);
}

/** Reboots a node and waits until the pods, which are on it, run again. */
async function rebootNode(node: NodeName, ...pods: Pod[]): Promise<void> {
  const before = await Promise.all(pods.map(containerId));
  await reboot(node);
  await Promise.all(
    pods.map((pod, index) =>
      until(`${pod.name} runs again`, async () => (await containerId(pod)) !== before[index], 60_000),
    ),
  );
}

function containerId(pod: Pod): Promise<string> {
  return pod.field('.status.containerStatuses[0].containerID');
}

/**
 * Waits until all kubelets follow the API again. One that has missed the API for a minute asks again after up to 60 s
 * (client-go's reflector), hears that a new API does not go on from what it knew, and waits as long once more; then it starts
 * a pod.
 */
async function kubeletsHear(sandbox: Sandbox): Promise<void> {
  const names = nodes.map((node) => `on-${node}`);
  await Promise.all(nodes.map((node, index) => sandbox.createPod({ name: names[index] ?? '', node })));
  await sandbox.ready(...names);
  await sandbox.delete('pods', ...names);
}
