import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import * as z from 'zod/mini';
import { ForbiddenError } from '#src/kube/failures.ts';
import { madeSchema } from '#src/kube/schemas.ts';
import { clusterAt } from '../cli/support/kokotap.ts';
import { status } from '../cli/support/objects.ts';
import { serve } from './support/server.ts';

const named = z.object({ metadata: z.object({ name: z.string() }) });

test('a list comes in pages', async () => {
  const asked: string[] = [];
  const { url } = await serve(({ url: path = '' }, response) => {
    asked.push(path);
    const isLast = path.includes('continue=');
    const metadata = isLast ? {} : { continue: 'next page' };
    const items = [{ metadata: { name: isLast ? 'b' : 'a' } }];
    response.end(JSON.stringify({ metadata, items }));
  });
  const found = await clusterAt(url).api.list({ kind: 'pods', namespace: 'team' });
  expect(found).toEqual([{ name: 'a' }, { name: 'b' }]);
  expect(asked).toEqual([
    '/api/v1/namespaces/team/pods?limit=500',
    '/api/v1/namespaces/team/pods?limit=500&continue=next+page',
  ]);
});

test('a watch tells what is there and what changes, until the server ends it', async () => {
  const { url } = await serve((request, response) => {
    expect(request.url).toBe('/api/v1/pods?labelSelector=app%3Dweb&watch=true');
    for (const type of ['ADDED', 'MODIFIED', 'DELETED'])
      response.write(`${JSON.stringify({ type, object: { metadata: { name: 'web' } } })}\n`);
    response.write('{"type":"ERROR","object":{"code":410}}\n{"type":"ADDED"}\n');
    response.end();
  });
  const events = [];
  const signal = new AbortController().signal;
  const watch = clusterAt(url).api.watch({ kind: 'pods', labelSelector: 'app=web' }, named, signal);
  for await (const event of watch) events.push(event);
  expect(events.map(({ type }) => type)).toEqual(['ADDED', 'MODIFIED', 'DELETED']);
  expect(events[0]?.object).toEqual({ metadata: { name: 'web' } });
});

test('a watch that is not wanted any more ends', async () => {
  const { url } = await serve((_, response) => {
    response.write(`${JSON.stringify({ type: 'ADDED', object: { metadata: { name: 'web' } } })}\n`);
  });
  const controller = new AbortController();
  const watch = clusterAt(url).api.watch({ kind: 'pods' }, named, controller.signal);
  await watch.next();
  controller.abort();
  await expect(watch.next()).rejects.toThrow('aborted');
});

test('an object is made as it is', async () => {
  const seen: unknown[] = [];
  const { url } = await serve((request, response) => {
    const answer = async () => {
      seen.push(request.method, request.url, request.headers['content-type'], await text(request));
      response.writeHead(201).end(JSON.stringify({ metadata: { name: 'x', uid: 'u' } }));
    };
    void answer();
  });
  const made = await clusterAt(url).api.create(
    { kind: 'pods', namespace: 'taps' },
    { kind: 'Pod' },
    madeSchema,
  );
  expect(made.metadata.uid).toBe('u');
  expect(seen).toEqual(['POST', '/api/v1/namespaces/taps/pods', 'application/json', '{"kind":"Pod"}']);
});

test.each([
  [
    status(403, 'Forbidden', 'no'),
    'You may not create pods in namespace "taps": ask for that right; the API server says: no',
  ],
  [
    status(403, 'Forbidden', 'pods is forbidden: User "u" cannot create resource "pods"'),
    'You may not create pods in namespace "taps": ask for that right; the API server says: pods is forbidden: User "u" cannot create resource "pods"',
  ],
  [
    status(
      403,
      'Forbidden',
      'pods "x" is forbidden: violates PodSecurity "baseline:latest": host namespaces',
    ),
    'A rule of the cluster forbids to create pods in namespace "taps" so: pods "x" is forbidden: violates PodSecurity "baseline:latest": host namespaces',
  ],
  [
    status(400, 'BadRequest', 'admission webhook "w.example.org" denied the request: no'),
    'A rule of the cluster forbids to create pods in namespace "taps" so: admission webhook "w.example.org" denied the request: no',
  ],
  [status(409, 'AlreadyExists', 'is there'), 'Cannot create pods (status 409): is there'],
  [status(422, 'Invalid', 'name'), 'Cannot create pods (status 422): name'],
])('an object that is refused: %j', async (answer, message) => {
  const { url } = await serve((_, response) => response.writeHead(answer.code).end(JSON.stringify(answer)));
  const creating = clusterAt(url).api.create({ kind: 'pods', namespace: 'taps' }, {}, madeSchema);
  await expect(creating).rejects.toThrow(message);
  const error: unknown = await creating.catch((thrown: unknown) => thrown);
  expect(error instanceof ForbiddenError).toBe(message.startsWith('You may not'));
});

test.each([
  [200, {}, true],
  [202, {}, true],
  [404, status(404, 'NotFound', 'no pod'), false],
])('deleting answers %i', async (code, answer, wasThere) => {
  const { url } = await serve((_, response) => response.writeHead(code).end(JSON.stringify(answer)));
  expect(await clusterAt(url).api.delete({ kind: 'pods', namespace: 'taps', name: 'x' })).toBe(wasThere);
});

test('an object that another one has the name of is not deleted', async () => {
  const bodies: string[] = [];
  const { url } = await serve((request, response) => {
    const answer = async () => {
      bodies.push(await text(request));
      response.writeHead(409).end(JSON.stringify(status(409, 'Conflict', 'the UID is another')));
    };
    void answer();
  });
  const { api } = clusterAt(url);
  expect(await api.delete({ kind: 'pods', namespace: 'taps', name: 'x' }, 'u')).toBe(false);
  expect(bodies).toEqual(['{"apiVersion":"v1","kind":"DeleteOptions","preconditions":{"uid":"u"}}']);
});

test('what may not be deleted says so', async () => {
  const { url } = await serve((_, response) =>
    response.writeHead(403).end(JSON.stringify(status(403, 'Forbidden', 'no'))),
  );
  await expect(clusterAt(url).api.delete({ kind: 'pods', namespace: 'taps', name: 'x' })).rejects.toThrow(
    'You may not delete pods in namespace "taps"',
  );
});

test('a server that has just started is asked again', async () => {
  let asked = 0;
  const { url } = await serve((_, response) => {
    asked += 1;
    if (asked < 3) response.writeHead(503).end(JSON.stringify(status(503, 'ServiceUnavailable', 'starting')));
    else response.end(JSON.stringify({ metadata: { name: 'default' } }));
  });
  expect(await clusterAt(url).api.getNamespace('default')).toMatchObject({ metadata: { name: 'default' } });
  expect(asked).toBe(3);
});
