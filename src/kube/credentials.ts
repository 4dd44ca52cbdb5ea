import { readFileSync } from 'node:fs';
import type { OutgoingHttpHeaders } from 'node:http';
import { UserError } from '#src/errors.ts';
import { impersonationHeaders } from './impersonation.ts';
import type { Kubeconfig, KubeconfigCluster, KubeconfigUser } from './kubeconfigFile.ts';

/** A cluster, and as whom to talk to it: what a context stands for. */
export interface Account {
  readonly context: string;
  readonly cluster: ReturnType<typeof clusterOf>;
  readonly user: ReturnType<typeof userOf>;
  /** Of every request. */
  readonly headers: OutgoingHttpHeaders;
}

/**
 * The account of the named context, or of the current one.
 *
 * @throws {UserError} if a context, cluster or user that is referred to does not exist.
 */
export function chooseAccount(
  config: Kubeconfig,
  wanted: string | undefined,
  suggest: (name: string, candidates: readonly string[]) => string,
): Account {
  const name = wanted ?? config.currentContext;
  if (name === undefined) {
    throw new UserError(
      'The kubeconfig has no current context: give --context, one of kubectl config get-contexts',
    );
  }
  const context = config.contexts.get(name);
  if (!context) {
    const near = suggest(name, Array.from(config.contexts.keys()));
    throw new UserError(`The kubeconfig has no context ${JSON.stringify(name)}${near}`);
  }
  const cluster = config.clusters.get(context.cluster);
  if (!cluster) throw dangling(name, 'cluster', context.cluster);
  const user = context.user ? config.users.get(context.user) : {};
  if (!user) throw dangling(name, 'user', context.user ?? '');
  return {
    context: name,
    cluster: clusterOf(context.cluster, cluster),
    // As kubectl has it: in clear text no credential is sent, and none is got for that.
    user: userOf(context.user || 'anonymous', isPlain(cluster) ? {} : user),
    headers: impersonationHeaders(context.user ?? '', user),
  };
}

function dangling(context: string, kind: string, name: string): UserError {
  return new UserError(
    `Context ${JSON.stringify(context)} refers to ${kind} ${JSON.stringify(name)}, which the kubeconfig does not have: repair it or give --context`,
  );
}

/** Plain HTTP, such as that of kubectl proxy. */
function isPlain({ server }: KubeconfigCluster): boolean {
  return /^http:/iu.test(server);
}

/**
 * In the words of the client library.
 *
 * @throws {UserError} if it is to be verified and not to be.
 */
function clusterOf(name: string, cluster: KubeconfigCluster) {
  const caData = cluster['certificate-authority-data'];
  const isInsecure = cluster['insecure-skip-tls-verify'] === true;
  if (isInsecure && (caData || cluster['certificate-authority']))
    throw new UserError(
      `Cluster ${JSON.stringify(name)} of the kubeconfig has a certificate authority and insecure-skip-tls-verify, which ignores it: remove one of them`,
    );
  return {
    name,
    server: cluster.server,
    // The client refuses plain HTTP unless it is told not to verify.
    skipTLSVerify: isInsecure || isPlain(cluster),
    caData,
    // Data goes before a file, as for kubectl; the client would take the file.
    caFile: caData ? undefined : cluster['certificate-authority'],
    tlsServerName: cluster['tls-server-name'],
    proxyUrl: cluster['proxy-url'],
  };
}

function userOf(name: string, user: KubeconfigUser) {
  const certData = user['client-certificate-data'];
  const keyData = user['client-key-data'];
  return {
    name,
    certData,
    certFile: certData ? undefined : user['client-certificate'],
    keyData,
    keyFile: keyData ? undefined : user['client-key'],
    token: user.tokenFile ? readToken(user.tokenFile, user.token) : user.token,
    username: user.username,
    password: user.password ?? '',
    authProvider: user['auth-provider'],
    exec: user.exec && withExecInfo(user.exec),
  };
}

/** Plugins may insist on this variable, which the client does not set. */
function withExecInfo(exec: NonNullable<KubeconfigUser['exec']>) {
  const info = { apiVersion: exec.apiVersion, kind: 'ExecCredential', spec: { interactive: false } };
  const env = [...(exec.env ?? []), { name: 'KUBERNETES_EXEC_INFO', value: JSON.stringify(info) }];
  return { ...exec, env };
}

/** The file may be newer than the token beside it, which counts where there is no file. */
function readToken(file: string, token: string | null | undefined): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    if (token) return token;
    throw new UserError(`Cannot read the kubeconfig's tokenFile ${JSON.stringify(file)}`, { cause: error });
  }
}
