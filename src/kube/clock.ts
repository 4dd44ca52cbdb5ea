import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** How often to look whether the clock has to wait. */
const TICK_MS = 1000;

export interface Clock extends Disposable {
  /** Aborted when the time is out. */
  readonly signal: AbortSignal;
}

/**
 * Gives a request so long. The time begins anew as long as a person or another program is what is waited for.
 *
 * @param limitMs 0: without end
 * @param isHeldUp asked once a second
 */
export function startClock(limitMs: number, isHeldUp: () => Promise<boolean>): Clock {
  const controller = new AbortController();
  let endsMs = performance.now() + limitMs;
  let timer: NodeJS.Timeout | undefined;
  const tick = async (): Promise<void> => {
    if (await isHeldUp()) endsMs = performance.now() + limitMs;
    if (performance.now() >= endsMs) controller.abort();
    else arm();
  };
  const arm = () => {
    if (controller.signal.aborted || isOver) return;
    timer = setTimeout(() => void tick(), Math.min(TICK_MS, Math.max(0, endsMs - performance.now())));
  };
  let isOver = limitMs === 0;
  arm();
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      isOver = true;
      clearTimeout(timer);
    },
  };
}

/** Whether a process has children, as kubectl has while a credential plugin runs. Not where there is no `ps`. */
export async function hasChildren(pid: number): Promise<boolean> {
  const list = await promisify(execFile)('ps', ['-A', '-o', 'ppid=']).catch(() => undefined);
  return list?.stdout.split('\n').some((parent) => Number(parent) === pid) ?? false;
}
