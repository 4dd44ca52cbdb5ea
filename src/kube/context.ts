import { readFile } from 'node:fs/promises';
import * as z from 'zod/mini';
import { type Kubectl, runKubectl } from './kubectl.ts';

/** What the kubeconfig and the flags come to, as far as messages and defaults need it; empty in a pod's own cluster. */
export interface Context {
  readonly server?: string | undefined;
  readonly user?: string | undefined;
  readonly namespace?: string | undefined;
  /** Of the kubeconfig. */
  readonly proxyUrl?: string | undefined;
}

const viewSchema = z.object({
  clusters: z.nullish(
    z.array(z.object({ cluster: z.object({ server: z.string(), 'proxy-url': z.optional(z.string()) }) })),
  ),
  users: z.nullish(z.array(z.object({ name: z.string() }))),
  contexts: z.nullish(z.array(z.object({ context: z.object({ namespace: z.optional(z.string()) }) }))),
});

const NAMESPACE_FILE = '/var/run/secrets/kubernetes.io/serviceaccount/namespace';

/** What kubectl makes of its kubeconfig and flags. Empty where it has no context: then it fails itself, or is in a pod. */
export async function readContext(kubectl: Kubectl): Promise<Context> {
  const view = await runKubectl(kubectl, ['config', 'view', '--minify', '--output=json']).catch(() => '{}');
  const parsed = viewSchema.safeParse(JSON.parse(view));
  if (!parsed.success) return {};
  const { clusters, users, contexts } = parsed.data;
  return {
    server: clusters?.[0]?.cluster.server,
    proxyUrl: clusters?.[0]?.cluster['proxy-url'],
    user: users?.[0]?.name,
    namespace: contexts?.[0]?.context.namespace,
  };
}

/** The namespace that kubectl takes without `-n`: the context's, in a pod that of its service account, or `default`. */
export async function defaultNamespace(
  { server, namespace }: Context,
  env: NodeJS.ProcessEnv,
): Promise<string> {
  if (namespace) return namespace;
  if (server !== undefined || !env['KUBERNETES_SERVICE_HOST']) return 'default';
  if (env['POD_NAMESPACE']) return env['POD_NAMESPACE'];
  const own = await readFile(NAMESPACE_FILE, 'utf8').catch(() => '');
  return own.trim() || 'default';
}
