#!/usr/bin/node --lite-mode
import pino from 'pino';
import { askAgent } from '#src/agent/answers/askAgent.ts';
import { parseCommand } from '#src/agent/agentCommand.ts';
import { runCaptureCommand } from '#src/agent/capture/captureCommand.ts';
import { keepWhileRead } from '#src/agent/capture/presence.ts';
import { writeTerminationMessage } from '#src/agent/answers/podState.ts';
import { probe } from '#src/agent/answers/probeCommand.ts';
import { runAgent } from '#src/agent/run.ts';
import { readStatus } from '#src/agent/status/find.ts';
import { readLeftovers } from '#src/agent/status/leftovers.ts';
import { timing } from '#src/agent/timing.ts';
import { messageOf, UsageError } from '#src/errors.ts';
import { VERSION } from '#src/version.ts';

/** The command of the sender and receiver pods. */
async function main(args: readonly string[], signal: AbortSignal): Promise<void> {
  const command = parseCommand(args);
  if ('tapId' in command) {
    const { name, tapId, node, tickMs } = command;
    const answer = node ? undefined : await askAgent(name, tapId);
    if (answer !== undefined) print(answer);
    else if (name === 'probe') print({ probes: await probe(tapId, timing(tickMs)) });
    else print({ observed: await readStatus(tapId), leftovers: await readLeftovers(tapId) });
    return;
  }
  if ('silenceMs' in command) {
    const { name, silenceMs } = command;
    // Both have to be gone half a minute after their reader, and the pod last.
    await (name === 'capture' ? runCaptureCommand(command, signal) : keepWhileRead(1.3 * silenceMs, signal));
    return;
  }
  const { settings, ...task } = command;
  const log = pino({
    level: settings['log-level'],
    base: { role: task.name },
    timestamp: pino.stdTimeFunctions.isoTime,
  });
  log.info({ version: VERSION, ...task.source }, 'this is what the agent was given');
  const { 'tick-ms': tickMs, 'lease-ms': leaseMs, 'rare-ms': rareMs } = settings;
  await runAgent(task, timing(tickMs, leaseMs, rareMs), log, signal);
}

function print(said: object): void {
  process.stdout.write(`${JSON.stringify(said, undefined, 2)}\n`);
}

const ending = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => ending.abort());
try {
  await main(process.argv.slice(2), ending.signal);
  process.exit(0);
} catch (error) {
  process.stderr.write(`kokotap-agent: ${messageOf(error)}\n`);
  // These are typed into a running pod, whose own last error this is not.
  if (!['status', 'probe', 'capture'].includes(process.argv[2] ?? ''))
    writeTerminationMessage(messageOf(error));
  process.exit(error instanceof UsageError ? 2 : 1);
}
