import { json } from 'node:stream/consumers';
import pino from 'pino';
import { expect, onTestFinished, test, vi } from 'vitest';
import * as z from 'zod/mini';
import { Objects } from '#src/controller/api/objects.ts';
import { Election } from '#src/controller/lease.ts';
import { clusterAt } from '../cli/support/kokotap.ts';
import { serve } from '../kube/support/server.ts';

const times = { leaseMs: 600, renewWithinMs: 400, retryMs: 50 };
const waiting = { timeout: 60_000, interval: 10 };
const leaseSchema = z.object({
  metadata: z.object({ resourceVersion: z.optional(z.string()) }),
  spec: z.looseObject({ holderIdentity: z.string(), leaseTransitions: z.int() }),
});

/** A server with one Lease, which takes a write of the last version only. It can be made to answer nobody. */
async function leaseServer() {
  let lease: z.infer<typeof leaseSchema> | undefined;
  let isSilent = false;
  const { url } = await serve((request, response) => {
    void (async () => {
      const body = request.method === 'GET' ? undefined : z.parse(leaseSchema, await json(request));
      if (isSilent) return;
      const version = lease?.metadata.resourceVersion;
      if (body === undefined && lease === undefined) response.writeHead(404).end('{"kind":"Status"}');
      else if (body !== undefined && body.metadata.resourceVersion !== version)
        response.writeHead(409).end('{"kind":"Status","message":"changed"}');
      else {
        if (body !== undefined)
          lease = { ...body, metadata: { resourceVersion: String(Number(version ?? 0) + 1) } };
        response.end(JSON.stringify(lease));
      }
    })();
  });
  return {
    candidate: (identity: string) => {
      const objects = new Objects(clusterAt(url).client, () => {});
      const ending = new AbortController();
      onTestFinished(() => ending.abort());
      const election = new Election(objects, 'kokotap', identity, times, pino({ level: 'silent' }));
      return { election, ending };
    },
    holder: () => lease?.spec.holderIdentity,
    transitions: () => lease?.spec.leaseTransitions,
    silence: () => (isSilent = true),
  };
}

test('one leads; when it says nothing more, another one does, and the first one finds that out', async () => {
  const { candidate, holder, transitions } = await leaseServer();
  const [first, second] = [candidate('first'), candidate('second')];
  await first.election.win(first.ending.signal);
  expect(first.election.isHeld).toBe(true);
  const winning = second.election.win(second.ending.signal);
  const keeping = new AbortController();
  const kept = first.election.keep(keeping.signal);
  await vi.waitFor(() => expect(Number(transitions())).toBe(1), waiting);
  keeping.abort(); // as if the process were paused
  await kept;
  await winning;
  expect(holder()).toBe('second');
  expect(first.election.isHeld).toBe(false);
  await first.election.keep(first.ending.signal); // it goes on, and returns: the lease is lost
  expect(first.ending.signal.aborted).toBe(false);
  expect(holder()).toBe('second');
});

test('a leader that renews stays the leader, and one that releases the lease is followed at once', async () => {
  const { candidate, holder } = await leaseServer();
  const [first, second] = [candidate('first'), candidate('second')];
  await first.election.win(first.ending.signal);
  const keeping = new AbortController();
  const kept = first.election.keep(keeping.signal);
  let hasWon = false;
  const winning = second.election.win(second.ending.signal).then(() => (hasWon = true));
  await new Promise((resolve) => setTimeout(resolve, 3 * times.leaseMs));
  expect(hasWon).toBe(false);
  keeping.abort();
  await kept;
  await first.election.release();
  await winning;
  expect(holder()).toBe('second');
});

test('a leader gives up in time when the API server does not answer', async () => {
  const { candidate, silence } = await leaseServer();
  const { election, ending } = candidate('first');
  await election.win(ending.signal);
  silence();
  await election.keep(ending.signal); // it returns, though the request is still waited for
  expect(election.isHeld).toBe(false);
});
