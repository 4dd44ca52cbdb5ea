#!/usr/bin/node --lite-mode
import pino from 'pino';
import { receiver, sender } from '#src/agent/ends.ts';
import { parseCommand } from '#src/agent/options.ts';
import { writeTerminationMessage } from '#src/agent/report.ts';
import { run } from '#src/agent/run.ts';
import { readStatus } from '#src/agent/status.ts';
import { messageOf, UsageError } from '#src/errors.ts';

/** The command of the sender and receiver pods. */
async function main(args: readonly string[], signal: AbortSignal): Promise<void> {
  const command = parseCommand(args);
  if (command.name === 'status') {
    process.stdout.write(`${JSON.stringify({ ends: await readStatus(command.tapId) }, undefined, 2)}\n`);
    return;
  }
  const { name, options } = command;
  const id = options['tap-id'];
  const log = pino({
    level: options['log-level'],
    base: { role: name, tap: id },
    timestamp: pino.stdTimeFunctions.isoTime,
  });
  const end = command.name === 'sender' ? () => sender(command.options) : () => receiver(command.options);
  await run(name, id, end, log, signal);
}

const ending = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => ending.abort());
try {
  await main(process.argv.slice(2), ending.signal);
  process.exit(0);
} catch (error) {
  process.stderr.write(`kokotap-agent: ${messageOf(error)}\n`);
  // `status` is typed into a running pod, whose own last error this is not.
  if (process.argv[2] !== 'status') writeTerminationMessage(messageOf(error));
  process.exit(error instanceof UsageError ? 2 : 1);
}
