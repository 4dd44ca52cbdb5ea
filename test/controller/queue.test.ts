import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import { Queue } from '#src/controller/queue.ts';

const waiting = { timeout: 60_000, interval: 5 };

test('a key is worked on once at a time, and once more if it was wanted meanwhile', async () => {
  const begun: string[] = [];
  let atOnce = 0;
  const queue = new Queue(
    8,
    async (key) => {
      atOnce += 1;
      expect(atOnce).toBe(1);
      begun.push(key);
      await sleep(20);
      atOnce -= 1;
    },
    (_, error) => {
      throw error;
    },
  );
  queue.add('a');
  queue.add('a');
  expect(begun).toEqual([]); // nothing begins before it is opened
  queue.open();
  await vi.waitFor(() => expect(begun).toEqual(['a']), waiting);
  for (let times = 0; times < 5; times++) queue.add('a');
  await vi.waitFor(() => expect(queue.depth).toBe(0), waiting);
  expect(begun).toEqual(['a', 'a']);
});

test('no more than so many are worked on at a time, and all are', async () => {
  const done = new Set<string>();
  let [atOnce, most] = [0, 0];
  const queue = new Queue(
    3,
    async (key) => {
      most = Math.max(most, ++atOnce);
      await sleep(5);
      atOnce -= 1;
      done.add(key);
    },
    () => {},
  );
  queue.open();
  for (let key = 0; key < 20; key++) queue.add(String(key));
  await vi.waitFor(() => expect(done.size).toBe(20), waiting);
  expect(most).toBe(3);
});

test('what fails is tried again, later each time, and other keys are not held up', async () => {
  const delays: number[] = [];
  const others: string[] = [];
  const queue = new Queue(
    2,
    async (key) => {
      if (key !== 'bad') others.push(key);
      else if (delays.length < 3) throw new Error('not yet');
    },
    (_, __, delayMs) => delays.push(delayMs),
  );
  queue.open();
  queue.add('bad');
  queue.add('good');
  await vi.waitFor(() => expect(delays).toHaveLength(3), waiting);
  await vi.waitFor(() => expect(queue.depth).toBe(0), waiting);
  expect(others).toEqual(['good']);
  // Each is half of twice the one before at least, and that one at most.
  expect(delays[1]).toBeGreaterThanOrEqual(50);
  expect(delays[2]).toBeGreaterThanOrEqual(100);
});

test('a key that is wanted later is worked on then, and nothing after the queue is closed', async () => {
  const done: string[] = [];
  const queue = new Queue(
    2,
    async (key) => void done.push(key),
    () => {},
  );
  queue.open();
  queue.addLater('a', 60_000);
  queue.addLater('a', 20); // the earlier time counts
  await vi.waitFor(() => expect(done).toEqual(['a']), waiting);
  queue.addLater('b', 20);
  queue.close();
  await sleep(60);
  expect(done).toEqual(['a']);
});
