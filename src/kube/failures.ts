import { messageOf, UserError } from '#src/errors.ts';
import type { ApiAnswer } from './answer.ts';
import type { ApiServer } from './apiServer.ts';
import { describe, type Resource, verbOf } from './resource.ts';

/** All requests of one run together; the user hears of an unreachable server within 10 s. */
export const REQUESTS_TIMEOUT_MS = 9000;

/** A right that is missing: the user can ask for it. */
export class ForbiddenError extends UserError {
  override readonly name = 'ForbiddenError';
}

/** No answer came: in the words of whoever has to find out why. */
export function connectionFailure(url: string, cause: unknown): UserError {
  const server = `API server ${url}`;
  const code = codeOf(cause);
  const message = (text: string): UserError => new UserError(text, { cause });
  switch (code) {
    case 'ECONNREFUSED':
      return message(`${server} cannot be reached: connection refused; is it running, and the URL right?`);
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return message(`${server} cannot be reached: its host name is not known (${code}); is the URL right?`);
    case 'ENETUNREACH':
    case 'EHOSTUNREACH':
      return message(
        `${server} cannot be reached: there is no way to its network (${code}); is a VPN missing?`,
      );
    case 'ETIMEDOUT':
    case 'ABORT_ERR':
      return message(
        `${server} cannot be reached: no answer within ${REQUESTS_TIMEOUT_MS / 1000} s; is a firewall or a missing VPN in the way?`,
      );
    default:
      return message(isTrustFailure(code) ? distrust(server, cause) : `${server}: ${messageOf(cause)}`);
  }
}

/** An answer came, but not the wanted one. */
export function answerFailure(server: ApiServer, resource: Resource, answer: ApiAnswer): UserError {
  const { status } = answer;
  const said = apiMessage(answer) ?? excerpt(answer);
  if (status === 401) {
    return new UserError(
      `API server ${server.url} refuses the credential of user ${JSON.stringify(server.user)}: it is wrong or has expired; log in again`,
    );
  }
  if (status >= 500 || status === 429) {
    return new UserError(
      `API server ${server.url} is in trouble (status ${status}): ${said}; try again later`,
    );
  }
  if (apiMessage(answer) === undefined) return notJson(server, answer);
  if (status === 403) {
    return new ForbiddenError(
      `You may not ${describe(resource)}: ask for that right; the API server says: ${said}`,
    );
  }
  return new UserError(`Cannot ${verbOf(resource)} ${resource.kind} (status ${status}): ${said}`);
}

/** Something else than the API answered, such as the login page of a proxy. */
export function notJson(server: ApiServer, answer: ApiAnswer): UserError {
  return new UserError(
    `API server ${server.url} did not answer with JSON of the Kubernetes API (status ${answer.status}, ${answer.contentType || 'no content type'}): ${excerpt(answer)}; is the URL that of the API server?`,
  );
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

function isTrustFailure(code: string): boolean {
  return /CERT|UNABLE_TO_|CRL|ERR_TLS_|ERR_SSL_|EPROTO/u.test(code);
}

function distrust(server: string, cause: unknown): string {
  const code = codeOf(cause);
  if (/EPROTO|WRONG_VERSION/u.test(code)) {
    return `${server} does not speak TLS (${code}); is the URL right?`;
  }
  // Node.js goes on, after a semicolon, with advice on its own flags.
  const [reason] = messageOf(cause).split(';', 1);
  return `${server} is not trusted: ${reason} (${code}); check certificate-authority in the kubeconfig`;
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
