import { describe, expect, test } from 'vitest';
import { leaseBytes, parseLease, withLease } from '#src/tap/programs/lease.ts';

const lease = { tap: '0123456789ab', untilNs: 1_234_567_890_123n };

describe('a lease', () => {
  test('is read as it was written', () => {
    expect(parseLease(leaseBytes(lease))).toEqual(lease);
  });

  test('is none in the bytes of something else', () => {
    expect(parseLease(Buffer.alloc(24))).toBeUndefined();
    expect(parseLease(leaseBytes(lease).subarray(0, 23))).toBeUndefined();
  });

  test('is written into an object where the object has a place for it, and nothing else is changed', () => {
    const object = Buffer.from(`ELF saelokok${'\0'.repeat(16)} more`);
    const written = Buffer.from(withLease(object, lease));
    expect(parseLease(written.subarray(4, 28))).toEqual(lease);
    expect(written.toString('latin1', 0, 4) + written.toString('latin1', 28)).toBe('ELF  more');
  });

  test('is not written into an object without a place for it', () => {
    expect(() => withLease(Buffer.from('ELF'), lease)).toThrow('The eBPF object has no place for a lease');
  });
});
