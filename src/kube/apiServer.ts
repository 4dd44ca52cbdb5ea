import { Agent as HttpAgent, type OutgoingHttpHeaders } from 'node:http';
import { Agent as HttpsAgent, type RequestOptions } from 'node:https';
import { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import { messageOf, UserError } from '#src/errors.ts';
import { type Account, chooseAccount } from './credentials.ts';
import { findKubeconfig, IN_CLUSTER, type KubeconfigOptions } from './kubeconfig.ts';

/** Long enough for a person to log in in a browser that a credential plugin opens. */
const CREDENTIAL_TIMEOUT_MS = 120_000;

export interface ApiServerOptions extends KubeconfigOptions {
  readonly context: string | undefined;
}

/** Where the API is and how to be let in. */
export interface ApiServer {
  /** Without a slash at its end. */
  readonly url: string;
  readonly user: string;
  readonly requestOptions: AuthenticatedOptions;
}

/** TLS settings and the headers that hold the credential. */
type AuthenticatedOptions = Omit<RequestOptions, 'headers'> & { readonly headers: OutgoingHttpHeaders };

/**
 * Finds the API server and gets the credential for it, which may run a credential plugin.
 *
 * @param suggest - the end of a message about a name that is not among the candidates.
 * @throws {UserError} if the kubeconfig or the credential is of no use.
 */
export async function openApiServer(
  options: ApiServerOptions,
  env: NodeJS.ProcessEnv,
  suggest: (name: string, candidates: readonly string[]) => string,
): Promise<ApiServer> {
  const config = findKubeconfig(options, env);
  const client = new KubeConfig();
  const account = config === IN_CLUSTER ? undefined : chooseAccount(config, options.context, suggest);
  if (account === undefined) client.loadFromCluster();
  else loadAccount(client, account);
  const url = serverUrl(client.getCurrentCluster()?.server ?? '');
  const requestOptions = await authenticate(client);
  Object.assign(requestOptions.headers, account?.headers);
  if (!client.getCurrentCluster()?.proxyUrl) requestOptions.agent = keepAliveAgent(url);
  return { url, user: client.getCurrentUser()?.name ?? '', requestOptions };
}

function loadAccount(client: KubeConfig, { context, cluster, user }: Account): void {
  client.loadFromOptions({
    clusters: [cluster],
    users: [user],
    contexts: [{ name: context, cluster: cluster.name, user: user.name }],
    currentContext: context,
  });
}

function serverUrl(server: string): string {
  if (/^https?:/u.test(server) && URL.canParse(server)) return server.replace(/\/+$/u, '');
  throw new UserError(
    `The kubeconfig's server ${JSON.stringify(server)} is no http or https URL: repair it or give --context`,
  );
}

async function authenticate(client: KubeConfig): Promise<AuthenticatedOptions> {
  const options: AuthenticatedOptions = { headers: {} };
  const { promise: tooLate, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => reject(new Error(`no answer within ${CREDENTIAL_TIMEOUT_MS / 1000} s`)),
    CREDENTIAL_TIMEOUT_MS,
  );
  try {
    await Promise.race([client.applyToHTTPSOptions(options), tooLate]);
  } catch (error) {
    throw credentialFailure(client, error);
  } finally {
    clearTimeout(timer);
  }
  return options;
}

function credentialFailure(client: KubeConfig, error: unknown): UserError {
  const user = client.getCurrentUser();
  const exec: { command?: string; installHint?: string } | undefined = user?.exec;
  const name = JSON.stringify(user?.name);
  const reason = messageOf(error) || 'it said nothing';
  if (!exec) return new UserError(`Cannot use the credential of user ${name}: ${reason}`, { cause: error });
  return new UserError(
    `The credential plugin ${JSON.stringify(exec.command)} of user ${name} failed: ${reason}${exec.installHint ? `; ${exec.installHint}` : ''}`,
    { cause: error },
  );
}

/** One connection serves all requests; the client's own agent makes one for each. */
function keepAliveAgent(url: string): HttpAgent {
  return url.startsWith('http:') ? new HttpAgent({ keepAlive: true }) : new HttpsAgent({ keepAlive: true });
}
