import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { TimeOrder } from '#src/capture/timeOrder.ts';
import type { PlacedPacket } from '#src/pcapng/captureFile.ts';

/** A packet of an interface whose clock shows so many milliseconds. */
function packetAt(interfaceId: number, ms: number): PlacedPacket {
  const [seconds, nanoseconds] = [Math.floor(ms / 1000), (ms % 1000) * 1e6];
  return {
    interfaceId,
    packet: { seconds, nanoseconds, direction: 0, reception: 0, data: Buffer.alloc(0), originalBytes: 0 },
  };
}
const times = (packets: readonly PlacedPacket[]) =>
  packets.map(({ packet: { seconds, nanoseconds } }) => seconds * 1000 + nanoseconds / 1e6);

test('packets that come later than others by less than the wait are in order', () => {
  const order = new TimeOrder(500);
  order.put([packetAt(0, 10), packetAt(0, 30)], 1000);
  expect(order.take(1400)).toStrictEqual([]);
  order.put([packetAt(1, 5), packetAt(1, 20), packetAt(1, 40)], 1450);
  expect(times(order.take(1501))).toStrictEqual([5, 10, 20, 30]);
  expect(times(order.takeAll())).toStrictEqual([40]);
  expect(order.takeAll()).toStrictEqual([]);
});

test('nothing is lost or doubled, and delays below the wait do not show', () => {
  const anyPacket = fc.record({
    interfaceId: fc.integer({ min: 0, max: 3 }),
    ms: fc.integer({ min: 0, max: 5000 }),
  });
  const anyDelays = fc.tuple(...Array.from({ length: 4 }, () => fc.integer({ min: 0, max: 499 })));
  fc.assert(
    fc.property(fc.array(anyPacket), anyDelays, (packets, delays) => {
      const order = new TimeOrder(500);
      const arrivals = packets
        .map((each) => ({ ...each, at: each.ms + (delays[each.interfaceId] ?? 0) }))
        .toSorted((one, other) => one.at - other.at);
      const taken = [];
      for (const { interfaceId, ms, at } of arrivals) {
        taken.push(...order.take(at));
        order.put([packetAt(interfaceId, ms)], at);
      }
      taken.push(...order.takeAll());
      expect(times(taken)).toStrictEqual(packets.map(({ ms }) => ms).toSorted((one, other) => one - other));
    }),
  );
});
