import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { captureOnNode } from './support/capture.ts';
import { flaws, flowNumbers } from './support/flow.ts';
import {
  kubectl,
  kubernetesMinor,
  type NodeName,
  nextTo,
  nodes,
  onNode,
  processesOnNode,
  reboot,
  restartsWithinMs,
  runtimes,
  runtimeServices,
  scriptOnNode,
  service,
} from './support/lab.ts';
import type { Packet } from './support/packets.ts';
import { type Pod, snapshot, traces } from './support/pod.ts';
import { type Sandbox, test } from './support/sandbox.ts';
import { until } from './support/until.ts';

/** A tap under traffic: from a peer on a third node to the target, its copies to the node next to the target's. */
interface Scene {
  readonly sandbox: Sandbox;
  readonly web: Pod;
  readonly peer: Pod;
  readonly sender: Pod;
  readonly receiver: Pod;
}

interface Fault {
  /** Brings it about and waits until what it ended runs again. */
  readonly strike: (scene: Scene) => Promise<unknown>;
  /** The tap takes no notice: every packet is copied meanwhile. */
  readonly unnoticed?: true;
  /** The target's network ends with it: only what is sent to the new one can arrive. */
  readonly endsTarget?: true;
  /** A node's devices end with it, so that they cannot be compared with those of before. */
  readonly endsNode?: true;
  /** Runtimes that cannot have it. */
  readonly lacking?: readonly string[];
}

const perSecond = 1000;
const apiDownMs = 60_000;
/**
 * A kubelet that has missed the API for a minute asks again after up to 60 s (client-go's reflector), hears that a new API
 * does not go on from what it knew, and waits as long once more; then it starts a pod.
 */
const kubeletsHearWithinMs = 150_000;
/** Fewer where the kubelet takes longer and longer to start the next one. */
const killsInARow = kubernetesMinor >= 32 ? 20 : 3;
/** A tap is to be in a new sandbox's network that long after its first process began. */
const longestGapS = 5;
/** What the kernel counts the time of processes in, on all machines (USER_HZ). */
const ticksPerSecond = 100;

const faults: Record<string, Fault> = {
  "restart of the runtime on the target's node": {
    strike: ({ web }) => restartRuntime(web),
    unnoticed: true,
  },
  "restart of the runtime on the destination's node": {
    strike: ({ receiver }) => restartRuntime(receiver),
    unnoticed: true,
  },
  "restart of the kubelet on the target's node": {
    strike: ({ web }) => restartKubelet(web),
    unnoticed: true,
  },
  "restart of the kubelet on the destination's node": {
    strike: ({ receiver }) => restartKubelet(receiver),
    unnoticed: true,
  },
  "end of the target's sandbox by its runtime": {
    strike: ({ web }) => endSandbox(web, stopSandbox),
    endsTarget: true,
  },
  "SIGKILL of the target's pause process": {
    strike: ({ web }) => endSandbox(web, killPause),
    endsTarget: true,
    lacking: ['cri-o'], // which gives that to pods only that share processes
  },
  "reboot of the target's node": {
    strike: async ({ web, sender }) => {
      await rebootNode(web.node, sender, web);
      await addressKnown(web);
    },
    endsTarget: true,
    endsNode: true,
  },
  "reboot of the destination's node": {
    strike: ({ receiver }) => rebootNode(receiver.node, receiver),
    endsNode: true,
  },
  'SIGKILL of the sender, again and again': {
    strike: ({ sender }) => killAgain(sender, 'sender'),
    unnoticed: true,
  },
  'SIGKILL of the receiver, again and again': {
    strike: ({ receiver }) => killAgain(receiver, 'receiver'),
    unnoticed: true,
  },
  'mirror deleted by hand': {
    strike: async ({ receiver }) => {
      const index = () => onNode(receiver.node, 'cat', '/sys/class/net/mirror/ifindex');
      const before = await index();
      await onNode(receiver.node, 'ip', 'link', 'delete', 'mirror');
      await until('there is a new one', async () => (await index()) !== before);
    },
  },
};

describe.each(runtimes)('$runtime', ({ node, runtime }) => {
  const those = Object.entries(faults).filter(([, { lacking = [] }]) => !lacking.includes(runtime));

  test.for(those)('%s', { timeout: 240_000 }, ([, fault], { sandbox }) =>
    expectSurvived(sandbox, node, fault),
  );
});

