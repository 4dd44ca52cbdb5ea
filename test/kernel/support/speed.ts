import { spawnSync } from 'node:child_process';
import { givenSlowness } from '../../support/slowness.ts';

/** How long {@link startAndEnd} takes on an idle machine with two CPUs of 2024, in milliseconds. */
const referenceMs = 70;
const rounds = 3;

/**
 * How many times slower this machine is at present than the one that the tests' timeouts are made for; at least 1. In a
 * virtual machine vm/init says it, for there the measurement itself takes seconds, and is soon out of date.
 */
const slowness = Math.max(
  1,
  givenSlowness() ?? median(Array.from({ length: rounds }, startAndEnd)) / referenceMs,
);

/** A timeout as this machine needs it. It bounds how long a test may wait, never what the test expects. */
export function scaled(timeoutMs: number): number {
  return Math.ceil(timeoutMs * slowness);
}

/**
 * How many packets a test sends that sends very many: where the machine is said to be slower than a usual one, as many
 * times fewer.
 */
export function fewer(packets: number): number {
  return Math.ceil(packets / (givenSlowness() ?? 1));
}

/** Does what most of a test's time goes to: makes and deletes a network namespace, and starts Node.js. */
function startAndEnd(): number {
  const name = `kokotap-test-speed-${process.pid}`;
  const start = performance.now();
  for (const [program, ...args] of [
    ['ip', 'netns', 'add', name],
    ['ip', 'netns', 'delete', name],
    [process.execPath, '--eval', '0'],
  ] as const) {
    const { status, error, stderr } = spawnSync(program, args, { encoding: 'utf8' });
    if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`, { cause: error });
  }
  return performance.now() - start;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
