import type { Logger } from 'pino';
import type { EndpointDocument } from '#src/spec/endpoint.ts';
import { guardTable } from '#src/tap/guard/rules.ts';
import { tableReader } from '#src/net/nftables.ts';
import { mayEnterNamespaces } from '#src/net/processNetns.ts';
import { endpointKey } from '#src/spec/endpointList.ts';
import type { Role } from '#src/tap/ownership/mark.ts';
import { readySocket } from '#src/tap/ownership/readySocket.ts';
import { serveSocket } from './answers/agentSocket.ts';
import { Alarm } from './alarm.ts';
import type { EndpointSource } from './agentCommand.ts';
import { Confirmation } from './list/confirmation.ts';
import { followEndpointFile } from './list/endpointFile.ts';
import { EndpointManager } from './list/manager.ts';
import { MetricsPorts } from './answers/metricsPorts.ts';
import { PodState } from './answers/podState.ts';
import { ReadyPort } from './answers/readyPort.ts';
import { shared as shareReading } from './answers/reading.ts';
import { Slots } from './slots.ts';
import { Sweeper } from './sweep.ts';
import type { Timing } from './timing.ts';

/** Of the kernel's work on endpoints at a time: more wait for the CPU and for the kernel's locks only. */
const slotCount = 4;
const slotMs = 2000;

/** What an agent is to keep. */
export interface AgentTask {
  readonly name: Role;
  readonly source: EndpointSource;
  /** The file that says for how long the tap may be without a confirmation; undefined: without end. */
  readonly unconfirmed: string | undefined;
}

/**
 * Keeps the endpoints of an agent until the signal comes.
 *
 * @throws {UserError} when what the only endpoint is to be is not possible
 * @throws {CommandError} when an endpoint cannot be taken away
 */
export async function runAgent(
  { name: role, source, unconfirmed }: AgentTask,
  timing: Timing,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  const readyAt = 'document' in source ? readySocket(role, source.document.tapId) : undefined;
  const podState = new PodState(readyAt && new ReadyPort(readyAt, log));
  const metrics = new MetricsPorts(log);
  const onCommand = (command: string) => log.debug({ command }, 'command');
  const shared = {
    log,
    timing,
    slots: new Slots(slotCount, slotMs),
    metrics,
    readGuardTable: shareReading(tableReader(guardTable, { onCommand }), timing.checkMs / 2),
  };
  const manager = new EndpointManager(shared, podState, 'document' in source);
  await serveSocket(manager, timing, log, signal);
  const confirmation = new Confirmation(manager, podState);
  const following = { checkMs: timing.checkMs, log, signal };
  const working = Promise.all([
    follow(source, role === 'sender' ? 'Sender' : 'Receiver', confirmation, podState, following),
    unconfirmed === undefined ? undefined : confirmation.follow(unconfirmed, following),
    sweepUntil(new Sweeper(mayEnterNamespaces(), timing, log), timing, signal),
  ]);
  await Promise.race([working, manager.failed]);
  podState.end();
  await manager.end();
}

/** Has what the source says kept, until the signal comes. */
async function follow(
  source: EndpointSource,
  kind: EndpointDocument['kind'],
  kept: Pick<EndpointManager, 'apply'>,
  podState: PodState,
  following: { checkMs: number; log: Logger; signal: AbortSignal },
): Promise<void> {
  if ('document' in source) {
    kept.apply(new Map([[endpointKey(source.document), source.document]]));
    podState.setList(undefined);
    return;
  }
  const follower = {
    apply: (endpoints: ReadonlyMap<string, EndpointDocument>) => kept.apply(endpoints),
    tellTrouble: (trouble: string | undefined) => podState.setList(trouble),
  };
  await followEndpointFile(source.file, kind, follower, following);
}

/** Searches for leftovers now and then until the signal comes, which interrupts a search. */
async function sweepUntil(
  sweeper: Sweeper,
  { checkMs, sweepMs }: Timing,
  signal: AbortSignal,
): Promise<void> {
  const alarm = new Alarm(signal);
  // Not before the agent has locked its own taps: they are no leftovers.
  for (let waitMs = checkMs; ; waitMs = sweepMs) {
    await alarm.pause(waitMs);
    if (signal.aborted) return;
    await sweeper.sweep({ signal });
  }
}
