import type { Logger } from 'pino';
import { messageOf } from '#src/errors.ts';
import {
  TAP_GROUP,
  TAP_KIND,
  TAP_VERSION,
  type TapCondition,
  type TapResource,
  type TapStatus,
} from '#src/spec/tapResource.ts';
import type { Objects } from './api/objects.ts';
import { MANAGER } from './model.ts';

/** The longest message that the API takes. */
const MOST_CHARACTERS = 1024;
/** Reasons of a Tap that is not Ready, with nothing wrong. */
const EXPECTED = new Set(['Starting', 'Complete', 'SenderNotReady', 'ReceiverNotReady', 'NotScheduled']);

/** Writes an event on the Tap for each condition that has become another. None of them is worth a failure. */
export async function recordTransitions(
  tap: TapResource,
  status: TapStatus,
  objects: Objects,
  log: Logger,
): Promise<void> {
  const before = new Map((tap.status.conditions ?? []).map((each) => [each.type, each]));
  const changed = (status.conditions ?? []).filter((now) => isNews(before.get(now.type), now));
  await Promise.all(
    changed.map(async (now) => {
      try {
        await objects.create(`/api/v1/namespaces/${tap.metadata.namespace}/events`, eventOf(tap, now));
      } catch (error) {
        log.warn({ error: messageOf(error) }, 'cannot write an event');
      }
    }),
  );
}

function isNews(before: TapCondition | undefined, now: TapCondition): boolean {
  if (now.type === 'Complete' || (now.type === 'Accepted' && before === undefined)) {
    if (now.status === (now.type === 'Complete' ? 'False' : 'True')) return false;
  }
  return before?.status !== now.status || before.reason !== now.reason;
}

function eventOf({ metadata }: TapResource, { type, status, reason, message }: TapCondition): object {
  const { name, namespace, uid, resourceVersion } = metadata;
  const now = new Date().toISOString().replace(/\.\d+/u, '');
  const isBad = (type === 'Ready' || type === 'Accepted') && status === 'False' && !EXPECTED.has(reason);
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { generateName: `${name.slice(0, 200)}.`, namespace },
    involvedObject: {
      apiVersion: `${TAP_GROUP}/${TAP_VERSION}`,
      kind: TAP_KIND,
      name,
      namespace,
      uid,
      resourceVersion,
    },
    reason,
    message: message.slice(0, MOST_CHARACTERS),
    type: isBad ? 'Warning' : 'Normal',
    source: { component: MANAGER },
    reportingComponent: MANAGER,
    firstTimestamp: now,
    lastTimestamp: now,
    count: 1,
  };
}
