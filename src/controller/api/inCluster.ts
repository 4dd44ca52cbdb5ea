import { readFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { Agent, request as startRequest } from 'node:https';
import path from 'node:path';
import { UserError } from '#src/errors.ts';
import { ApiClient } from '#src/kube/client.ts';
import type { ApiRequest } from '#src/kube/request.ts';

/** Where a pod has what its service account needs. */
const FOLDER = '/var/run/secrets/kubernetes.io/serviceaccount';
/** The kubelet renews a token long before it expires. */
const TOKEN_KEPT_MS = 30_000;
/** A request that hangs is sent again; a watch has its own limit. */
const TIMEOUT_MS = 15_000;
const KEEP_ALIVE_MS = 15_000;

/** The API server as a pod's environment names it. */
export interface Server {
  readonly host: string;
  readonly port: string;
  /** With `token` and `ca.crt`. */
  readonly folder: string;
}

/**
 * What a pod is told of its API server.
 *
 * @throws {UserError} outside a cluster
 */
export function serverOf(env: NodeJS.ProcessEnv): Server {
  const host = env['KUBERNETES_SERVICE_HOST'];
  if (!host)
    throw new UserError(
      'This is no pod of a cluster (KUBERNETES_SERVICE_HOST is not set): run kokotap-controller as a Deployment, see deploy/',
    );
  return {
    host,
    port: env['KUBERNETES_SERVICE_PORT'] || '443',
    folder: env['KOKOTAP_TOKEN_FOLDER'] || FOLDER,
  };
}

/**
 * A client of the API server with the rights of the pod's service account.
 *
 * @throws {UserError} when the pod has no such account
 */
export async function clientInCluster({ host, port, folder }: Server): Promise<ApiClient> {
  const ca = await readOf(folder, 'ca.crt');
  const token = tokenReader(folder);
  const agent = new Agent({ keepAlive: true, keepAliveMsecs: KEEP_ALIVE_MS, ca, maxSockets: 64 });
  const url = `https://${host.includes(':') ? `[${host}]` : host}:${port}`;
  const open = async (request: ApiRequest, signal: AbortSignal): Promise<IncomingMessage> => {
    const { method, path: wanted, accept, body, bodyType = 'application/json' } = request;
    const headers = {
      Authorization: `Bearer ${await token()}`,
      Accept: accept,
      'User-Agent': 'kokotap-controller',
      ...(body === undefined ? {} : { 'Content-Type': bodyType, 'Content-Length': Buffer.byteLength(body) }),
    };
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    startRequest(`${url}${wanted}`, { method, headers, agent, signal }, resolve)
      .on('error', reject)
      .end(body);
    return promise;
  };
  return new ApiClient(
    {
      door: { open },
      timeoutMs: TIMEOUT_MS,
      describe: () => Promise.resolve({ url, user: undefined, proxy: undefined, isGuess: false, age: '' }),
      isHeldUp: () => Promise.resolve(false),
      lastWords: () => undefined,
    },
    () => {},
  );
}

function tokenReader(folder: string): () => Promise<string> {
  let kept: { readonly text: string; readonly sinceMs: number } | undefined;
  return async () => {
    if (kept === undefined || performance.now() - kept.sinceMs > TOKEN_KEPT_MS)
      kept = { text: await readOf(folder, 'token'), sinceMs: performance.now() };
    return kept.text;
  };
}

async function readOf(folder: string, name: string): Promise<string> {
  try {
    return (await readFile(path.join(folder, name), 'utf8')).trim();
  } catch (error) {
    throw new UserError(
      `The pod has no ${path.join(folder, name)}: give its service account a token (automountServiceAccountToken)`,
      { cause: error },
    );
  }
}
