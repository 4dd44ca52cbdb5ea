import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { Agent, request as startRequest } from 'node:https';
import { load } from 'js-yaml';
import * as z from 'zod/mini';
import { Objects } from '#src/controller/api/objects.ts';
import { ApiClient } from '#src/kube/client.ts';
import type { ApiRequest } from '#src/kube/request.ts';
import { fieldOf } from './field.ts';
import { adminKubeconfig, type NodeName } from './lab.ts';
import { patient } from './patient.ts';

/*
 * The API, asked by the process of the tests with the rights of the lab's administrator. Each kubectl takes a tenth of a
 * second of a CPU: it is for what a test types as users do.
 */

const kubeconfigSchema = z.object({
  clusters: z.tuple([
    z.object({ cluster: z.object({ server: z.string(), 'certificate-authority-data': z.string() }) }),
  ]),
  users: z.tuple([
    z.object({ user: z.object({ 'client-certificate-data': z.string(), 'client-key-data': z.string() }) }),
  ]),
});

const {
  clusters: [{ cluster }],
  users: [{ user }],
} = z.parse(kubeconfigSchema, load(readFileSync(adminKubeconfig, 'utf8')));

const agent = new Agent({
  keepAlive: true,
  ca: Buffer.from(cluster['certificate-authority-data'], 'base64'),
  cert: Buffer.from(user['client-certificate-data'], 'base64'),
  key: Buffer.from(user['client-key-data'], 'base64'),
});

function open(request: ApiRequest, signal: AbortSignal): Promise<IncomingMessage> {
  const { method, path, accept, body, bodyType = 'application/json' } = request;
  const headers = {
    Accept: accept,
    'User-Agent': 'kokotap-test',
    ...(body === undefined ? {} : { 'Content-Type': bodyType, 'Content-Length': Buffer.byteLength(body) }),
  };
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  startRequest(`${cluster.server}${path}`, { method, headers, agent, signal }, resolve)
    .on('error', reject)
    .end(body);
  return promise;
}

const client = new ApiClient(
  {
    door: { open },
    timeoutMs: patient(30_000),
    describe: async () => ({ url: cluster.server, user: 'admin', proxy: undefined, isGuess: false, age: '' }),
    isHeldUp: async () => false,
    lastWords: () => undefined,
  },
  () => {},
);

/** Reads and writes objects by their paths: see {@link pathOf}. */
export const api = new Objects(client, () => {});

/** Reads what is no object, such as a log. */
export async function apiText(path: string): Promise<string> {
  const { status, body } = await client.ask({ method: 'GET', path, accept: '*/*' });
  if (status !== 200) throw new Error(`get ${path}: status ${status}: ${body}`);
  return body;
}

/** The kinds of objects that tests name, with the version of the API that each is of. */
const versions = {
  events: 'v1',
  namespaces: 'v1',
  nodes: 'v1',
  pods: 'v1',
  serviceaccounts: 'v1',
  services: 'v1',
  resourcequotas: 'v1',
  poddisruptionbudgets: 'policy/v1',
  taps: 'kokotap.dev/v1alpha1',
};

export type Resource = keyof typeof versions;

/** What is not in a namespace has none. */
export function pathOf(resource: Resource, namespace?: string, name?: string): string {
  return pathIn(versions[resource], resource, namespace, name);
}

function pathIn(version: string, resource: string, namespace?: string, name?: string): string {
  const root = version.includes('/') ? 'apis' : 'api';
  const inside = namespace === undefined ? [] : ['namespaces', namespace];
  const last = name === undefined ? [] : [name];
  return ['', root, version, ...inside, resource, ...last].join('/');
}

/** An object that is to be made. */
export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: object;
  readonly spec?: object;
}

/** Makes an object. As kubectl does, it asks the server to refuse fields that it does not know. */
export function create(object: KubeObject, namespace?: string): Promise<unknown> {
  const path = pathIn(object.apiVersion, `${object.kind.toLowerCase()}s`, namespace);
  return api.create(`${path}?fieldValidation=Strict`, object);
}

/** A field of a node: see {@link fieldOf}. */
export async function nodeField(node: NodeName, path: string): Promise<string> {
  return fieldOf(await api.get(pathOf('nodes', undefined, node)), path);
}

/** The `34` of a node's Kubernetes 1.34. */
export async function kubeletMinor(node: NodeName): Promise<number> {
  return Number((await nodeField(node, '.status.nodeInfo.kubeletVersion')).split('.')[1]);
}

/** Those in a namespace, in the order of their names. */
export async function list(
  resource: Resource,
  namespace: string,
  query: Readonly<Record<string, string>> = {},
): Promise<unknown[]> {
  const answer = await api.get(`${pathOf(resource, namespace)}?${new URLSearchParams(query).toString()}`);
  return z.parse(listSchema, answer).items;
}

const listSchema = z.object({ items: z.array(z.unknown()) });
