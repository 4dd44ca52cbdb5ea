import { UserError } from '#src/errors.ts';
import type { ApiAnswer } from './answer.ts';
import { describe, type Resource, type Verb } from './resource.ts';

/** Who is asked, and as whom, in the words of the kubeconfig. */
export interface Server {
  readonly url: string;
  /** Undefined where the kubeconfig names none. */
  readonly user: string | undefined;
  /** The proxy that kubectl goes through, as far as that can be seen. */
  readonly proxy: string | undefined;
  /** Nothing says where the cluster is, and kubectl tries this machine. */
  readonly isGuess: boolean;
  /** What to add of the age of kubectl. */
  readonly age: string;
}

/** A right that is missing: the user can ask for it. */
export class ForbiddenError extends UserError {
  override readonly name = 'ForbiddenError';
}

/** An answer of kubectl's own: it got none from the API server, whose answers are JSON or name themselves. */
export function isFromKubectl({ status, headers, body }: ApiAnswer): boolean {
  const type = headers['content-type'] ?? '';
  return status === 500 && type.startsWith('text/plain') && !body.startsWith('Internal Server Error');
}

/** No answer came in time. */
export function unanswered(server: Server, timeoutMs: number, cause: unknown): UserError {
  return new UserError(
    `API server ${server.url} cannot be reached: no answer within ${timeoutMs / 1000} s; is a firewall or a missing VPN in the way?`,
    { cause },
  );
}

/** Why kubectl got no answer, by what it says: from what is wrong first. */
const REASONS: readonly (readonly [RegExp, (server: string, said: string) => string])[] = [
  [
    /connection refused/u,
    (server) => `${server} cannot be reached: connection refused; is it running, and the URL right?`,
  ],
  [
    /no such host|server misbehaving|name resolution/u,
    (server, said) => `${server} cannot be reached: its host name is not known (${said}); is the URL right?`,
  ],
  [
    /no route to host|network is unreachable/u,
    (server, said) =>
      `${server} cannot be reached: there is no way to its network (${said}); is a VPN missing?`,
  ],
  [
    /i\/o timeout|TLS handshake timeout|deadline exceeded/u,
    (server, said) =>
      `${server} cannot be reached: no answer (${said}); is a firewall or a missing VPN in the way?`,
  ],
  [
    /HTTP response to HTTPS client|does not look like a TLS handshake/u,
    (server, said) => `${server} does not speak TLS (${said}); is the URL right?`,
  ],
  [
    /private key/u,
    (server, said) =>
      `${server} cannot be asked: the client key (client-key) is not usable, perhaps encrypted: ${said}`,
  ],
  [
    /x509: /u,
    (server, said) =>
      `${server} is not trusted: ${said.replace(/^.*?x509: /u, '')}; check certificate-authority in the kubeconfig`,
  ],
];

/**
 * kubectl got no answer: in the words of whoever has to find out why.
 *
 * @param words kubectl's
 */
export function upstreamFailure(server: Server, words: string, cause: unknown): UserError {
  const said = words.trim();
  const failure = (message: string) => new UserError(`${message}${server.age}`, { cause });
  if (server.isGuess)
    return failure(
      'There is no cluster to ask: the kubeconfig ($KUBECONFIG, ~/.kube/config) has no current context with a cluster, and this is not a pod; give --kubeconfig or --context, see kubectl config get-contexts',
    );
  if (/getting credentials|oidc|azure|refresh/iu.test(said)) {
    const user = server.user === undefined ? '' : ` as user ${JSON.stringify(server.user)}`;
    return failure(`Cannot log in${user}: ${said}`);
  }
  if (/proxyconnect|socks connect|Proxy Authentication Required/u.test(said)) {
    return failure(
      `The proxy ${server.proxy ?? 'of the environment'} on the way to API server ${server.url} fails: ${said}; check HTTPS_PROXY, NO_PROXY and proxy-url in the kubeconfig`,
    );
  }
  const reason = REASONS.find(([pattern]) => pattern.test(said))?.[1];
  const name = `API server ${server.url}`;
  return failure(reason?.(name, said) ?? `${name} cannot be asked: ${said}`);
}

/**
 * Admission refused an object, such as Pod Security, a quota or a webhook: more rights would not help. Of rights the API
 * server says `is forbidden: User "…" cannot …`.
 */
const ADMISSION = /is forbidden: (?!User )|^admission webhook /u;

/** An answer came, but not the wanted one. */
export function answerFailure(server: Server, verb: Verb, resource: Resource, answer: ApiAnswer): UserError {
  const { status } = answer;
  const said = apiMessage(answer) ?? excerpt(answer);
  if (status === 401) {
    const user = server.user === undefined ? '' : ` of user ${JSON.stringify(server.user)}`;
    return new UserError(
      `API server ${server.url} refuses the credential${user}: it is wrong or has expired; log in again`,
    );
  }
  if (status >= 500 || status === 429) {
    return new UserError(
      `API server ${server.url} is in trouble (status ${status}): ${said}; try again later`,
    );
  }
  if (apiMessage(answer) === undefined) return notJson(server, answer);
  if (ADMISSION.test(said))
    return new UserError(`A rule of the cluster forbids to ${describe(verb, resource)} so: ${said}`);
  if (status === 403) {
    return new ForbiddenError(
      `You may not ${describe(verb, resource)}: ask for that right; the API server says: ${said}`,
    );
  }
  return new UserError(`Cannot ${verb} ${resource.kind} (status ${status}): ${said}`);
}

/** Something else than the API answered, such as the login page of a proxy. */
export function notJson(server: Server, answer: ApiAnswer): UserError {
  const type = answer.headers['content-type'] || 'no content type';
  return new UserError(
    `API server ${server.url} did not answer with JSON of the Kubernetes API (status ${answer.status}, ${type}): ${excerpt(answer)}; is the URL that of the API server?`,
  );
}

function apiMessage({ body }: ApiAnswer): string | undefined {
  try {
    const status: unknown = JSON.parse(body);
    if (typeof status !== 'object' || status === null || !('message' in status)) return undefined;
    return typeof status.message === 'string' ? status.message : undefined;
  } catch {
    return undefined;
  }
}

function excerpt({ body }: ApiAnswer): string {
  const start = body.replaceAll(/\s+/gu, ' ').trim().slice(0, 60);
  return start === '' ? 'an empty answer' : JSON.stringify(start);
}
