import { describe, expect } from 'vitest';
import { addresses } from './support/addresses.ts';
import { Capture } from './support/capture.ts';
import { ethernet, icmpEcho, ipv4, vxlan } from './support/frames.ts';
import { type Net, test } from './support/net.ts';
import { echoUdp, exchangeUdp, sendDatagram } from './support/traffic.ts';
import { soon } from './support/wait.ts';

const port = 7000;
const count = 100;
const traffic = { port, count, bytes: 8, maxBytes: 1200 };
const taken =
  "Interface mirror exists in the destination pod's network namespace and is not kokotap's: delete it or choose another --ifname";

describe.for([
  ['on another node', false],
  ['on the node of the target', true],
] as const)('a destination pod %s', ([, onSameNode]) => {
  test('gets each frame once and unchanged, and nothing is left in it', async ({ net }) => {
    await net.quiet();
    await net.startTool();
    const before = await snapshots(net);
    const { sender, receiver } = await tap(net, onSameNode);
    await expectCopies(net);
    for (const node of ['nodeA', 'nodeB'] as const)
      expect(await net.exec(node, 'ip link')).not.toContain('mirror');
    await Promise.all([sender.stop(), receiver.stop()]);
    expect(await snapshots(net)).toEqual(before);
  });

  test('is followed when its sandbox is made anew', async ({ net }) => {
    await net.quiet();
    await net.startTool();
    const { sender, receiver } = await tap(net, onSameNode);
    await net.stopTool();
    await receiver.logged(
      `"state":"waiting","msg":"waiting for a running container of the pod tools/suricata with UID ${net.toolUid} on this node"`,
    );
    await expect.poll(() => sender.isReady(), soon).toBe(false);
    await net.startTool();
    await Promise.all([sender.ready(), receiver.ready()]);
    await expectCopies(net);
  });

  test('is followed from one sandbox to another at once', async ({ net }) => {
    await net.quiet();
    await net.startTool();
    const { sender, receiver } = await tap(net, onSameNode);
    const former = net.netns('tool');
    await net.replaceTool();
    await expect.poll(() => net.exec('tool', 'ip link'), soon).toContain('mirror');
    await Promise.all([sender.ready(), receiver.ready()]);
    await expectCopies(net);
    expect(await net.execIn(former, 'ip link')).not.toContain('mirror');
  });

  test('keeps an interface of its own that has the name, and the tap says so', async ({ net }) => {
    await net.startTool();
    await net.exec('tool', 'ip link add mirror type bridge');
    const before = await net.snapshot('tool');
    const { receiver } = net.startTapIntoPod(onSameNode);
    await receiver.logged(taken);
    expect(await net.snapshot('tool')).toEqual(before);
    await net.exec('tool', 'ip link delete mirror');
    await receiver.ready();
  });

  test('is left by a receiver that starts anew as it was', async ({ net }) => {
    await net.startTool();
    const { sender, receiver } = await tap(net, onSameNode);
    const before = await net.exec('tool', 'ip -details link show dev mirror');
    await receiver.kill();
    const again = net.startReceiverIntoPod(onSameNode);
    await Promise.all([again.ready(), sender.ready()]);
    expect(await net.exec('tool', 'ip -details link show dev mirror')).toBe(before);
  });

  test('shows in the status what came to it', async ({ net }) => {
    await net.quiet();
    await net.startTool();
    await tap(net, onSameNode);
    await expectCopies(net);
    const account = async () => {
      const ends = await net.status('nodeA');
      const of = (which: string) => ends.find(({ role }) => role === which);
      return {
        reported: of('sender')?.reportedPackets,
        received: of('receiver')?.receivedPackets,
        lost: of('sender')?.lostPackets,
      };
    };
    await expect.poll(account, soon).toEqual({ reported: 2 * count, received: 2 * count, lost: 0 });
  });
});

test("only the sender's node gets packets into a destination pod", async ({ net }) => {
  await net.quiet();
  await net.startTool();
  await tap(net, false);
  const atTool = await Capture.start(net, 'tool', 'mirror');
  const body = ipv4(1, addresses.pod, addresses.nodeB, icmpEcho());
  const packet = vxlan(100, ethernet('026b00000001', '026b00000002', '0800', body));
  await sendDatagram(net, 'nodeA', addresses.nodeB, 4789, packet);
  await net.exec('nodeA', 'ip address add 192.0.2.9/24 dev underlay');
  await net.exec('nodeA', 'ip route replace 192.0.2.0/24 dev underlay src 192.0.2.9');
  await sendDatagram(net, 'nodeA', addresses.nodeB, 4789, packet);
  expect(await atTool.frames()).toHaveLength(1);
});

test('what a receiver left in a pod is removed by another agent that enters pods', async ({ net }) => {
  await net.startTool();
  const { sender, receiver } = await tap(net, false);
  await sender.stop();
  await receiver.kill();
  expect(await net.exec('tool', 'ip link')).toContain('mirror');
  // One that stays in its node must not take away what leads to the rest.
  const short = { 'lease-ms': '2000' };
  const inNode = net.startReceiver({ 'tap-id': net.otherTapId, ifname: 'other', vni: '101', ...short });
  await net.ticks(30);
  expect(await net.exec('nodeB', 'nft list table inet kokotap')).toContain(
    `tap-${net.tapId}-receiver-in-pod`,
  );
  await inNode.stop();
  const entering = net.startAgent('nodeB', 'sender', ...net.senderOnNodeB(short));
  await expect.poll(() => net.exec('tool', 'ip link'), soon).not.toContain('mirror');
  await expect.poll(() => net.exec('nodeB', 'nft list ruleset'), soon).not.toContain(net.tapId);
  await entering.stop();
});

async function tap(net: Net, onSameNode: boolean) {
  const agents = net.startTapIntoPod(onSameNode);
  await Promise.all([agents.sender.ready(), agents.receiver.ready()]);
  return agents;
}

async function expectCopies(net: Net): Promise<void> {
  await echoUdp(net, 'pod', port);
  const [atPod, atTool] = [
    await Capture.start(net, 'pod', 'eth0'),
    await Capture.start(net, 'tool', 'mirror'),
  ];
  await exchangeUdp(net, 'nodeA', addresses.pod, traffic);
  const mirrored = await atTool.frames();
  expect(mirrored).toHaveLength(2 * count);
  expect(mirrored.toSorted()).toEqual((await atPod.frames()).toSorted());
}

function snapshots(net: Net): Promise<string[]> {
  return Promise.all((['pod', 'tool', 'nodeA', 'nodeB'] as const).map((where) => net.snapshot(where)));
}
