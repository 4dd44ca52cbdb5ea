import { describe, expect } from 'vitest';
import { addresses } from './support/addresses.ts';
import { Capture, isUdp } from './support/capture.ts';
import { isFastPath, type Net, test } from './support/net.ts';
import type { Where } from './support/network.ts';
import { scaled } from './support/speed.ts';
import { sendUdp } from './support/traffic.ts';
import { soon } from './support/wait.ts';

/** Stands for the VXLAN device of the sender, where that is in the node. */
const tunnel = 'TUNNEL';

/** Damage to a running tap, each with where it is done. */
const damage: Record<string, [Where, string][]> = {
  'the mirror device in the pod deleted': [['pod', 'ip link delete mirror']],
  'the mirror device on the node deleted': [['nodeB', 'ip link delete mirror']],
  'the mirror device in the pod down': [['pod', 'ip link set mirror down']],
  'the mirror device on the node down': [['nodeB', 'ip link set mirror down']],
  'the target interface flapped': [
    ['pod', 'ip link set eth0 down'],
    ['pod', 'ip link set eth0 up'],
  ],
  'one copying filter deleted': [['pod', 'tc filter delete dev eth0 egress pref 7']],
  'the qdisc of the target deleted': [['pod', 'tc qdisc delete dev eth0 clsact']],
  'the qdisc of the mirror in the pod deleted': [['pod', 'tc qdisc delete dev mirror clsact']],
  'the program that makes copies fit deleted': [
    isFastPath
      ? ['nodeA', `tc filter delete dev ${tunnel} egress pref 8`]
      : ['pod', 'tc filter delete dev mirror egress pref 8'],
  ],
  ...(isFastPath ? damageOfTunnel() : {}),
  'the drop filter on the node deleted': [['nodeB', 'tc filter delete dev mirror ingress pref 7']],
  'ARP switched on': [['nodeB', 'ip link set mirror arp on']],
  'GRO switched on': [['nodeB', 'ethtool --features mirror gro on']],
  'the MTU changed': [['nodeB', 'ip link set mirror mtu 1400']],
  'the mirror device on the node renamed': [
    ['nodeB', 'ip link set mirror down'],
    ['nodeB', 'ip link set mirror name other'],
  ],
};

describe('a running tap heals', () => {
  for (const [what, commands] of Object.entries(damage)) {
    test(what, async ({ net }) => {
      await net.tap();
      const whole = await essence(net);
      for (const [where, command] of commands)
        await exec(net, where, command.replace(tunnel, `ks-${net.tapId}`));
      await expect.poll(() => essence(net).catch(String), soon).toEqual(whole);
      await expectTraffic(net);
    });
  }

  test('what is damaged before the agent hears of changes', async ({ net }) => {
    const deafMs = scaled(4000);
    const sender = net.startDeafSender(deafMs / 1000);
    await sender.logged('"state":"no-peer"');
    await exec(net, 'pod', 'tc filter delete dev eth0 egress pref 7');
    await expect.poll(() => exec(net, 'pod', 'tc filter show dev eth0 egress'), soon).toContain('mirred');
  });

  test('not a device that someone else took over: it is named and left alone', async ({ net }) => {
    const { sender } = await net.tap();
    await exec(net, 'pod', 'ip link set mirror alias nobody');
    await sender.logged("Interface mirror exists in the target's network namespace and is not kokotap's");
    expect(sender.isReady()).toBe(false);
    expect(await exec(net, 'pod', 'ip link show mirror')).toContain('alias nobody');
  });
});

