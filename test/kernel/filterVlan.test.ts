import { writeFileSync } from 'node:fs';
import { expect } from 'vitest';
import { EbpfAssembler } from '#src/filter/ebpfAssembler.ts';
import { elfObject } from '#src/filter/elfObject.ts';
import { Capture } from './support/capture.ts';
import { ethernet } from './support/frames.ts';
import { test } from './support/net.ts';
import { sendFrames } from './support/traffic.ts';

const [to, from] = ['026b00000001', '026b00000002'];
const datagram = `1b591b5800100000${'5a'.repeat(8)}`; // to port 7000
const addresses6 = `20010db8${'0'.repeat(22)}01`.repeat(2);
const [ipv4, ipv6] = [
  `08004500002400000000401100000a0101010a010102${datagram}`,
  `86dd6000000000101140${addresses6}${datagram}`,
];

const frames = Object.fromEntries(
  [
    ['', ''],
    [' behind tag 5', '81000005'],
    [' behind tag 6', '81002006'],
    [' behind two tags', '88a8000681000005'],
  ].flatMap(([name, tags]) =>
    [
      ['IPv4', ipv4],
      ['IPv6', ipv6],
    ].map(([family, packet = '']) => [
      `${family}${name}`,
      ethernet(to, from, `${tags}${packet}`, '00'.repeat(20)),
    ]),
  ),
);

/** What a filter copies, with what is sent in both directions. */
const cases: Record<string, (name: string) => boolean> = {
  'udp port 7000': (name) => !name.includes('behind'),
  'not udp port 7000': (name) => name.includes('behind'),
  'vlan 5 and udp port 7000': (name) => name.endsWith('behind tag 5'),
  'vlan and ip6': (name) => /IPv6 behind tag [56]/.test(name),
  'vlan 6 and vlan 5 and udp port 7000': (name) => name.includes('two'),
};

test.for(Object.entries(cases))(
  'of frames with tags %s copies those that it says, in both directions',
  async ([filter, isCopied], { net }) => {
    await net.quiet();
    await net.tap({ filter });
    const atMirror = await Capture.start(net, 'nodeB', 'mirror');
    await sendFrames(net, 'pod', 'eth0', Object.values(frames));
    await sendFrames(net, 'nodeA', 'vethpod', Object.values(frames));
    const expected = Object.entries(frames).flatMap(([name, frame]) => (isCopied(name) ? [frame] : []));
    expect(await atMirror.frames()).toEqual([...expected, ...expected]);
  },
);

test('of frames that get their tag beside them on their way out those behind that tag are copied', async ({
  net,
}) => {
  await net.quiet();
  await net.tap({ filter: 'vlan 5 and udp port 7000' });
  const file = net.file('push.o');
  writeFileSync(file, elfObject('tc/push', pushingTag(5)));
  await net.exec('pod', `tc filter add dev eth0 egress pref 1 bpf object-file ${file} section tc/push`);
  const atMirror = await Capture.start(net, 'nodeB', 'mirror');
  await sendFrames(net, 'pod', 'eth0', [frames['IPv4'] ?? '', frames['IPv6'] ?? '']);
  expect(await atMirror.frames()).toEqual([frames['IPv4 behind tag 5'], frames['IPv6 behind tag 5']]);
});

/**
 * A program that gives each packet a tag, as a VLAN device does, and matches none. One with a verdict of its own would have the
 * tap go in front of it, where there is no tag yet.
 */
function pushingTag(vlan: number): Uint8Array {
  const program = new EbpfAssembler();
  const [moveConstant, call, exit, vlanPush, noMatch] = [0xb7, 0x85, 0x95, 18, 0];
  program.add(moveConstant, { to: 2, k: 0x0081 }); // the type 0x8100, in the network's order
  program.add(moveConstant, { to: 3, k: vlan });
  program.add(call, { k: vlanPush });
  program.add(moveConstant, { to: 0, k: noMatch });
  program.add(exit, {});
  return program.bytes() ?? Buffer.alloc(0);
}
