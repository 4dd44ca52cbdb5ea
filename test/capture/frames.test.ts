import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { countPackets, frame, FrameReader, kinds, readCounts, readPackets } from '#src/capture/frames.ts';

const anyFrame = fc
  .record({
    id: fc.integer({ min: 0, max: 65_535 }),
    kind: fc.constantFrom(...Object.values(kinds)),
    content: fc.uint8Array({ maxLength: 100 }),
  })
  .map(({ id, kind, content }) => frame(id, kind, content));

test('frames are the same however the stream is cut', () => {
  fc.assert(
    fc.property(fc.array(anyFrame), fc.array(fc.integer({ min: 1, max: 50 })), (frames, cuts) => {
      const reader = new FrameReader();
      let rest = Buffer.concat(frames.map(({ whole }) => whole));
      const read = [];
      for (const cut of [...cuts, Infinity]) {
        read.push(...reader.push(rest.subarray(0, cut)));
        rest = rest.subarray(cut);
      }
      expect(read).toStrictEqual(frames);
      expect(reader.unfinishedBytes).toBe(0);
    }),
  );
});

test('a frame that is not whole is kept, and known to be', () => {
  const reader = new FrameReader();
  const { whole } = frame(7, kinds.note, Buffer.from('note'));
  expect(reader.push(whole.subarray(0, 3))).toStrictEqual([]);
  expect(reader.push(whole.subarray(3, 11))).toStrictEqual([]);
  expect(reader.unfinishedBytes).toBe(11);
  expect(reader.push(whole.subarray(11)).map(({ content }) => content.toString())).toStrictEqual(['note']);
});

test('what is no stream of frames is said to be broken', () => {
  expect(() => new FrameReader().push(Buffer.from('error: no such container'))).toThrow(
    'The stream of packets is broken: a frame of kind 28192 with 1869771365 bytes',
  );
});

test('packets have what the program wrote', () => {
  const header = Buffer.alloc(16);
  header.writeUInt32LE(1_700_000_000, 0);
  header.writeUInt32LE((999_999_999 | (2 << 30)) >>> 0, 4);
  header.writeUInt32LE((2 | (3 << 28)) >>> 0, 8);
  header.writeUInt32LE(1500, 12);
  const content = Buffer.concat([header, Buffer.from('ab'), header, Buffer.from('cd')]);
  const packet = { seconds: 1_700_000_000, nanoseconds: 999_999_999, direction: 2, reception: 3 };
  expect(readPackets(content)).toStrictEqual([
    { ...packet, data: Buffer.from('ab'), originalBytes: 1500 },
    { ...packet, data: Buffer.from('cd'), originalBytes: 1500 },
  ]);
  expect(countPackets(content)).toBe(2);
});

test('counts have 32 bytes', () => {
  const content = Buffer.alloc(32);
  [5, 2, 3].forEach((value, index) => content.writeBigUInt64LE(BigInt(value), 8 * index));
  content.writeUInt32LE(9, 24);
  content.writeUInt32LE(8, 28);
  expect(readCounts(content)).toStrictEqual({
    received: 5,
    dropped: 2,
    delivered: 3,
    at: { seconds: 9, nanoseconds: 8 },
  });
  expect(() => readCounts(Buffer.alloc(31))).toThrow('Counts have 31 bytes');
});
