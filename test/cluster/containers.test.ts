import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { captureOnNode } from './support/capture.ts';
import { flowNumbers } from './support/flow.ts';
import { nextTo, restartsWithinMs, runtimes } from './support/lab.ts';
import { type Pod, echoCommand, toolsImage } from './support/pod.ts';
import { test } from './support/sandbox.ts';
import { expectTapped } from './support/tapped.ts';
import { until } from './support/until.ts';

// Side by side: most of the time they wait for a kubelet to start a container.
describe.concurrent.each(runtimes)('$runtime', ({ runtime, node }) => {
  test('a pod whose init container still runs', async ({ sandbox }) => {
    const web = await sandbox.createPod({
      name: 'web',
      node,
      spec: { initContainers: [{ name: 'init', image: toolsImage, command: echoCommand }] },
    });
    await until('the init container runs', async () =>
      (await web.field('.status.initContainerStatuses[0].state')).includes('running'),
    );
    expect(await web.field('.status.phase')).toBe('Pending');
    await expectTapped(sandbox, [web], nextTo(node));
  });

  test('a pod whose only container ends again and again', async ({ sandbox }) => {
    const dies = { image: toolsImage, command: ['timeout', '8', ...echoCommand] };
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
    const ready = () => web.field('.status.containerStatuses[0].ready');
    await until('it runs', async () => (await ready()) === 'true', restartsWithinMs);
    const flow = await sandbox.startFlow(peer, web, 100);
    const packets = await captureOnNode(nextTo(node), sandbox.ifname, async () => {
      const before = await restarts(web);
      await until(
        'it has ended twice more',
        async () => (await restarts(web)) >= before + 2,
        restartsWithinMs,
      );
      await sleep(4000); // to see something of this life too: a tap that waits looks for the pod every second
    });
    const { duplicates } = await flow.stop();
    expect(duplicates).toBe(0);
    const echoed = flowNumbers(packets, address, await peer.address());
    expect(new Set(echoed).size).toBe(echoed.length);
    // Seen in more than one of its lives: there is a gap between them of the time it does not run.
    expect(gapsOver(echoed, 20)).toBeGreaterThanOrEqual(1);
    const log = await sandbox.logs(names[0] ?? '');
    // The other runtimes' pods have a process, pause, between two lives of the container.
    expect(log.includes('waiting for a running container of the pod')).toBe(runtime === 'cri-o');
    expect(log).not.toContain('which this node does not have');
    await sandbox.delete('pods', ...names);
    const isGone = async () => !(await web.inNetns('ip', '-brief', 'link')).includes(sandbox.ifname);
    await until('nothing of the tap is in the pod, which runs', isGone, restartsWithinMs);
  });
});

async function restarts(pod: Pod): Promise<number> {
  return Number(await pod.field('.status.containerStatuses[0].restartCount'));
}

/** How often a number is followed by one that is larger by more than so much. */
function gapsOver(numbers: readonly number[], size: number): number {
  return numbers.filter((number, index) => number - (numbers[index - 1] ?? number) > size).length;
}
