import { once } from 'node:events';
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { CERTIFICATE, PRIVATE_KEY } from './certificate.ts';
import { status } from './objects.ts';

interface ApiObject {
  readonly kind: string;
  readonly metadata: object;
}

/** What a request gets instead of the object it asks for; undefined: the object. */
export type Override = (request: {
  readonly path: string;
  readonly labelSelector: string | null;
  /** What was sent with it. */
  readonly body: string;
}) => Answer | undefined;

export interface Answer {
  readonly code: number;
  readonly body: string;
  /** JSON unless it says otherwise. */
  readonly type?: string;
}

export interface FakeApi extends AsyncDisposable {
  readonly url: string;
  /** Every request so far, as `path?query`. */
  readonly requests: readonly string[];
  readonly authorizations: readonly (string | undefined)[];
  /** What each request accepts. */
  readonly accepts: readonly (string | undefined)[];
  /** The headers that ask to act as somebody else, of each request. */
  readonly impersonations: readonly object[];
}

export interface FakeApiSettings {
  readonly objects?: readonly ApiObject[];
  readonly namespaces?: readonly string[];
  readonly override?: Override;
  readonly tls?: boolean;
}

/**
 * A small real HTTP server that answers as the Kubernetes API does to GET requests. It stands for clusters in
 * states that a real one cannot be brought into at will; what a healthy one does is tested on a real one.
 */
export async function startFakeApi({
  objects = [],
  namespaces = ['default', 'kube-system'],
  override = () => undefined,
  tls = false,
}: FakeApiSettings = {}): Promise<FakeApi> {
  const requests: string[] = [];
  const authorizations: (string | undefined)[] = [];
  const accepts: (string | undefined)[] = [];
  const impersonations: object[] = [];
  const respond = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const sent = await text(request);
    requests.push(request.url ?? '');
    authorizations.push(request.headers.authorization);
    accepts.push(request.headers.accept);
    const distinct = Object.entries(request.headersDistinct);
    impersonations.push(Object.fromEntries(distinct.filter(([name]) => name.startsWith('impersonate-'))));
    const url = new URL(request.url ?? '', 'http://fake');
    if (request.method === 'DELETE') objects = objects.filter((object) => pathOf(object) !== url.pathname);
    const query = { path: url.pathname, labelSelector: url.searchParams.get('labelSelector') };
    const {
      code,
      body,
      type = 'application/json',
    } = override({ ...query, body: sent }) ?? answer(objects, namespaces, query);
    response.writeHead(code, { 'Content-Type': type }).end(body);
  };
  const listener: RequestListener = (request, response) => void respond(request, response);
  const server = tls
    ? createHttpsServer({ cert: CERTIFICATE, key: PRIVATE_KEY }, listener)
    : createHttpServer(listener);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const { port } = server.address() as AddressInfo;
  return {
    url: `${tls ? 'https' : 'http'}://127.0.0.1:${port}`,
    requests,
    authorizations,
    accepts,
    impersonations,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await once(server.close(), 'close');
    },
  };
}

/** An answer with a code and a Status of the API. */
export function refuse(code: number, reason: string, message: string): Answer {
  return { code, body: JSON.stringify(status(code, reason, message)) };
}

function answer(
  objects: readonly ApiObject[],
  namespaces: readonly string[],
  { path, labelSelector }: { path: string; labelSelector: string | null },
): Answer {
  const all = [...objects, ...namespaces.map((name) => ({ kind: 'Namespace', metadata: { name } }))];
  const single = all.find((object) => pathOf(object) === path);
  if (single) return { code: 200, body: JSON.stringify(single) };
  const items = all.filter((object) => listPaths(object).includes(path) && isSelected(object, labelSelector));
  if (/\/(?:pods|nodes|namespaces|poddisruptionbudgets)$/u.test(path))
    return { code: 200, body: JSON.stringify({ items }) };
  return refuse(404, 'NotFound', `${path} not found`);
}

function pathOf(object: ApiObject): string {
  const name = 'name' in object.metadata ? String(object.metadata.name) : '';
  return `${listPaths(object).at(-1)}/${name}`;
}

/** The lists that an object is in, the most particular one last. */
function listPaths({ kind, metadata }: ApiObject): string[] {
  if (kind === 'Node') return ['/api/v1/nodes'];
  if (kind === 'Namespace') return ['/api/v1/namespaces'];
  const namespace = 'namespace' in metadata ? String(metadata.namespace) : '';
  if (kind === 'PodDisruptionBudget') return [`/apis/policy/v1/namespaces/${namespace}/poddisruptionbudgets`];
  return ['/api/v1/pods', `/api/v1/namespaces/${namespace}/pods`];
}

function isSelected({ metadata }: ApiObject, labelSelector: string | null): boolean {
  if (labelSelector === null) return true;
  const labels = 'labels' in metadata ? JSON.stringify(metadata.labels) : '';
  return labelSelector.split(',').every((each) => {
    const [key, value] = each.split('=');
    return labels.includes(`"${key}":"${value}"`);
  });
}
