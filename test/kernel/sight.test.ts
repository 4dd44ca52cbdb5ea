import { describe, expect } from 'vitest';
import { addresses } from './support/addresses.ts';
import { Capture, isUdp } from './support/capture.ts';
import { type Net, test } from './support/net.ts';
import { sendUdp } from './support/traffic.ts';
import { soon } from './support/wait.ts';

const filter = 'udp';
const passAll = '1,6 0 0 0'; // TC_ACT_OK

describe('a filter with a verdict before ours', () => {
  test('is passed where there is room before it, also when it comes later', async ({ net }) => {
    await net.quiet();
    await net.exec('pod', 'tc qdisc add dev eth0 clsact');
    await addVerdict(net, 'ingress', 5);
    const { sender } = await net.tap({ filter });
    await addVerdict(net, 'egress', 7);
    await expect.poll(() => preferencesAt(net, 'egress'), soon).toEqual([5, 6, 7]);
    expect(await preferencesAt(net, 'ingress')).toEqual([3, 4, 5]);
    expect(await copied(net)).toBe(60);
    expect(sender.isReady()).toBe(true);
    await sender.stop();
    expect(await net.exec('pod', 'tc filter show dev eth0 ingress')).toMatch(
      /^filter .* pref 5 bpf[^]*pref 5/,
    );
  });
});

describe('what ends classification before the tap and cannot be passed', () => {
  test('is named, the tap is not ready, and ready again without it', async ({ net }) => {
    await net.quiet();
    await net.exec('pod', 'tc qdisc add dev eth0 clsact');
    await net.exec('pod', 'tc filter add dev eth0 ingress pref 1 protocol all u32 match u32 0 0 flowid 1:1');
    const { sender } = await net.tap({ filter });
    await expect.poll(() => passed(net, sender), soon).toBe('blind');
    await sender.logged(
      'mirror is in place at both ends, but the tap does not see what eth0 receives: before it comes the u32 filter of preference 1"',
    );
    expect(sender.isReady()).toBe(false);
    expect((await net.status('nodeA'))[0]).toMatchObject({
      inFront: [{ interface: 'eth0', hook: 'ingress', programs: ['the u32 filter of preference 1'] }],
    });
    await net.exec('pod', 'tc filter delete dev eth0 ingress pref 1');
    await sender.ready();
    expect(await copied(net)).toBe(60);
  });
});

async function addVerdict(net: Net, hook: string, preference: number): Promise<void> {
  await net.exec(
    'pod',
    `tc filter add dev eth0 ${hook} pref ${preference} bpf direct-action bytecode`,
    passAll,
  );
}

async function preferencesAt(net: Net, hook: string): Promise<number[]> {
  const shown = await net.exec('pod', `tc filter show dev eth0 ${hook}`);
  return [...new Set([...shown.matchAll(/ pref (\d+) /g)].map(([, preference]) => Number(preference)))];
}

/** Sends packets both ways and counts the copies. */
async function copied(net: Net): Promise<number> {
  const atMirror = await Capture.start(net, 'nodeB', 'mirror');
  await sendUdp(net, 'nodeA', addresses.pod, { count: 30 });
  await sendUdp(net, 'pod', addresses.gateway, { count: 30 });
  return (await atMirror.frames()).filter(isUdp).length;
}

/** Sends packets to the pod; the state of the tap then. */
async function passed(net: Net, sender: { log: readonly { state?: string }[] }): Promise<string | undefined> {
  await sendUdp(net, 'nodeA', addresses.pod, { count: 30 });
  return sender.log.findLast(({ state }) => state !== undefined)?.state;
}
