import { parseCaptureLine } from '../capture/commandLine.ts';
import { openStdout } from '../capture/stdout.ts';
import type { Open, Outcome } from '../main.ts';
import { captureCommand, refuseTerminal } from './capture.ts';

/** What ends a capture in good order. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

interface Printer {
  readonly print: (text: string) => void;
  readonly say: (message: string) => void;
}

/** Does what the words behind `kokotap capture` say. */
export async function runCaptureLine(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  { print, say }: Printer,
  open: Open,
): Promise<Outcome> {
  const line = parseCaptureLine(argv);
  if (line.kind === 'text') return { exitCode: 0, text: line.text };
  const stdout = openStdout();
  refuseTerminal(line.options, stdout);
  const ending = new AbortController();
  const end = () => {
    if (ending.signal.aborted) process.exit(130); // the second time: at once
    ending.abort();
  };
  for (const signal of SIGNALS) process.on(signal, end);
  await using cluster = await open(line.cluster, env, { pass: print, onRequest: () => undefined });
  const terminal = { stdout, say, env, signal: ending.signal };
  return { exitCode: await captureCommand(line.options, cluster, terminal), text: '' };
}
