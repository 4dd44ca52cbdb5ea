import { setTimeout as sleep } from 'node:timers/promises';
import { once } from 'node:events';
import { isBrokenPipe } from './output.ts';
import type { Terminal } from './surroundings.ts';

const LOOK_MS = 2000;

/**
 * Shows something again and again until it is interrupted, or nobody reads it any more: on a terminal in place, else whenever it
 * has changed.
 *
 * @param look what is shown now
 */
export async function watch(
  look: () => Promise<string>,
  { stdout, env, untilInterrupted }: Pick<Terminal, 'stdout' | 'env' | 'untilInterrupted'>,
): Promise<void> {
  const signal = untilInterrupted();
  const screen = stdout();
  const isDrawn = screen.isTTY === true && env['TERM'] !== 'dumb';
  const { promise: unread, reject } = Promise.withResolvers<never>();
  screen.on('error', reject);
  unread.catch(() => undefined);
  try {
    for (let shown: string | undefined; !signal.aborted;) {
      const text = await look();
      if (text !== shown && !screen.write(isDrawn ? `\u001B[H\u001B[2J${text}` : text))
        await Promise.race([once(screen, 'drain', { signal }), unread]);
      shown = text;
      await Promise.race([sleep(LOOK_MS, undefined, { signal }), unread]);
    }
  } catch (error) {
    if (!signal.aborted && !isBrokenPipe(error)) throw error;
  }
}
