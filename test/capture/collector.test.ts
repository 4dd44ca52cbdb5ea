import { expect, test } from 'vitest';
import { Collector } from '#src/capture/collector.ts';
import { frame, kinds } from '#src/capture/frames.ts';
import { encodeNote } from '#src/capture/notes.ts';
import { CaptureFile } from '#src/pcapng/captureFile.ts';

const begin = encodeNote({
  event: 'begin',
  target: 'shop/web',
  ifname: 'eth0',
  linkType: 1,
  mac: '02:00:00:00:00:01',
  addresses: [],
  mtuBytes: 1500,
  ringMebibytes: 64,
});

function counts(received: number, dropped: number): Buffer {
  const content = Buffer.alloc(32);
  [received, dropped, received - dropped].forEach((value, index) =>
    content.writeBigUInt64LE(BigInt(value), 8 * index),
  );
  return content;
}

function packets(count: number): Buffer {
  const one = Buffer.alloc(18);
  one.writeUInt32LE(2, 8);
  return Buffer.concat(Array.from({ length: count }, () => one));
}

function collector(): Collector {
  const file = new CaptureFile({ application: 'kokotap' });
  return new Collector(file, (_, { target }) => ({ name: target, linkType: 1, snapLengthBytes: 0 }));
}

test('the first packet after a loss says how much is missing', () => {
  const taken = collector();
  taken.open('node-a');
  taken.take('node-a', frame(1, kinds.note, begin));
  taken.take('node-a', frame(1, kinds.counts, counts(0, 0)));
  taken.take('node-a', frame(1, kinds.counts, counts(5, 3)));
  const item = taken.take('node-a', frame(1, kinds.packets, packets(2)));
  expect(item).toMatchObject({
    kind: 'packets',
    packets: [
      { interfaceId: 0, notes: { missing: 3 } },
      { interfaceId: 0, notes: undefined },
    ],
  });
  expect(taken.totals()).toStrictEqual({
    packets: 2,
    bytes: 4,
    targets: 1,
    dropped: 3,
    lost: 0,
    cutShort: ['node-a'],
  });
});

test('what a node says at its end is compared with what came', () => {
  const taken = collector();
  for (const node of ['node-a', 'node-b']) {
    taken.open(node);
    taken.take(node, frame(1, kinds.note, begin));
    taken.take(node, frame(1, kinds.packets, packets(2)));
    const done = encodeNote({ event: 'done', packets: node === 'node-a' ? 2 : 5, bytes: 0 });
    taken.take(node, frame(0, kinds.note, done));
  }
  expect(taken.totals()).toMatchObject({ packets: 4, lost: 3, cutShort: [] });
});

test('frames of nobody are mistakes', () => {
  const taken = collector();
  const some = frame(1, kinds.packets, packets(1));
  expect(() => taken.take('node-a', some)).toThrow('A frame of node-a, which has no stream');
  taken.open('node-a');
  expect(() => taken.take('node-a', some)).toThrow('A frame of an interface that node-a has not named');
});