describe('an agent starting over what is there', () => {
  const halfMade: Record<string, string[]> = {
    'the device alone': ['tc qdisc delete dev mirror clsact', 'tc qdisc delete dev eth0 clsact'],
    'no filters': ['tc filter delete dev eth0 ingress', 'tc filter delete dev eth0 egress'],
    'no qdisc': ['tc qdisc delete dev eth0 clsact'],
    'one filter': ['tc filter delete dev eth0 ingress'],
    'a device that is down': ['ip link set mirror down'],
    'filters without a device': ['ip link delete mirror'],
    everything: [],
    'a device with the wrong VNI': ['ip link delete mirror'],
  };
  for (const [what, commands] of Object.entries(halfMade)) {
    test(`with ${what} ends in the same tap`, async ({ net }) => {
      const { sender } = await net.tap();
      const whole = await essence(net);
      await sender.kill();
      for (const command of commands) await exec(net, 'pod', command);
      const again = net.startSender();
      await again.ready();
      expect(await essence(net)).toEqual(whole);
      await again.stop();
      expect(await net.exec('pod', 'tc', 'qdisc', 'show', 'dev', 'eth0')).not.toContain('clsact');
    });
  }

  test('that another VNI was given to makes its device anew', async ({ net }) => {
    const { sender, receiver } = await net.tap();
    await sender.kill();
    await receiver.stop();
    const again = await net.tap({ vni: '200' });
    const [where, name] = vxlanOf(net);
    expect(await exec(net, where, `ip -d link show ${name}`)).toContain('vxlan id 200');
    await expectTraffic(net);
    await again.sender.stop();
    expect(await net.exec('pod', 'tc', 'qdisc', 'show', 'dev', 'eth0')).not.toContain('clsact');
  });

  test('with a device that sends UDP checksums makes it anew', async ({ net }) => {
    const { sender } = await net.tap();
    const whole = await essence(net);
    const [where, name] = vxlanOf(net);
    const mac = /ether (\S+)/.exec(await exec(net, where, `ip link show dev ${name}`))?.[1];
    await sender.kill();
    await exec(net, where, `ip link delete ${name}`);
    await exec(
      net,
      'nodeA',
      `ip link add ${name} netns ${net.netns(where)} address ${mac} type vxlan id 100 local ${addresses.nodeA} remote ${addresses.nodeB} dstport 4789 nolearning udpcsum`,
    );
    await net.startSender().ready();
    expect(await essence(net)).toEqual(whole);
    await expectTraffic(net);
  });

  test('killed at any moment of its start is healed by the next', async ({ net }) => {
    await net.startReceiver().logged('"state":"no-peer"');
    for (let afterMs = 100; afterMs <= 420; afterMs += 40) {
      const killed = net.startSender();
      await new Promise((resolve) => setTimeout(resolve, scaled(afterMs)));
      await killed.kill();
      const again = net.startSender();
      await again.ready();
      await expectTraffic(net);
      expect(await again.stop()).toBe(0);
      expect(await net.exec('pod', 'ip', 'link', 'show')).not.toContain('mirror');
      expect(await net.exec('pod', 'tc', 'qdisc', 'show')).not.toContain('clsact');
    }
  });

  test('of another tap takes over from one whose agent was killed', async ({ net }) => {
    const { sender, receiver } = await net.tap();
    await sender.kill();
    await receiver.kill();
    const next = await net.tap({ 'tap-id': '112233445566', vni: '100' });
    await expectTraffic(net);
    await next.sender.stop();
    expect(await net.exec('pod', 'tc', 'filter', 'show', 'dev', 'eth0', 'ingress')).not.toContain('mirred');
  });

  test('waits for an agent of the same tap that is still there', async ({ net }) => {
    const { sender } = await net.tap();
    const second = net.startSender();
    await second.logged('waiting for another sender of this tap');
    await sender.stop();
    await second.ready();
    await expectTraffic(net);
  });
});

/** Where the sender's VXLAN device is, and its name. */
function vxlanOf(net: Net): [Where, string] {
  return isFastPath ? ['nodeA', `ks-${net.tapId}`] : ['pod', 'mirror'];
}

/** Damage to what is in the node, too. */
function damageOfTunnel(): Record<string, [Where, string][]> {
  return {
    'the device in the node deleted': [['nodeA', `ip link delete ${tunnel}`]],
    'the device in the node down': [['nodeA', `ip link set ${tunnel} down`]],
    'the MTU of the device in the node changed': [['nodeA', `ip link set ${tunnel} mtu 1400`]],
    'the qdisc of the device in the node deleted': [['nodeA', `tc qdisc delete dev ${tunnel} clsact`]],
    'the filter that drops what comes in deleted': [
      ['nodeA', `tc filter delete dev ${tunnel} ingress pref 7`],
    ],
  };
}

/** What makes a tap, without counters and numbers that the kernel gives. */
async function essence(net: Net): Promise<string[]> {
  const shown = [
    await exec(net, 'pod', 'ip -oneline -details link show dev mirror'),
    await exec(net, 'nodeB', 'ip -oneline -details link show dev mirror'),
    ...(await Promise.all(
      ['eth0', 'mirror'].flatMap((dev) =>
        ['ingress', 'egress'].map((hook) => exec(net, 'pod', `tc filter show dev ${dev} ${hook}`)),
      ),
    )),
    ...(isFastPath ? await essenceOfTunnel(net) : []),
    await exec(net, 'nodeB', 'ethtool --show-features mirror'),
    await exec(net, 'nodeB', 'tc filter show dev mirror ingress'),
    await exec(net, 'nodeB', 'tc filter show dev mirror egress'),
  ];
  return shown.map((text) =>
    text
      .replace(/^\d+: /, '')
      .replaceAll(/ id \d+ name/g, ' name') // of a loaded program
      .replaceAll(/index \d+ ref \d+ bind \d+/g, '')
      .replaceAll(/if\d+/g, ''),
  );
}

async function essenceOfTunnel(net: Net): Promise<string[]> {
  const name = `ks-${net.tapId}`;
  return [
    await exec(net, 'nodeA', `ip -oneline -details link show dev ${name}`),
    await exec(net, 'nodeA', `tc filter show dev ${name} ingress`),
    await exec(net, 'nodeA', `tc filter show dev ${name} egress`),
  ];
}

async function expectTraffic(net: Net): Promise<void> {
  const mirror = await Capture.start(net, 'nodeB', 'mirror');
  await sendUdp(net, 'nodeA', addresses.pod, { count: 20, maxBytes: 200 });
  const frames = (await mirror.frames()).filter(isUdp);
  expect(frames).toHaveLength(20);
}

async function exec(net: Net, where: Where, command: string): Promise<string> {
  const [file = '', ...args] = command.split(' ');
  return net.exec(where, file, ...args);
}
