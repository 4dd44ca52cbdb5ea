/**
 * Writes all of a text, also to a slow pipe.
 *
 * @throws what the stream reports, such as EPIPE when nobody reads any more.
 */
export async function writeAll(stream: NodeJS.WritableStream, text: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  stream.once('error', reject);
  stream.write(text, (error) => {
    if (error) reject(error);
    else resolve();
  });
  await promise;
}

/** Whether whoever was to read our output has gone. */
export function isBrokenPipe(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EPIPE';
}
