import type { IncomingMessage, ServerResponse } from 'node:http';
import pino from 'pino';
import { expect, onTestFinished, test, vi } from 'vitest';
import * as z from 'zod/mini';
import { Informer } from '#src/controller/api/informer.ts';
import { clusterAt } from '../../cli/support/kokotap.ts';
import { serve } from '../../kube/support/server.ts';

const named = z.object({ metadata: z.object({ name: z.string() }) });

interface Thing {
  readonly name: string;
}

const object = (name: string, version: number, uid = name) => ({
  metadata: { name, uid, resourceVersion: String(version) },
});
const list = (version: number, ...items: object[]) =>
  JSON.stringify({ metadata: { resourceVersion: String(version) }, items });
const event = (type: string, what: object) => `${JSON.stringify({ type, object: what })}\n`;
const waiting = { timeout: 60_000, interval: 20 };

/** An informer of a server whose lists and watches a test answers one after the other. */
async function informerOf(
  lists: ((response: ServerResponse) => void)[],
  watches: ((response: ServerResponse, request: IncomingMessage) => void)[],
) {
  const asked: URLSearchParams[] = [];
  const { url } = await serve((request, response) => {
    const query = new URL(request.url ?? '', 'http://localhost').searchParams;
    asked.push(query);
    const answer = query.has('watch') ? watches.shift() : lists.shift();
    answer?.(response, request); // the last watch says nothing more
    if (answer === undefined) response.flushHeaders();
  });
  const changes: string[] = [];
  const informer = new Informer<Thing>(
    {
      plural: 'things',
      path: '/api/v1/things',
      read: (raw) => ({ name: z.parse(named, raw).metadata.name }),
      onChange: (before, now) => changes.push(`${before?.name ?? '-'} ${now?.name ?? '-'}`),
    },
    clusterAt(url).client,
    pino({ level: 'silent' }),
  );
  const ending = new AbortController();
  const running = informer.run(ending.signal);
  onTestFinished(async () => {
    ending.abort();
    await running;
  });
  const versions = () =>
    asked.filter((query) => query.has('watch')).map((query) => query.get('resourceVersion'));
  return { informer, changes, asked, versions };
}

test('knows what is listed, in pages, and what changes', async () => {
  const { informer, changes, asked } = await informerOf(
    [
      (response) =>
        response.end(
          JSON.stringify({ metadata: { resourceVersion: '9', continue: 'more' }, items: [object('a', 1)] }),
        ),
      (response) => response.end(list(9, object('b', 2))),
    ],
    [
      (response) => {
        response.write(event('ADDED', object('c', 10)) + event('MODIFIED', object('a2', 11, 'a')));
        response.write(event('DELETED', object('b', 12)));
      },
    ],
  );
  await informer.synced;
  await vi.waitFor(() => expect(changes).toEqual(['- a', '- b', '- c', 'a a2', 'b -']), waiting);
  expect(asked.map((query) => query.get('continue'))).toEqual([null, 'more', null]);
  expect(informer.size).toBe(2);
});

test('goes on behind the last bookmark when the connection is reset', async () => {
  const first = Promise.withResolvers<ServerResponse>();
  const { versions, changes } = await informerOf(
    [(response) => response.end(list(5))],
    [
      (response) => {
        response.write(event('ADDED', object('a', 70)) + event('BOOKMARK', object('', 77)));
        first.resolve(response);
      },
      (response) => response.write(event('ADDED', object('b', 80))),
    ],
  );
  const stream = await first.promise;
  await vi.waitFor(() => expect(changes).toEqual(['- a']), waiting);
  stream.destroy();
  await vi.waitFor(() => expect(changes).toEqual(['- a', '- b']), waiting);
  expect(versions()).toEqual(['5', '77']);
});

test.each([
  ['an answer', (response: ServerResponse) => response.writeHead(410).end('{"kind":"Status"}')],
  ['an event', (response: ServerResponse) => response.write(event('ERROR', { kind: 'Status', code: 410 }))],
])('lists anew when its version is too old, by %s, and knows what went meanwhile', async (_, tooOld) => {
  const { versions, changes, informer } = await informerOf(
    [
      (response) => response.end(list(5, object('a', 1), object('b', 2))),
      (response) => response.end(list(50, object('b', 2), object('c', 40))),
    ],
    [tooOld],
  );
  await vi.waitFor(() => expect(changes).toEqual(['- a', '- b', '- c', 'a -']), waiting);
  await vi.waitFor(() => expect(versions()).toEqual(['5', '50']), waiting);
  expect(informer.lists).toBe(2);
});

const trouble = (response: ServerResponse) => response.writeHead(500).end('etcd is full');

test('tries again when the server has trouble, without forgetting anything', async () => {
  const { changes, versions } = await informerOf(
    [trouble, (response) => response.end(list(5, object('a', 1)))],
    [trouble, trouble, (response) => response.write(event('ADDED', object('b', 6)))],
  );
  await vi.waitFor(() => expect(changes).toEqual(['- a', '- b']), waiting);
  expect(versions()).toEqual(['5', '5', '5']);
});

test('what was written is known at once, and an older event does not take it back', async () => {
  const late = Promise.withResolvers<ServerResponse>();
  const { informer, changes } = await informerOf(
    [(response) => response.end(list(5, object('a', 1)))],
    [
      (response) => {
        response.flushHeaders();
        late.resolve(response);
      },
    ],
  );
  const stream = await late.promise;
  informer.put(object('a3', 30, 'a'));
  stream.write(event('MODIFIED', object('a2', 20, 'a')) + event('DELETED', object('a3', 40, 'a')));
  await vi.waitFor(() => expect(changes).toEqual(['- a', 'a a3', 'a3 -']), waiting);
  informer.put(object('a3', 31, 'a')); // the answer to a write, later than the news of the object's end
  expect(informer.size).toBe(0);
});
