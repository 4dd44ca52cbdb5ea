import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RUN_FOLDER } from '#src/pods/runFolder.ts';

/** Its age says when a reader of the pod's capture was last heard of. */
const file = path.join(RUN_FOLDER, 'reader');

/** A reader was heard of. */
export function noteReader(): void {
  mkdirSync(RUN_FOLDER, { recursive: true });
  writeFileSync(file, '');
}

/** Keeps the pod while a reader is heard of at least every so often, and until the signal comes. */
export async function keepWhileRead(silenceMs: number, signal: AbortSignal): Promise<void> {
  noteReader(); // the first one has as much time to come
  while (!signal.aborted && Date.now() - statSync(file).mtimeMs < silenceMs)
    await sleep(silenceMs / 20, undefined, { signal }).catch(() => undefined);
}
