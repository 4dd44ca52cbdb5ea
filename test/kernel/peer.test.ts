import { release } from 'node:os';
import { describe, expect } from 'vitest';
import { addresses } from './support/addresses.ts';
import { production, test } from './support/net.ts';
import { soon } from './support/wait.ts';

describe('readiness', () => {
  test('of each end waits for the other, and is lost with it', async ({ net }) => {
    const sender = net.startSender(production);
    await sender.logged('nothing of the receiver comes from 192.0.2.2 by UDP port 4789');
    expect(sender.isReady()).toBe(false);
    const receiver = net.startReceiver(production);
    await Promise.all([sender.ready(), receiver.ready()]);
    await receiver.stop();
    await expect.poll(() => sender.isReady(), soon).toBe(false);
  });

  test('comes when the node gets its address only after the agent began', async ({ net }) => {
    const address = `${addresses.nodeA}/24`;
    await net.exec('nodeA', 'ip', 'address', 'delete', address, 'dev', 'underlay');
    const receiver = net.startReceiver();
    const sender = net.startSender();
    await sender.logged(
      '"state":"failing","msg":"192.0.2.1 is not an address of this node (it has 198.51.100.1): ',
    );
    await net.exec('nodeA', 'ip', 'address', 'add', address, 'dev', 'underlay');
    await expect.poll(() => sender.isReady() && receiver.isReady(), soon).toBe(true);
  });

  test("goes when the node's address does, and says so at either end", async ({ net }) => {
    const { sender, receiver } = await net.tap();
    const otherAddress = async (node: 'nodeA' | 'nodeB', other: string) => {
      // In a network of its own it does not go with the first one.
      await net.exec(node, 'ip', 'address', 'add', `${other}/32`, 'dev', 'underlay');
      await net.exec(node, 'ip', 'address', 'delete', `${addresses[node]}/24`, 'dev', 'underlay');
    };
    await otherAddress('nodeB', '192.0.2.20');
    await receiver.logged(
      '"state":"failing","msg":"192.0.2.2 is not an address of this node (it has 192.0.2.20): ',
    );
    expect(receiver.output).toContain('with --dest-address if it comes out the same');
    await net.exec('nodeB', 'ip', 'address', 'add', `${addresses.nodeB}/24`, 'dev', 'underlay');
    await Promise.all([sender.ready(), receiver.ready()]);
    await otherAddress('nodeA', '192.0.2.10');
    await sender.logged('"state":"failing","msg":"192.0.2.1 is not an address of this node (it has ');
    expect(sender.output).toContain('with --source-address if it comes out the same');
    expect(sender.isReady()).toBe(false);
  });

  test("is not there while a firewall drops the tunnel's packets", async ({ net }) => {
    const { sender, receiver } = await net.tap();
    // No netfilter tool is needed for a wall: a filter on the underlay that drops everything.
    await net.exec('nodeB', 'tc', 'qdisc', 'add', 'dev', 'underlay', 'clsact');
    await net.exec('nodeB', 'tc filter add dev underlay ingress bpf da bytecode', '1,6 0 0 2');
    await expect.poll(() => receiver.isReady(), soon).toBe(false);
    await net.exec('nodeB', 'tc', 'qdisc', 'delete', 'dev', 'underlay', 'clsact');
    await Promise.all([sender.ready(), receiver.ready()]);
  });

  test('is told apart from packets that come without hellos', async ({ net }) => {
    const { receiver } = await net.tap();
    // An IPv4 packet of 50 bytes: the hello. Copies are larger.
    await net.exec('nodeB', 'tc', 'qdisc', 'add', 'dev', 'underlay', 'clsact');
    await net.exec(
      'nodeB',
      'tc filter add dev underlay ingress bpf da bytecode',
      '4,40 0 0 16,21 0 1 50,6 0 0 2,6 0 0 4294967295',
    );
    net.spawn('pod', 'ping', '-q', '-i', '0.1', addresses.gateway);
    const others = 'none is counted as a hello: its agent has ended and only its copies go on';
    await receiver.logged(`of the sender's packets from 192.0.2.1 by UDP port 4789 ${others}`);
    await receiver.logged(`or this node's kernel ${release()} does not count hellos`);
    expect(receiver.isReady()).toBe(false);
    await net.exec('nodeB', 'tc', 'qdisc', 'delete', 'dev', 'underlay', 'clsact');
    await receiver.ready();
  });

  test.for([
    ['on', true],
    ['off', false],
  ] as const)('says whether the underlay merges copies: GRO %s', async ([gro, isSaid], { net }) => {
    await net.exec('nodeB', `ethtool --features underlay gro ${gro}`);
    const { receiver } = await net.tap();
    await receiver.logged('"state":"ready"');
    expect(receiver.output.includes('ethtool --features underlay gro off')).toBe(isSaid);
  });

  test("on the same node is lost when the receiver's half is not up", async ({ net }) => {
    const { sender, receiver } = await net.tapSameNode();
    await receiver.kill();
    await net.exec('nodeA', 'ip', 'link', 'set', 'mirror', 'down');
    await expect.poll(() => sender.isReady(), soon).toBe(false);
  });
});

describe('status', () => {
  test('says from the kernel alone what is there and what was copied', async ({ net }) => {
    await net.quiet();
    await net.tap();
    const ends = await net.status('nodeA');
    const nothing = {
      seenPackets: 0,
      notMatchingPackets: 0,
      sampledOutPackets: 0,
      shedPackets: 0,
      unfitPackets: 0,
      copiedPackets: 0,
      copiedBytes: 0,
    };
    expect(ends.map(({ role }) => role).toSorted()).toEqual(['receiver', 'sender']);
    expect(ends).toContainEqual(
      expect.objectContaining({
        role: 'sender',
        device: expect.objectContaining({
          name: 'mirror',
          kind: 'vxlan',
          vni: 100,
          remote: '192.0.2.2',
          up: true,
        }),
        copies: { ingress: nothing, egress: nothing },
      }),
    );
  });
});
