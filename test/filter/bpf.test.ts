import { describe, expect, test } from 'vitest';
import { compilePcapFilter } from '#src/net/pcapFilter.ts';
import { dropAll, dropFrom, matchAll, unless } from '#src/filter/bpf.ts';
import { runClassicBpf } from './support/classicBpf.ts';
import { ethernet, ip, tagged, udp } from './support/frames.ts';

const dropped = 2;
const goesOn = 0xffff_ffff;
const frames = [
  ip(17, '192.0.2.1', '192.0.2.2', udp(53)),
  ip(17, '192.0.2.1', '192.0.2.2', udp(80)),
  ip(6, '192.0.2.1', '192.0.2.2', udp(80)),
  ip(6, '2001:db8::1', '2001:db8::2', udp(80)),
  ethernet(0x0806, Buffer.alloc(28)),
].flatMap((frame) => [frame, tagged(frame)]);

function matches(program: string, frame: Buffer): boolean {
  return runClassicBpf(program, frame) !== 0;
}

test('every packet matches, or is dropped', () => {
  for (const frame of [...frames, Buffer.alloc(0)])
    expect([runClassicBpf(matchAll, frame), runClassicBpf(dropAll, frame)]).toEqual([goesOn, dropped]);
});

describe('a filter that leaves out what another matches', async () => {
  const expressions = ['ip', 'udp', 'port 80', 'vlan and tcp', 'arp or udp port 53', 'not ip6'];
  const programs = await Promise.all(expressions.map((each) => compilePcapFilter(each)));

  test.each(expressions.flatMap((excluded) => expressions.map((matching) => [matching, excluded])))(
    '%s, unless %s',
    (matching, excluded) => {
      const [first = '', second = ''] = [excluded, matching].map(
        (each) => programs[expressions.indexOf(each)],
      );
      const joined = unless(first, second);
      for (const frame of frames)
        expect(matches(joined, frame)).toBe(matches(second, frame) && !matches(first, frame));
    },
  );

  test('goes on to it also from an end within the first', () => {
    const ipv4 = '5,40 0 0 12,21 1 0 2048,6 0 0 0,6 0 0 262144,6 0 0 0';
    for (const frame of frames)
      expect(matches(unless(ipv4, matchAll), frame)).toBe(frame.readUInt16BE(12) !== 0x0800);
  });

  test('matches with what the second returns', () => {
    const [, udpOnly = ''] = programs;
    const [, , overTcp = Buffer.alloc(0)] = frames.filter((_, at) => at % 2 === 0);
    expect(runClassicBpf(unless(udpOnly, matchAll), overTcp)).toBe(goesOn);
  });
});

describe("a mirror device's own packets", () => {
  const mac = '02:6b:aa:bb:cc:dd';

  test('are dropped', () => {
    expect(runClassicBpf(dropFrom(mac), ethernet(0x86dd, Buffer.alloc(0), mac))).toBe(dropped);
  });

  test.each(['02:6b:aa:bb:cc:de', '02:6b:aa:bb:cd:dd', '02:6b:aa:bc:cc:dd', '06:6b:aa:bb:cc:dd'])(
    'are not those of %s',
    (source) => {
      expect(runClassicBpf(dropFrom(mac), ethernet(0x86dd, Buffer.alloc(0), source))).toBe(goesOn);
    },
  );
});
