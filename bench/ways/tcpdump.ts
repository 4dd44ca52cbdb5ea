import { once } from 'node:events';
import { spawn } from 'node:child_process';
import type { Copies } from '../counters.ts';
import { CAPTURES, inPod, kubectlExec, TARGET } from '../pods.ts';

const PID_FILE = `${CAPTURES}/pid`;

/** Runs a load while a tcpdump in the target writes all its packets to a file there, which is in memory. */
export function whileWrittenToFile<T>(run: () => Promise<T>): Promise<{ result: T; copies: Copies }> {
  return whileCaptured(`${CAPTURES}/all.pcap`, run);
}

/** Runs a load while a tcpdump in the target sends all its packets through `kubectl exec`, as kubectl plugins do. */
export function whilePiped<T>(run: () => Promise<T>): Promise<{ result: T; copies: Copies }> {
  return whileCaptured('-', run);
}

async function whileCaptured<T>(file: string, run: () => Promise<T>): Promise<{ result: T; copies: Copies }> {
  const script = 'echo $$ >"$0"; exec tcpdump --interface=eth0 -w "$1"';
  const [program, ...args] = kubectlExec(TARGET, 'sh', '-c', script, PID_FILE, file);
  const capture = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = once(capture, 'exit');
  let said = '';
  const listening = new Promise<void>((resolve, reject) => {
    capture.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      if (said.includes('listening on')) resolve();
    });
    capture.on('exit', () => reject(new Error(`tcpdump ended: ${said}`)));
  });
  await listening;
  try {
    const result = await run();
    await inPod(TARGET, 'sh', '-c', 'kill -INT "$(cat "$0")"', PID_FILE);
    await ended;
    return { result, copies: parseSummary(said) };
  } finally {
    capture.kill();
    await inPod(TARGET, 'rm', '--force', `${CAPTURES}/all.pcap`);
  }
}

/** @param said tcpdump's last words; what it received includes what the kernel dropped. */
function parseSummary(said: string): Copies {
  const sent = Number(/(\d+) packets? received by filter/.exec(said)?.[1]);
  const lost = Number(/(\d+) packets? dropped by kernel/.exec(said)?.[1]);
  if (!Number.isInteger(sent) || !Number.isInteger(lost)) throw new Error(`tcpdump said: ${said}`);
  return { unit: 'packets', sent, lost, fragments: 0 };
}
