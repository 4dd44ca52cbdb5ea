import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { shared } from '#src/agent/answers/reading.ts';

describe('a shared reading', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test('is one for all who ask while it goes on, and for those who ask while it is fresh', async () => {
    let count = 0;
    const read = async () => {
      await Promise.resolve();
      vi.advanceTimersByTime(600);
      return ++count;
    };
    const ask = shared(read, 1000);
    expect(await Promise.all([ask(), ask(), ask()])).toEqual([1, 1, 1]);
    vi.advanceTimersByTime(399);
    expect(await ask()).toBe(1);
    vi.advanceTimersByTime(1);
    expect(await ask()).toBe(2);
  });

  test('that takes long is good for so many times as long', async () => {
    let count = 0;
    const read = async () => {
      await Promise.resolve();
      vi.advanceTimersByTime(600);
      return ++count;
    };
    const ask = shared(read, 1000, 19);
    expect(await ask()).toBe(1);
    vi.advanceTimersByTime(19 * 600 - 1);
    expect(await ask()).toBe(1);
    vi.advanceTimersByTime(1);
    expect(await ask()).toBe(2);
  });

  test('that takes longer than it is fresh is begun once at a time', async () => {
    const { promise, resolve } = Promise.withResolvers<string>();
    const read = vi.fn<() => Promise<string>>(() => promise);
    const ask = shared(read, 1000);
    const first = ask();
    vi.advanceTimersByTime(5000);
    const second = ask();
    resolve('late');
    expect(await Promise.all([first, second])).toEqual(['late', 'late']);
    expect(read).toHaveBeenCalledTimes(1);
    await ask();
    expect(read).toHaveBeenCalledTimes(2);
  });

  test('that fails is a failure for those who waited, and is begun anew by the next', async () => {
    const read = vi
      .fn<() => Promise<string>>()
      .mockRejectedValueOnce(new Error('gone'))
      .mockResolvedValue('back');
    const ask = shared(read, 1000);
    const both = await Promise.allSettled([ask(), ask()]);
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(await ask()).toBe('back');
    expect(read).toHaveBeenCalledTimes(2);
  });
});
