import { ApiClient, type OnRequest, type Way } from './client.ts';
import { hasChildren } from './clock.ts';
import { type Context, defaultNamespace, readContext } from './context.ts';
import type { Server } from './failures.ts';
import { ageOf, type Kubectl } from './kubectl.ts';
import { KubeApi } from './kubeApi.ts';
import { type Proxy, startProxy } from './proxy.ts';

/** A cluster that can be asked, until it is disposed of. */
export interface Cluster extends AsyncDisposable {
  readonly api: KubeApi;
  /** For what is no question and answer: `exec`. */
  readonly client: ApiClient;
  /** The one that counts where the user names none. */
  readonly namespace: () => Promise<string>;
}

export interface ClusterSettings {
  /** Of one request; 0: without end. */
  readonly timeoutMs: number;
  /** Its namespace will be asked for, and is found out while kubectl starts. */
  readonly wantsNamespace: boolean;
}

interface Listeners {
  /** Writes to standard error what a credential plugin says. */
  readonly pass: (text: string) => void;
  readonly onRequest: OnRequest;
}

/**
 * Opens the way to a cluster: kubectl's own, so that whatever lets kubectl in lets kokotap in too.
 *
 * @throws {UserError} if kubectl is not there, or cannot use the kubeconfig.
 */
export async function openCluster(
  kubectl: Kubectl,
  { timeoutMs, wantsNamespace }: ClusterSettings,
  { pass, onRequest }: Listeners,
): Promise<Cluster> {
  const startMs = performance.now();
  const context = once(() => readContext(kubectl));
  if (wantsNamespace) void context();
  const proxy = await startProxy(kubectl, pass);
  onRequest(`kubectl proxy serves after ${(performance.now() - startMs).toFixed(0)} ms`);
  const client = new ApiClient(way(kubectl, proxy, timeoutMs, context), onRequest);
  return {
    api: new KubeApi(client),
    client,
    namespace: async () => defaultNamespace(await context(), kubectl.env),
    [Symbol.asyncDispose]: () => proxy.close(client.isAtRest),
  };
}

/** Does it when it is first wanted. */
function once<Value>(work: () => Value): () => Value {
  let done: { readonly value: Value } | undefined;
  return () => (done ??= { value: work() }).value;
}

function way(kubectl: Kubectl, proxy: Proxy, timeoutMs: number, context: () => Promise<Context>): Way {
  return {
    door: { socketPath: proxy.socketPath },
    timeoutMs,
    isHeldUp: () => hasChildren(proxy.pid),
    lastWords: proxy.lastWords,
    describe: once(async () => describe(kubectl, await context())),
  };
}

async function describe(kubectl: Kubectl, { server, user, proxyUrl }: Context): Promise<Server> {
  const { env } = kubectl;
  const host = env['KUBERNETES_SERVICE_HOST'];
  const named = kubectl.flags.find((flag) => flag.startsWith('--server='))?.slice('--server='.length);
  return {
    url: named ?? server ?? (host === undefined ? 'http://localhost:8080' : `https://${host}`),
    user,
    proxy: proxyUrl ?? proxyOf(env),
    isGuess: named === undefined && server === undefined && host === undefined,
    age: await ageOf(kubectl),
  };
}

/** The proxy that Go's programs take from their environment; API servers are almost never asked without TLS. */
function proxyOf(env: NodeJS.ProcessEnv): string | undefined {
  return env['HTTPS_PROXY'] || env['https_proxy'] || env['HTTP_PROXY'] || env['http_proxy'] || undefined;
}
