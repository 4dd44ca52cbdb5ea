import { describe, expect } from 'vitest';
import { run } from '#src/exec/command.ts';
import { type Net, test } from './support/net.ts';
import { scaled } from './support/speed.ts';
import { soon } from './support/wait.ts';

const other = { 'tap-id': '112233445566', vni: '101', ifname: 'other' };

describe('the table of nftables that the taps of a node share', () => {
  test('has one rule for all packets, however many taps there are', async ({ net }) => {
    const { receiver } = await net.tap();
    const [first, rule] = [await entryOf(net, net.tapId), await chain(net, 'input')];
    const second = net.startReceiver(other);
    await second.logged('"state":"no-peer"');
    expect(await chain(net, 'input')).toBe(rule);
    expect(rule.split('\n').filter((line) => line.includes('@'))).toHaveLength(1);
    const theirs = [
      '4789 . 0x6500 : goto tap-112233445566-receiver',
      '4789 . 0x6570 : goto probes-112233445566-receiver',
    ];
    expect((await elements(net)).toSorted()).toEqual([
      `4789 . 0x6400 : goto tap-${net.tapId}-receiver`,
      `4789 . 0x6470 : goto probes-${net.tapId}-receiver`,
      ...theirs,
    ]);
    expect(await receiver.stop()).toBe(0);
    expect((await elements(net)).toSorted()).toEqual(theirs);
    expect(await net.exec('nodeB', 'nft list ruleset')).not.toContain(net.tapId);
    const again = net.startReceiver();
    await again.logged('"state":"no-peer"');
    expect(await entryOf(net, net.tapId)).toBe(first);
    for (const each of [again, second]) expect(await each.stop()).toBe(0);
    expect(await net.exec('nodeB', 'nft list ruleset')).toBe('');
  });

  test('is repaired by all taps when all tables, or all entries, are gone', async ({ net }) => {
    await net.tap();
    const second = net.startReceiver(other);
    await second.logged('"state":"no-peer"');
    const before = await rules(net);
    for (const damage of ['flush ruleset', 'flush map inet kokotap taps']) {
      await net.exec('nodeB', `nft ${damage}`);
      await expect.poll(() => rules(net), soon).toBe(before);
    }
  });

  test('gives an entry that a killed agent left to who has its VNI now', async ({ net }) => {
    const { receiver } = await net.tap();
    await receiver.kill();
    const second = net.startReceiver({ ...other, vni: '100' });
    await second.logged('"state":"no-peer"');
    expect((await elements(net)).toSorted()).toEqual([
      '4789 . 0x6400 : goto tap-112233445566-receiver',
      '4789 . 0x6470 : goto probes-112233445566-receiver',
    ]);
  });

  test('takes the place of the table that an agent of an earlier version left', async ({ net }) => {
    const tables = [`kokotap-${net.tapId}-receiver`, 'kokotap-112233445566-receiver'];
    for (const each of tables) await net.exec('nodeB', `nft add table inet ${each}`);
    await net.tap();
    const names = (await net.exec('nodeB', 'nft list tables')).split('\n').toSorted();
    expect(names).toEqual(['table inet kokotap', 'table inet kokotap-112233445566-receiver']);
  });

  test('is not said to be without an entry that could not be removed', async ({ net }) => {
    const { sender } = await net.tap();
    await sender.kill();
    const next = net.startSenderWithNftRefusing('delete chain', { 'pod-ifname': 'eth9' });
    await next.logged(/"state":"failing","msg":"refused \(nft delete element/);
    expect(await next.stop()).toBe(1);
    expect(await net.exec('nodeA', 'nft list ruleset')).toContain(`tap-${net.tapId}-sender`);
  });

  test('holds what each of many agents wants, though they change it at the same time', async ({ net }) => {
    const agents = Array.from({ length: 5 }, (_, index) => comeAndGo(net, index));
    await Promise.all(agents);
    expect(await net.exec('nodeB', 'nft list ruleset')).toBe('');
  });
});

/** Makes and removes entries of three endpoints again and again, as an agent does, and fails when one is not there in between. */
async function comeAndGo(net: Net, index: number): Promise<void> {
  const script = `
import { addGuard, removeGuard } from '#src/net/guardTable.ts';
import { chainOf } from '#src/tap/guard/rules.ts';
async function comeAndGo(vni) {
  const own = { tap: '0000000000' + vni, role: 'receiver' };
  const tunnel = { vni, port: 4789, local: '192.0.2.2', remote: '192.0.2.1' };
  for (let round = 0; round < 6; round++) {
    const table = await addGuard({ own, tunnel, options: {}, known: undefined });
    if (table?.elements.get('4789 . ' + 0x100 * vni) !== chainOf(own)) throw new Error('the entry is gone');
    await removeGuard({ own, options: {}, known: round % 2 === 0 ? table : undefined });
  }
}
await Promise.all([10, 11, 12].map((first) => comeAndGo(first + ${3 * index})));`;
  const node = [process.execPath, '--input-type=module', '--eval', script];
  await run('nsenter', [`--net=/run/netns/${net.netns('nodeB')}`, ...node], { timeoutMs: scaled(60_000) });
}

async function rules(net: Net): Promise<string> {
  return net.exec('nodeB', 'nft --stateless list ruleset');
}

async function chain(net: Net, name: string): Promise<string> {
  return net.exec('nodeB', `nft list chain inet kokotap ${name}`);
}

async function entryOf(net: Net, tap: string): Promise<string> {
  return chain(net, `tap-${tap}-receiver`);
}

async function elements(net: Net): Promise<string[]> {
  const shown = await net.exec('nodeB', 'nft list map inet kokotap taps');
  const [, list = ''] = /elements = \{([^}]*)\}/.exec(shown) ?? [];
  return list.split(',').flatMap((each) => (each.trim() === '' ? [] : each.trim()));
}
