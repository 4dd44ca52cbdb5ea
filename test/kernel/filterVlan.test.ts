import { expect } from 'vitest';
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
