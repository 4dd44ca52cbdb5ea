import { UsageError } from '#src/errors.ts';
import { isDnsSubdomain } from '#src/spec/kubeNames.ts';
import { quote } from '../text.ts';

/** Kinds of objects that choose pods by a selector, as the API calls them. */
export type Workload = 'deployments' | 'statefulsets' | 'daemonsets' | 'replicasets' | 'jobs' | 'services';

/** What a word of the command line names. */
export type TargetWord =
  | { readonly kind: 'pod' | 'node' | 'tap'; readonly name: string }
  | { readonly kind: 'workload'; readonly resource: Workload; readonly name: string };

/** Names that kubectl knows, too. */
const KINDS = {
  pod: ['po', 'pod', 'pods'],
  node: ['no', 'node', 'nodes'],
  tap: ['tap', 'taps'],
  deployments: ['deploy', 'deployment', 'deployments'],
  statefulsets: ['sts', 'statefulset', 'statefulsets'],
  daemonsets: ['ds', 'daemonset', 'daemonsets'],
  replicasets: ['rs', 'replicaset', 'replicasets'],
  jobs: ['job', 'jobs'],
  services: ['svc', 'service', 'services'],
} as const satisfies Record<Workload | 'pod' | 'node' | 'tap', readonly string[]>;

/**
 * Reads what a word of the command line names: `web` and `pod/web` a pod, `deploy/web` the pods of a Deployment.
 *
 * @throws {UsageError} for a kind that has no pods, and for what can be no name
 */
export function parseTarget(word: string): TargetWord {
  const [first = '', second, ...others] = word.split('/');
  const [kind, name] = second === undefined ? ['pod', first] : [first, second];
  const resource = kinds.find((each) => KINDS[each].some((known) => known === kind.toLowerCase()));
  if (resource === undefined || others.length > 0)
    throw new UsageError(
      `Target ${quote(word)} is not possible: give the name of a pod, or one of pod, deploy, sts, ds, rs, job, svc, node or tap with a name, such as deploy/web`,
    );
  if (!isDnsSubdomain(name))
    throw new UsageError(
      `Target ${quote(word)} is not possible: nothing in Kubernetes can be called ${quote(name)}`,
    );
  if (resource === 'pod' || resource === 'node' || resource === 'tap') return { kind: resource, name };
  return { kind: 'workload', resource, name };
}

const kinds = [
  'pod',
  'node',
  'tap',
  'deployments',
  'statefulsets',
  'daemonsets',
  'replicasets',
  'jobs',
  'services',
] as const;
