import type { Cluster } from '#src/kube/cluster.ts';
import { type Kubectl, runKubectl } from '#src/kube/kubectl.ts';
import type { Resource } from '#src/kube/resource.ts';
import { TAP_LABEL, TAP_SELECTOR } from '#src/pods/labels.ts';
import type { Completed } from '../flags.ts';

type Kind = Exclude<Completed, readonly string[]>;

/** What a kubeconfig has names of, and how kubectl lists them: with a heading or without. */
const OF_KUBECONFIG: Partial<Record<Kind, readonly string[]>> = {
  contexts: ['config', 'get-contexts', '--output=name'],
  clusters: ['config', 'get-clusters'],
  users: ['config', 'get-users'],
};

type Listed = Resource['kind'] | 'taps';

/** What a word such as `deploy/web` may begin with, and what of it is listed. */
const KINDS_OF_WORDS = new Map<Kind, ReadonlyMap<string, Listed>>([
  [
    'targets',
    new Map<string, Listed>([
      ['pod', 'pods'],
      ['deploy', 'deployments'],
      ['sts', 'statefulsets'],
      ['ds', 'daemonsets'],
      ['rs', 'replicasets'],
      ['job', 'jobs'],
      ['svc', 'services'],
      ['node', 'nodes'],
      ['tap', 'taps'],
    ]),
  ],
  [
    'destinations',
    new Map<string, Listed>([
      ['node', 'nodes'],
      ['pod', 'pods'],
    ]),
  ],
]);

/** Names in a kubeconfig; undefined where it has none of that kind. */
export async function namesInKubeconfig(
  kind: Kind,
  kubectl: Kubectl,
): Promise<readonly string[] | undefined> {
  const command = OF_KUBECONFIG[kind];
  if (command === undefined) return undefined;
  const lines = (await runKubectl(kubectl, command)).trim().split('\n');
  return kind === 'contexts' ? lines : lines.slice(1);
}

/**
 * Names in a cluster that a word may become.
 *
 * @param typed what there is of the word; a kind of it with a slash chooses what is listed
 * @param namespace asked only for what is in one
 */
export async function namesInCluster(
  kind: Kind,
  typed: string,
  { api }: Cluster,
  namespace: () => Promise<string>,
): Promise<readonly string[]> {
  const list = async (listed: Listed): Promise<string[]> => {
    if (listed === 'nodes' || listed === 'namespaces') return named(await api.list({ kind: listed }));
    if (listed !== 'taps') return named(await api.list({ kind: listed, namespace: await namespace() }));
    const pods = await api.list({ kind: 'pods', namespace: await namespace(), labelSelector: TAP_SELECTOR });
    return [...new Set(pods.flatMap(({ labels }) => labels?.[TAP_LABEL] ?? []))];
  };
  const kinds = KINDS_OF_WORDS.get(kind);
  if (kinds === undefined)
    return kind === 'pods' || kind === 'nodes' || kind === 'namespaces' || kind === 'taps' ? list(kind) : [];
  const [before = '', after] = typed.split('/', 2);
  const asked = kinds.get(before);
  if (after !== undefined)
    return asked === undefined ? [] : (await list(asked)).map((name) => `${before}/${name}`);
  const beginnings = [...kinds.keys()].map((each) => `${each}/`);
  return kind === 'targets' ? [...beginnings, ...(await list('pods'))] : [...beginnings, 'ip/'];
}

function named(objects: readonly { readonly name: string }[]): string[] {
  return objects.map(({ name }) => name);
}
