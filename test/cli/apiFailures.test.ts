import { expect, test } from 'vitest';
import { type Override, refuse, startFakeApi } from './support/fakeApi.ts';
import { commandAt } from './support/kokotap.ts';
import { node, pod } from './support/objects.ts';

const objects = [pod('web'), node('node-a', ['10.0.0.1']), node('node-b', ['10.0.0.2'])];
const LINE = ['--pod=web', '--dest-node=node-b', '--vxlan-id=5'];
const HTML = { code: 200, body: '<html>\n<title>Log in</title>', type: 'text/html' };

test.each<[string, ReturnType<Override>, string]>([
  [
    'an expired credential',
    refuse(401, 'Unauthorized', 'Unauthorized'),
    'API server URL refuses the credential of user "tester": it is wrong or has expired; log in again',
  ],
  [
    'no permission',
    refuse(403, 'Forbidden', 'pods "web" is forbidden: User "tester"\u001b[31m cannot get it'),
    'You may not get pods in namespace "default": ask for that right; the API server says: pods "web" is forbidden: User "tester"\\u001b[31m cannot get it',
  ],
  [
    'the page of a proxy',
    HTML,
    'API server URL did not answer with JSON of the Kubernetes API (status 200, text/html): "<html> <title>Log in</title>"; is the URL that of the API server?',
  ],
  [
    'a redirection to a login page',
    { ...HTML, code: 302 },
    'API server URL did not answer with JSON of the Kubernetes API (status 302, text/html): "<html> <title>Log in</title>"; is the URL that of the API server?',
  ],
  [
    'the 404 of another server',
    { ...HTML, code: 404, body: '' },
    'API server URL did not answer with JSON of the Kubernetes API (status 404, text/html): an empty answer; is the URL that of the API server?',
  ],
  [
    'an answer of no type, longer than a message may be',
    { code: 404, body: 'x'.repeat(70), type: '' },
    `API server URL did not answer with JSON of the Kubernetes API (status 404, no content type): "${'x'.repeat(60)}"; is the URL that of the API server?`,
  ],
  ...['null', '"no"', '{}', '{"message":5}'].map((body): [string, ReturnType<Override>, string] => [
    `the refusal of another server, ${body}`,
    { code: 403, body },
    `API server URL did not answer with JSON of the Kubernetes API (status 403, application/json): ${JSON.stringify(body)}; is the URL that of the API server?`,
  ]),
  [
    'JSON that is no pod',
    { code: 200, body: '{"hello": "world"}' },
    'API server URL did not answer with JSON of the Kubernetes API (status 200, application/json): "{\\"hello\\": \\"world\\"}"; is the URL that of the API server?',
  ],
  [
    'half an answer',
    { code: 200, body: '{"kind": "Pod", "meta' },
    'API server URL did not answer with JSON of the Kubernetes API (status 200, application/json): "{\\"kind\\": \\"Pod\\", \\"meta"; is the URL that of the API server?',
  ],
  [
    'a server in trouble',
    refuse(500, 'InternalError', 'etcdserver: request timed out'),
    'API server URL is in trouble (status 500): etcdserver: request timed out; try again later',
  ],
  [
    'a gateway in trouble',
    { ...HTML, code: 503, body: 'no upstream' },
    'API server URL is in trouble (status 503): "no upstream"; try again later',
  ],
  [
    'too many requests',
    refuse(429, 'TooManyRequests', 'slow down'),
    'API server URL is in trouble (status 429): slow down; try again later',
  ],
  ['a refused request', refuse(400, 'BadRequest', 'no'), 'Cannot get pods (status 400): no'],
])('%s', async (_, override, message) => {
  await using api = await startFakeApi({
    objects,
    override: ({ path }) => (path.includes('/pods') ? override : undefined),
  });
  const outcome = await commandAt(api.url, LINE);
  expect(outcome).toEqual({
    exitCode: 1,
    stdout: '',
    stderr: `kokotap: ${message.replace('URL', api.url)}\n`,
  });
});

test('no permission to get a node', async () => {
  await using api = await startFakeApi({
    objects,
    override: ({ path }) => (path.endsWith('/nodes/node-b') ? refuse(403, 'Forbidden', 'no') : undefined),
  });
  const { exitCode, stderr } = await commandAt(api.url, LINE);
  expect(exitCode).toBe(1);
  expect(stderr).toBe('kokotap: You may not get nodes: ask for that right; the API server says: no\n');
});

test('-v shows the requests, and the stack of an error', async () => {
  await using api = await startFakeApi({ objects });
  const { stderr } = await commandAt(api.url, [...LINE, '-v', '--pod=weh']);
  const lines = stderr.split('\n');
  expect(lines).toContainEqual(
    expect.stringMatching(/^kokotap: GET \/api\/v1\/namespaces\/default\/pods\/weh: \d+ ms$/u),
  );
  expect(lines).toContain('kokotap: There is no pod "weh" in namespace "default": did you mean "web"?');
  expect(stderr).toMatch(/\n {4}at /u);
  expect(stderr).not.toContain('secret');
});
