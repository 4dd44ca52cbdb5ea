import { UnresolvedError } from './unresolvedError.ts';
import type { KubeApi } from '#src/kube/kubeApi.ts';
import type { Resource } from '#src/kube/resource.ts';
import { nearNames } from './nearNames.ts';
import { quote } from './text.ts';

/** Something named is not there. What the user may have meant takes more requests, and is asked last. */
export class MissingError extends UnresolvedError {
  /** The same error with a hint. */
  readonly explained: () => Promise<UnresolvedError>;

  constructor(message: string, explain: () => Promise<string>) {
    super(message);
    this.explained = async () => new UnresolvedError(await explain(), { cause: this });
  }
}

/** The error for a pod that is not there: its namespace may not be there either. */
export function missingPod(api: KubeApi, namespace: string, name: string): MissingError {
  const message = `There is no pod ${quote(name)} in namespace ${quote(namespace)}`;
  return new MissingError(message, async () => {
    if (!(await namespaceExists(api, namespace))) {
      const hint = await nearHint(api, namespace, { kind: 'namespaces' }, 'kubectl get namespaces');
      return `There is no namespace ${quote(namespace)}${hint}`;
    }
    const hint = await nearHint(api, name, { kind: 'pods', namespace }, `kubectl get pods -n ${namespace}`);
    return `${message}${hint}`;
  });
}

/** The error for a node that is not there. */
export function missingNode(api: KubeApi, name: string): MissingError {
  const message = `There is no node ${quote(name)}`;
  return new MissingError(
    message,
    async () => `${message}${await nearHint(api, name, { kind: 'nodes' }, 'kubectl get nodes')}`,
  );
}

async function namespaceExists(api: KubeApi, namespace: string): Promise<boolean> {
  try {
    return (await api.getNamespace(namespace)) !== undefined;
  } catch {
    // Whoever may not ask is told of the pod only.
    return true;
  }
}

async function nearHint(
  api: KubeApi,
  name: string,
  resource: Omit<Resource, 'name'>,
  listCommand: string,
): Promise<string> {
  const near = nearNames(name, await namesOf(api, resource));
  return near.length > 0 ? `: did you mean ${near.map(quote).join(' or ')}?` : `; see: ${listCommand}`;
}

/** Suggestions are a courtesy: without the right to list there are none. */
async function namesOf(api: KubeApi, resource: Omit<Resource, 'name'>): Promise<string[]> {
  try {
    return (await api.list(resource)).map(({ name }) => name);
  } catch {
    return [];
  }
}
