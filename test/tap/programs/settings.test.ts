import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { matchAll } from '#src/filter/bpf.ts';
import { copyProgram, readReportProgram, isEbpf, objectName, seenProgram } from '#src/tap/programs/names.ts';
import { type CopySettings, withSettings } from '#src/tap/programs/settings.ts';

const plain: CopySettings = {
  snaplenBytes: undefined,
  oneIn: undefined,
  maxBytesPerSecond: undefined,
  underlay: undefined,
  mtuBytes: undefined,
};
const full: CopySettings = {
  snaplenBytes: 128,
  oneIn: 100,
  maxBytesPerSecond: 1_000_000,
  underlay: 'IPv6',
  mtuBytes: 1430,
};

test("an object's name says every setting that is made, and what it was compiled from", () => {
  const hash = '0123456789abcdef';
  expect(objectName(plain, hash)).toBe('copy,01234567.o');
  expect(objectName({ ...plain, underlay: 'IPv4' }, hash)).toBe('copy-over-IPv4,01234567.o');
  expect(objectName(full, hash)).toBe(
    'copy-over-IPv6,snaplen=128,one-in=100,max-rate=1000000,mtu=1430,01234567.o',
  );
});

test('that copies may go past the IP stack is in the name and in the object, with the tunnel', () => {
  const tunnel = { vni: 0x123456, port: 4789, local: '192.0.2.1', remote: '198.51.100.2' };
  const settings = { ...plain, underlay: 'IPv4', bypass: tunnel } as const;
  expect(objectName(settings, '0123456789abcdef')).toBe('copy-over-IPv4,bypass,01234567.o');
  const object = Buffer.concat([Buffer.from('!patokok'), Buffer.alloc(64)]);
  const written = Buffer.from(withSettings(object, settings, 0));
  const [bypass, vni, port] = [48, 52, 56].map((at) => written.readUInt32LE(at));
  expect({ bypass, vni, port }).toEqual({ bypass: 1, vni: 0x123456, port: 4789 });
  expect([...written.subarray(60, 68)]).toEqual([192, 0, 2, 1, 198, 51, 100, 2]);
  const without = Buffer.from(withSettings(object, plain, 0));
  expect(without.subarray(48).every((byte) => byte === 0)).toBe(true);
});

test('eBPF is told from classic BPF by the name that tc gives it', () => {
  const names = [copyProgram('a.o'), seenProgram('a.o', 'ingress'), readReportProgram('a.o')];
  expect(names).toEqual(['a.o:[tc/copy]', 'a.o:[tc/seen_ingress]', 'a.o:[tc/read_report]']);
  expect([...names, matchAll].map(isEbpf)).toEqual([true, true, true, false]);
});

describe('the settings in the object', () => {
  const magic = '!patokok';

  /** The fields of `struct settings` behind its magic number. */
  function written(settings: CopySettings) {
    const compiled = Buffer.from(`ELF ${magic}${'\0'.repeat(40)} more`);
    const object = Buffer.from(withSettings(compiled, settings, 0xfedcba98));
    expect(object.subarray(0, 12)).toEqual(compiled.subarray(0, 12));
    expect(object.readUInt32LE(44)).toBe(0xfedcba98);
    expect(object.subarray(52)).toEqual(compiled.subarray(52));
    const [rate, burstNs] = [object.readBigUInt64LE(12), object.readBigUInt64LE(20)].map(Number);
    const [snaplen, oneIn, hasUnderlay, overIPv6] = [28, 32, 36, 40].map((at) => object.readUInt32LE(at));
    const mtu = object.readUInt32LE(48);
    return { rate, burstNs, snaplen, oneIn, hasUnderlay, overIPv6, mtu };
  }

  test('are zero where nothing is set', () => {
    expect(written(plain)).toEqual({
      rate: 0,
      burstNs: 0,
      snaplen: 0,
      oneIn: 0,
      hasUnderlay: 0,
      overIPv6: 0,
      mtu: 0,
    });
  });

  test('are as they are set', () => {
    const rest = { rate: 1_000_000, snaplen: 128, oneIn: 100, hasUnderlay: 1, mtu: 1430 };
    expect(written(full)).toMatchObject({ ...rest, overIPv6: 1 });
    expect(written({ ...full, underlay: 'IPv4' })).toMatchObject({ ...rest, overIPv6: 0 });
  });

  test('let a burst of 50 ms through, and the largest packet at any rate', () => {
    expect(written({ ...full, maxBytesPerSecond: 125e9 }).burstNs).toBe(50_000_000);
    fc.assert(
      fc.property(fc.integer({ min: 1000, max: 1_310_720 }), (maxBytesPerSecond) => {
        const { burstNs = 0 } = written({ ...full, maxBytesPerSecond });
        const bytes = (burstNs * maxBytesPerSecond) / 1e9;
        expect(bytes).toBeGreaterThanOrEqual(65_536);
        expect(bytes).toBeLessThan(65_536 + maxBytesPerSecond / 1e8);
      }),
    );
  });

  test.each(['', magic + magic])('have one place: %j is no object', (compiled) => {
    expect(() => withSettings(Buffer.from(compiled), plain, 0)).toThrow(
      'The eBPF object does not have its settings in one place: it is not the one of this agent',
    );
  });
});
