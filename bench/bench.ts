import { readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { messageOf } from '#src/errors.ts';
import { run } from '#src/exec/command.ts';
import { type Case, TAPPED } from './cases.ts';
import { IMAGE_ARCHIVE, Lab, ROOT } from './lab.ts';
import { describeMachine } from './machine.ts';
import { measureAgents } from './measures/agents.ts';
import { measureCommandLine } from './measures/commandLine.ts';
import { type EndpointFigures, measureEndpoints } from './measures/endpoints.ts';
import { measureFirstPacket } from './measures/firstPacket.ts';
import { measurePauses } from './measures/pause.ts';
import { measureTraffic } from './measures/traffic.ts';
import { startPods } from './pods.ts';
import { document } from './report/document.ts';
import { goalTable } from './report/goals.ts';
import { endpointTable } from './report/endpoints.ts';
import { plot } from './report/plot.ts';
import { lossTable, speedTable } from './report/traffic.ts';
import type { Results } from './results.ts';
import { resetUnderlay } from './underlay.ts';

/**
 * Measures what a tap costs on the lab's cluster and writes docs/performance.md with its plot, and
 * docs/performance.json. `--rounds=N`: how often each case is measured, instead of 3 times. `--case=TEXT`, once or more: only the
 * traffic of untapped and of cases whose names have such a text, and only to standard output. `--endpoints`: only what agents
 * of one and of many endpoints take, without the lab.
 */
async function main(): Promise<void> {
  const { rounds, cases, hasEndpointsOnly } = parse();
  if (hasEndpointsOnly) {
    process.stdout.write(`${endpointTable(await measureAllEndpoints())}\n`);
    return;
  }
  const lab = await Lab.find(resetUnderlay);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => void lab.close().finally(() => process.exit(130)));
  }
  try {
    if (cases === undefined) await write(await measure(lab, rounds));
    else await print(lab, rounds, cases);
  } catch (error) {
    // Said before cleaning up, which may fail for the same reason.
    process.stderr.write(`bench: ${messageOf(error)}\n`);
    process.exitCode = 1;
  } finally {
    progress('cleaning up');
    await lab.close();
  }
}

/** Without cases: all of them, and what is not traffic too. */
function parse(): { rounds: number; cases: readonly Case[] | undefined; hasEndpointsOnly: boolean } {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '3' },
      case: { type: 'string', multiple: true },
      endpoints: { type: 'boolean', default: false },
    },
  });
  const rounds = Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error(`--rounds=${values.rounds}: not a count`);
  const { case: texts, endpoints: hasEndpointsOnly } = values;
  if (texts === undefined) return { rounds, cases: undefined, hasEndpointsOnly };
  const cases = TAPPED.filter(({ name }) => texts.some((text) => name.includes(text)));
  if (cases.length === 0)
    throw new Error(
      `--case=${texts.join(' --case=')}: in none of ${TAPPED.map(({ name }) => name).join('; ')}`,
    );
  return { rounds, cases, hasEndpointsOnly };
}

async function print(lab: Lab, rounds: number, cases: readonly Case[]): Promise<void> {
  await lab.open();
  const traffic = await measureTraffic(lab, await startPods(lab), cases, rounds, progress);
  process.stdout.write(`${speedTable(traffic)}\n\n${lossTable(traffic)}\n\n${goalTable(traffic)}\n`);
}

async function measure(lab: Lab, rounds: number): Promise<Results> {
  progress('the cluster (takes minutes the first time)');
  await lab.open();
  const target = await startPods(lab);
  const traffic = await measureTraffic(lab, target, TAPPED, rounds, progress);
  progress('pause of the interface');
  const pauses = await measurePauses(target);
  progress('time to the first packet');
  const firstPacketMilliseconds = await measureFirstPacket(lab, target.address, 5);
  progress('agents at rest');
  const agents = await measureAgents(lab);
  const endpoints = await measureAllEndpoints();
  progress('command line');
  const commandLineMilliseconds = await measureCommandLine(15);
  return {
    date: new Date().toISOString().slice(0, 10),
    machine: describeMachine(),
    rounds,
    traffic,
    pauses,
    firstPacketMilliseconds,
    commandLineMilliseconds,
    agents,
    endpoints,
    imageMegabytes: statSync(IMAGE_ARCHIVE).size / 1e6,
  };
}

/** Of one, and of a hundred. */
async function measureAllEndpoints(): Promise<EndpointFigures[]> {
  const figures: EndpointFigures[] = [];
  for (const count of [1, 100]) {
    progress(`agents of ${count} endpoints`);
    figures.push(await measureEndpoints(count));
  }
  return figures;
}

async function write(results: Results): Promise<void> {
  const file = path.join(ROOT, 'docs/performance.md');
  writeFileSync(file, document(results));
  writeFileSync(path.join(ROOT, 'docs/performance.svg'), plot(results.traffic));
  writeFileSync(path.join(ROOT, 'docs/performance.json'), `${JSON.stringify(results, undefined, 2)}\n`);
  await run(path.join(ROOT, 'node_modules/.bin/oxfmt'), [file]);
  process.stdout.write(`\n${readFileSync(file, 'utf8')}`);
}

function progress(text: string): void {
  process.stderr.write(`${performance.now().toFixed(0).padStart(7)} ms  ${text}\n`);
}

await main();