test(`no API for ${apiDownMs / 1000} s`, { timeout: 360_000 }, ({ sandbox }) =>
  expectSurvived(sandbox, 'node-a', {
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

async function expectSurvived(sandbox: Sandbox, node: NodeName, fault: Fault): Promise<void> {
  const dest = nextTo(node);
  const [web, peer] = await Promise.all([
    sandbox.startPod({ name: 'web', node }),
    sandbox.startPod({ name: 'peer', node: nextTo(dest) }),
    // A node that has rebooted gets its bridge for pods with the first one.
    sandbox.startPod({ name: 'bystander', node: dest }),
  ]);
  const before = await snapshot(web);
  const args = ['--pod=web', `--dest-node=${dest}`];
  const [sender = '', receiver = ''] = await sandbox.tap(...args);
  const scene = {
    sandbox,
    web,
    peer,
    sender: sandbox.pod(sender, node),
    receiver: sandbox.pod(receiver, dest),
  };

  let flow = await sandbox.startFlow(peer, web, perSecond);
  const strike = () => fault.strike(scene);
  let meanwhile: readonly Packet[] = [];
  if (fault.unnoticed) meanwhile = await captureOnNode(dest, 'mirror', strike);
  else await strike();
  await sandbox.ready(sender, receiver);
  if (fault.endsTarget) {
    const { sent, duplicates, gaps } = await flow.stop();
    expect(duplicates).toBe(0);
    // Lost is what was sent after the target's end, and nothing before.
    expect(gaps).toEqual([[expect.any(Number), sent - 1]]);
    flow = await sandbox.startFlow(peer, web, perSecond);
  }
  const after = await captureOnNode(dest, 'mirror', () => sleep(1000));
  expect(await flow.stop()).toMatchObject({ duplicates: 0, gaps: [] });
  if (fault.unnoticed) await expectCopies(scene, meanwhile);
  await expectCopies(scene, after);

  await sandbox.untap(...args);
  expect(await traces()).toEqual([]);
  if (!fault.endsTarget && !fault.endsNode) expect(await snapshot(web)).toEqual(before);
}

/** Every packet that passed while it was captured is there once, in both directions. */
async function expectCopies({ web, peer }: Scene, packets: readonly Packet[]): Promise<void> {
  const [here, there] = await Promise.all([web.address(), peer.address()]);
  for (const numbers of [flowNumbers(packets, there, here), flowNumbers(packets, here, there)]) {
    expect(numbers.length).toBeGreaterThan(perSecond / 2);
    expect(flaws(numbers)).toEqual([]);
  }
}

async function restartRuntime(pod: Pod): Promise<void> {
  for (const name of await runtimeServices(pod.node)) await service('restart', pod.node, name);
  await answers(pod);
}

async function restartKubelet(pod: Pod): Promise<void> {
  await service('restart', pod.node, 'kubelet');
  await answers(pod);
}

/** Waits until the kubelet and the runtime of its node serve a pod again, and have had time to do more than that. */
async function answers(pod: Pod): Promise<void> {
  await until('the container can be looked into', async () => (await pod.exec('ip', '-V')) !== '');
  await sleep(2000);
}

/** Waits until all kubelets follow the API again. */
async function kubeletsHear(sandbox: Sandbox): Promise<void> {
  const names = nodes.map((node) => `on-${node}`);
  await Promise.all(nodes.map((node, index) => sandbox.createPod({ name: names[index] ?? '', node })));
  const pods = names.map((name) => `pod/${name}`);
  const started = () => sandbox.kubectl('wait', '--for=condition=Ready', '--timeout=10s', ...pods);
  await until('all kubelets have started a pod', async () => (await started()) !== '', kubeletsHearWithinMs);
  await sandbox.kubectl('delete', ...pods);
}

async function stopSandbox(pod: Pod): Promise<void> {
  const uid = await pod.field('.metadata.uid');
  await scriptOnNode(pod.node, 'stop-sandbox "$(</opt/lab/runtime/endpoint)" "$1"', uid);
}

async function killPause(pod: Pod): Promise<void> {
  await pod.script(`netns=$(readlink "/proc/$pid/ns/net")
    for process in $(pgrep -x pause); do
      [ "$(readlink "/proc/$process/ns/net")" != "$netns" ] || exec kill -KILL "$process"
    done
    exit 1`);
}

/** Ends the pod's sandbox and waits until the tap is in the next one. */
async function endSandbox(pod: Pod, end: (pod: Pod) => Promise<void>): Promise<void> {
  const struck = await uptime(pod.node);
  await end(pod);
  let [began, tapped] = [0, 0];
  await until('the pod has a new sandbox with the tap in it', async () => {
    const links = await pod.inNetns('ip', '-brief', 'link');
    [began, tapped] = [await begin(pod), await uptime(pod.node)];
    return links.includes('mirror') && began > struck;
  });
  expect(tapped - began).toBeLessThan(longestGapS);
  await addressKnown(pod);
}

/** In seconds. */
async function uptime(node: NodeName): Promise<number> {
  return Number((await onNode(node, 'cat', '/proc/uptime')).split(' ')[0]);
}

/**
 * When the first process in a pod's network began, in seconds since boot. The number of the namespace is no proof of
 * a new one: the kernel gives it again.
 */
async function begin(pod: Pod): Promise<number> {
  const ticks = await pod.script(`netns=$(readlink "/proc/$pid/ns/net")
    for process in /proc/[0-9]*; do
      [ "$(readlink "$process/ns/net")" != "$netns" ] || sed 's/.*) //' "$process/stat" | cut -d' ' -f20
    done | sort -n | head -n 1`);
  return Number(ticks) / ticksPerSecond;
}

/** Waits until the API has the address that the pod has now. */
function addressKnown(pod: Pod): Promise<void> {
  return until("the API has the pod's new address", async () =>
    (await pod.inNetns('ip', '-brief', 'address')).includes(` ${await pod.address()}/`),
  );
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

/** Kills an agent, and the next one as soon as it is there, and so on; waits for the last one. */
async function killAgain(agent: Pod, role: 'sender' | 'receiver'): Promise<void> {
  const tapId = await agent.field(String.raw`.metadata.labels.kokotap/tap`);
  const pattern = `kokotap-agent ${role} --tap-id=${tapId}`;
  let killed = '';
  const another = async (): Promise<string> => {
    const [pid = ''] = await processesOnNode(agent.node, pattern);
    if (pid === killed) throw new Error('it is the one that was killed');
    return pid;
  };
  for (let kills = killsInARow; kills > 0; kills -= 1) {
    const kill = async () => {
      const pid = await another();
      // The runtime's own process, before it becomes the agent's, has that command line too, and may just have ended.
      await onNode(agent.node, 'kill', '-KILL', pid);
      killed = pid;
      return true;
    };
    await until('another agent is killed', kill, restartsWithinMs);
  }
  await until('another agent runs', async () => (await another()) !== '', restartsWithinMs);
}
