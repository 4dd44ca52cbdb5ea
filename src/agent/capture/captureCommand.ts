import { Socket, type SocketConstructorOpts } from 'node:net';
import { createInterface } from 'node:readline';
import type { DuplexOptions } from 'node:stream';
import { noteReader } from './presence.ts';
import { runCapture } from './session.ts';

const STDOUT = 1;
/** So much may be under way in this program. */
const STREAM_BYTES = 2 ** 20;
/** A volume of the capture's pod, when a spool is asked for. */
const SPOOL_FOLDER = '/spool';

interface CaptureSettings {
  /** So long a reader may say nothing. */
  readonly silenceMs: number;
  /** Where the network namespace of the node is. */
  readonly nodeNetns: string;
}

/**
 * Captures as standard input says, to standard output.
 *
 * @throws {UserError} when what is asked for is not possible
 */
export async function runCaptureCommand(
  { silenceMs, nodeNetns }: CaptureSettings,
  signal: AbortSignal,
): Promise<void> {
  // Node.js writes to a pipe at once and stands still until all of it is taken; it shall hear its input meanwhile.
  const options: SocketConstructorOpts & DuplexOptions = {
    fd: STDOUT,
    readable: false,
    writable: true,
    writableHighWaterMark: STREAM_BYTES,
  };
  const stream = new Socket(options);
  const failed = Promise.withResolvers<never>();
  stream.on('error', failed.reject);
  const lines = createInterface({ input: process.stdin, terminal: false });
  const capturing = runCapture(lines, stream, {
    spoolFolder: process.env['KOKOTAP_SPOOL'] ?? SPOOL_FOLDER,
    lookMs: 500,
    silenceMs,
    nodeNetns,
    graceMs: 2000,
    onLine: noteReader,
    signal,
  });
  await Promise.race([capturing, failed.promise]);
}
