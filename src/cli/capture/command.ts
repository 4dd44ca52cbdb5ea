import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { UserError } from '#src/errors.ts';
import type { Cluster } from '#src/kube/cluster.ts';
import type { CaptureFile } from '#src/pcapng/captureFile.ts';
import { LineSink, type NamedInterface } from './lineSink.ts';
import type { CaptureOptions } from './options.ts';
import { runCapture } from './run.ts';
import { FileSink, PipeSink, type Sink } from './sink.ts';
import { Outlet } from './outlet.ts';

/** The exit code where packets are missing. */
const LOSS = 3;

/** What a capture writes to, and what ends it. */
interface Terminal {
  readonly stdout: Writable & { readonly isTTY?: boolean | undefined };
  /** Writes a line to standard error. */
  readonly say: (text: string) => void;
  readonly env: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
}

/**
 * Captures as the options say.
 *
 * @returns the exit code
 */
export async function captureCommand(
  options: CaptureOptions,
  cluster: Cluster,
  { stdout, say, env, signal }: Terminal,
): Promise<number> {
  const ending = new AbortController();
  // Who closes Wireshark wants no more, as who closes a pipe.
  const viewer = options.wireshark ? await startViewer(() => ending.abort()) : undefined;
  const result = await runCapture(options, cluster, {
    say: options.quiet ? () => undefined : say,
    signal: AbortSignal.any([signal, ending.signal]),
    openSink: async (file, interfaceOf) => openSink(options, file, { interfaceOf, stdout, viewer, env }),
  });
  viewer?.stdin?.end();
  const isUnread = ending.signal.aborted;
  return result.isComplete || isUnread || options.allowLoss ? 0 : LOSS;
}

interface Outputs extends Pick<Terminal, 'stdout' | 'env'> {
  readonly interfaceOf: (id: number) => NamedInterface;
  readonly viewer: ChildProcess | undefined;
}

async function openSink(
  { file: name, fileBytes, fileSeconds, fileCount }: CaptureOptions,
  file: CaptureFile,
  { interfaceOf, stdout, viewer, env }: Outputs,
): Promise<Sink> {
  if (viewer?.stdin) return new PipeSink(file, viewer.stdin).begin();
  if (name !== undefined && name !== '-') {
    const rotation = { name, mostBytes: fileBytes, mostSeconds: fileSeconds, count: fileCount };
    return new FileSink(file, rotation).begin();
  }
  if (stdout.isTTY !== true || name === '-') return new PipeSink(file, stdout).begin();
  return new LineSink(new Outlet(stdout), interfaceOf, !env['NO_COLOR']);
}

/** @throws {UserError} when there is no Wireshark */
async function startViewer(onEnd: () => void): Promise<ChildProcess> {
  // In a session of its own: Ctrl-C ends the capture, and what was captured stays on the screen.
  const child = spawn('wireshark', ['-k', '-i', '-'], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  try {
    await once(child, 'spawn');
  } catch (error) {
    throw new UserError('Cannot start wireshark: install it, or write a file with -w', { cause: error });
  }
  child.once('exit', onEnd);
  child.unref();
  return child;
}
