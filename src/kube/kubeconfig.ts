import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { UserError } from '#src/errors.ts';
import { type Kubeconfig, readKubeconfigFile } from './kubeconfigFile.ts';

export interface KubeconfigOptions {
  /** A file named by flag: it must exist. */
  readonly kubeconfig: string | undefined;
}

/** In a pod: the cluster that the pod is in, by its service account. */
export const IN_CLUSTER = 'in-cluster';

const SERVICE_ACCOUNT_TOKEN = '/var/run/secrets/kubernetes.io/serviceaccount/token';

/**
 * Looks where kubectl looks: the flag, KUBECONFIG (several files are merged, missing ones skipped),
 * ~/.kube/config, the pod's service account.
 *
 * @throws {UserError} if there is nothing, or a file cannot be read.
 */
export function findKubeconfig(
  { kubeconfig }: KubeconfigOptions,
  env: NodeJS.ProcessEnv,
): Kubeconfig | typeof IN_CLUSTER {
  if (kubeconfig !== undefined) return readKubeconfigFile(kubeconfig);
  const listed = (env['KUBECONFIG'] ?? '').split(path.delimiter).filter((file) => file !== '');
  if (listed.length > 0) return merge(existing(listed).map(readKubeconfigFile));
  const ofUser = path.join(env['HOME'] || homedir(), '.kube', 'config');
  if (existsSync(ofUser)) return readKubeconfigFile(ofUser);
  if (env['KUBERNETES_SERVICE_HOST'] && existsSync(SERVICE_ACCOUNT_TOKEN)) return IN_CLUSTER;
  throw new UserError(
    `No kubeconfig found: KUBECONFIG is not set, ${JSON.stringify(ofUser)} does not exist, and this is not a pod; give --kubeconfig`,
  );
}

function existing(files: readonly string[]): string[] {
  const found = files.filter((file) => existsSync(file));
  if (found.length > 0) return found;
  const list = files.map((file) => JSON.stringify(file)).join(', ');
  throw new UserError(`No kubeconfig found: KUBECONFIG names ${list}, which does not exist`);
}

/** The first file that sets something wins. */
function merge(files: readonly Kubeconfig[]): Kubeconfig {
  const lastFirst = files.toReversed();
  return {
    currentContext: files.find(({ currentContext }) => currentContext !== undefined)?.currentContext,
    clusters: new Map(lastFirst.flatMap(({ clusters }) => Array.from(clusters))),
    contexts: new Map(lastFirst.flatMap(({ contexts }) => Array.from(contexts))),
    users: new Map(lastFirst.flatMap(({ users }) => Array.from(users))),
  };
}
