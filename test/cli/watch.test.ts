import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { watch } from '#src/cli/watch.ts';

/** A reader of what is watched, and the texts that are looked at one after the other; it is interrupted at the last. */
function watching(texts: readonly string[], isTTY: boolean) {
  const ending = new AbortController();
  const stream = Object.assign(new PassThrough(), { isTTY });
  const left = [...texts];
  const look = async (): Promise<string> => {
    const now = left.shift() ?? '';
    if (left.length === 0) ending.abort();
    return now;
  };
  const terminal = { stdout: () => stream, env: {}, untilInterrupted: () => ending.signal };
  return { stream, look, terminal };
}

test('what has not changed is not shown again', async () => {
  const { stream, look, terminal } = watching(['a\n', 'a\n', 'b\n'], false);
  const shown = text(stream);
  await watch(look, terminal);
  stream.end();
  expect(await shown).toBe('a\nb\n');
});

test('a terminal is drawn anew', async () => {
  const { stream, look, terminal } = watching(['a\n', 'b\n'], true);
  const shown = text(stream);
  await watch(look, terminal);
  stream.end();
  expect(await shown).toBe('\u001B[H\u001B[2Ja\n\u001B[H\u001B[2Jb\n');
});

test('it ends when nobody reads any more, and fails when a look does', async () => {
  const unread = watching(['a\n', 'b\n', 'c\n'], false);
  const watched = watch(unread.look, unread.terminal);
  unread.stream.destroy(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
  await watched;
  const broken = watching(['a\n', 'b\n'], false);
  await expect(
    watch(async () => {
      throw new Error('the API server is gone');
    }, broken.terminal),
  ).rejects.toThrow('the API server is gone');
});
