#!/usr/bin/node
import pino from 'pino';
import { clientInCluster, serverOf } from '#src/controller/api/inCluster.ts';
import { parseOptions } from '#src/controller/options.ts';
import { runController } from '#src/controller/run.ts';
import { messageOf, UsageError } from '#src/errors.ts';
import { VERSION } from '#src/version.ts';

const ending = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => ending.abort());
try {
  const options = parseOptions(process.argv.slice(2), process.env);
  const log = pino({ level: options.logLevel, base: null, timestamp: pino.stdTimeFunctions.isoTime });
  log.info({ version: VERSION, ...options }, 'this is what the controller was given');
  const client = await clientInCluster(serverOf(process.env));
  process.exit((await runController(client, options, log, ending.signal)) ? 0 : 1);
} catch (error) {
  process.stderr.write(`kokotap-controller: ${messageOf(error)}\n`);
  process.exit(error instanceof UsageError ? 2 : 1);
}
