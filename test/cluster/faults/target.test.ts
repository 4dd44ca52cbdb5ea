import { describe, expect } from 'vitest';
import { onNode, type NodeName, runtimes, scriptOnNode } from '../support/lab.ts';
import type { Pod } from '../support/pod.ts';
import { test } from '../support/sandbox.ts';
import { expectSurvived, type Fault, type Scene } from '../support/scene.ts';
import { until } from '../support/until.ts';

/** A tap is to be in a new sandbox's network that long after its first process began. */
const longestGapS = 5;
/** What the kernel counts the time of processes in, on all machines (USER_HZ). */
const ticksPerSecond = 100;

const faults: Record<string, Fault & { readonly lacking?: readonly string[] }> = {
  "end of the target's sandbox by its runtime": {
    strike: (scene) => endSandbox(scene, stopSandbox),
    endsTarget: () => true,
  },
  "SIGKILL of the target's pause process": {
    strike: (scene) => endSandbox(scene, killPause),
    endsTarget: () => true,
    lacking: ['cri-o'], // which gives that to pods only that share processes
  },
  'mirror deleted by hand': {
    strike: async ({ node, ifname }) => {
      const index = () => onNode(node, 'cat', `/sys/class/net/${ifname}/ifindex`);
      const before = await index();
      await onNode(node, 'ip', 'link', 'delete', ifname);
      // The kubelet says that the receiver is Ready for some seconds more.
      await until('there is a new one, and it is up', async () => {
        const flags = await onNode(node, 'cat', `/sys/class/net/${ifname}/flags`);
        return (await index()) !== before && Number(flags) % 2 === 1;
      });
    },
  },
};

describe.each(runtimes)('$runtime', ({ node, runtime }) => {
  const those = Object.entries(faults).filter(([, { lacking = [] }]) => !lacking.includes(runtime));

  test.for(those)('%s', ([, fault], { sandbox }) => expectSurvived(sandbox, [node], fault));
});

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

/** Ends the target's sandbox and waits until the tap is in the next one. */
async function endSandbox({ web, ifname }: Scene, end: (pod: Pod) => Promise<void>): Promise<void> {
  const struck = await uptime(web.node);
  await end(web);
  let [began, tapped] = [0, 0];
  await until('the pod has a new sandbox with the tap in it', async () => {
    const seen = await web.inNetns('bash', '-c', 'ip -brief link; cat /proc/uptime');
    [began, tapped] = [await begin(web), secondsOf(seen.split('\n').at(-1))];
    return seen.includes(ifname) && began > struck;
  });
  expect(tapped - began).toBeLessThan(longestGapS);
  await web.addressKnown();
}

/** In seconds. */
async function uptime(node: NodeName): Promise<number> {
  return secondsOf(await onNode(node, 'cat', '/proc/uptime'));
}

/** The first number of /proc/uptime. */
function secondsOf(uptimeLine = ''): number {
  return Number(uptimeLine.split(' ')[0]);
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
