import { expect, test } from 'vitest';
import { gateBytes, gateReasons, parseGate } from '#src/tap/programs/gate.ts';

test('a gate is read as it was written', () => {
  for (const reason of gateReasons) {
    const gate = { untilNs: 2n ** 62n + 1n, ifindex: 7, reason };
    expect(parseGate(gateBytes(gate))).toEqual(gate);
  }
});

test('other bytes are no gate', () => {
  const bytes = gateBytes({ untilNs: 1n, ifindex: 1, reason: 'ipsec-policy' });
  expect(parseGate(bytes.subarray(1))).toBeUndefined();
  expect(parseGate(Buffer.alloc(bytes.length))).toBeUndefined();
  const unknown = Buffer.from(bytes);
  unknown.writeUInt32LE(gateReasons.length, 20);
  expect(parseGate(unknown)).toBeUndefined();
});
