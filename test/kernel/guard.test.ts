import { describe, expect } from 'vitest';
import { addresses } from './support/addresses.ts';
import { Capture } from './support/capture.ts';
import { ethernet, ipv4, udp, vxlan } from './support/frames.ts';
import { type Net, test } from './support/net.ts';
import { sendDatagram, sendUdp } from './support/traffic.ts';
import { soon } from './support/wait.ts';

const stranger = '192.0.2.9';
const port = 4789;
const payload = Buffer.from('injected').toString('hex');
const marked = '026b00000001';

describe('from another address than the other end has', () => {
  test('no packet gets onto the mirror, though it has the VNI and port', async ({ net }) => {
    const { receiver } = await net.tap();
    await beStranger(net);
    const guarded = await Capture.start(net, 'nodeB', 'mirror');
    await inject(net);
    await sendUdp(net, 'pod', addresses.gateway, { count: 5 });
    const seen = await guarded.frames();
    expect(seen.filter(isInjected)).toEqual([]);
    expect(seen.length).toBeGreaterThanOrEqual(5);

    await receiver.kill();
    await net.exec('nodeB', 'nft delete table inet kokotap');
    const unguarded = await Capture.start(net, 'nodeB', 'mirror');
    await inject(net);
    expect((await unguarded.frames()).filter(isInjected)).toHaveLength(1);
  });

  test('no packet gets to the device in the pod', async ({ net }) => {
    await net.tap();
    await net.exec('nodeB', `ip address add ${stranger}/24 dev underlay`);
    await net.exec('nodeB', `ip route replace 192.0.2.0/24 dev underlay src ${stranger}`);
    await sendDatagram(net, 'nodeB', addresses.nodeA, port, await frame(net));
    const sender = (await net.status('nodeA')).find(({ role }) => role === 'sender');
    expect(sender?.turnedAwayPackets).toBe(0);
  });
});

describe('the table of nftables', () => {
  test('is made anew when it is deleted or changed, and goes with the tap', async ({ net }) => {
    const before = await tables(net);
    const { sender, receiver } = await net.tap();
    const made = await rules(net);
    const own = `inet kokotap tap-${net.tapId}-receiver`;
    for (const damage of [
      'delete table inet kokotap',
      `flush chain ${own}`,
      'flush chain inet kokotap input',
    ]) {
      await net.exec('nodeB', 'nft', damage);
      await expect.poll(() => rules(net), soon).toBe(made);
    }
    await sender.stop();
    await receiver.stop();
    expect(await tables(net)).toEqual(before);
  });

  test('stays while the end is there, whatever else fails', async ({ net }) => {
    const { sender } = await net.tap();
    const made = await tables(net);
    await net.exec('nodeA', 'ip link set underlay down');
    await sender.logged('"state":"failing"');
    await net.ticks(5);
    expect(await tables(net)).toEqual(made);
    await net.exec('nodeA', 'ip link set underlay up');
    await expect.poll(() => sender.isReady(), soon).toBe(true);
  });

  test('is not there while another tap has the VNI', async ({ net }) => {
    await net.tap();
    const other = net.startReceiver({ 'tap-id': '112233445566', ifname: 'other', remote: stranger });
    await other.logged('VNI 100 is used by interface mirror on this node, which belongs to the running tap');
    expect(await rules(net)).not.toContain('goto tap-112233445566');
  });

  test('is done without where it cannot be made, which is said', async ({ net }) => {
    const receiver = net.startReceiverWithoutGuard();
    const sender = net.startSender();
    await Promise.all([sender.ready(), receiver.ready()]);
    await receiver.logged('The nftables table could not be made; the tap goes on without it');
    expect(await receiver.stop()).toBe(0);
  });

  test('is no reason to fail, or to leave something behind, where it cannot be made', async ({ net }) => {
    await net.quiet();
    const before = await net.snapshot('pod');
    const waiting = net.startSenderWithoutGuard({ 'pod-ifname': 'eth9' });
    await waiting.logged('waiting for interface eth9');
    await net.ticks(4); // in which it looks again
    expect(waiting.log.flatMap(({ state }) => state ?? [])).toEqual(['waiting']);
    expect(await waiting.stop()).toBe(0);
    const killed = net.startSenderWithoutGuard();
    await killed.logged('"state":"no-peer"');
    await killed.kill();
    const next = net.startSenderWithoutGuard({ 'pod-ifname': 'eth9' });
    await next.logged('waiting for interface eth9');
    expect(await next.stop()).toBe(0);
    const last = net.startSenderWithoutGuard();
    await last.logged('"state":"no-peer"');
    expect(await last.stop()).toBe(0);
    expect(await net.snapshot('pod')).toBe(before);
  });
});

/** Gives node A another address, from which it sends what is not bound to one. */
async function beStranger(net: Net): Promise<void> {
  await net.exec('nodeA', `ip address add ${stranger}/24 dev underlay`);
  await net.exec('nodeA', `ip route replace 192.0.2.0/24 dev underlay src ${stranger}`);
}

async function inject(net: Net): Promise<void> {
  await sendDatagram(net, 'nodeA', addresses.nodeB, port, await frame(net));
}

async function frame(net: Net): Promise<string> {
  const body = ipv4(17, addresses.pod, addresses.nodeB, udp(9, payload));
  return vxlan(100, ethernet(await net.mac('nodeB', 'mirror'), marked, '0800', body));
}

function isInjected(frameSeen: string): boolean {
  return frameSeen.slice(12, 24) === marked;
}

async function tables(net: Net): Promise<[string, string]> {
  return [await net.exec('nodeA', 'nft', 'list', 'tables'), await net.exec('nodeB', 'nft', 'list', 'tables')];
}

async function rules(net: Net): Promise<string> {
  return net.exec('nodeB', 'nft --stateless list ruleset');
}
