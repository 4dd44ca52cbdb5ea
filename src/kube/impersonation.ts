import type { OutgoingHttpHeaders } from 'node:http';
import { UserError } from '#src/errors.ts';
import type { KubeconfigUser } from './kubeconfigFile.ts';

/**
 * The headers that ask to be treated as the user, groups and so on that a kubeconfig names with `as`.
 *
 * @see https://kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation
 * @throws {UserError} if they go without a user: without these headers the account would act as itself.
 */
export function impersonationHeaders(name: string, user: KubeconfigUser): OutgoingHttpHeaders {
  const { as, 'as-uid': uid, 'as-groups': groups, 'as-user-extra': extra } = user;
  const others = {
    ...(groups && groups.length > 0 ? { 'Impersonate-Group': groups } : {}),
    ...(uid ? { 'Impersonate-Uid': uid } : {}),
    ...Object.fromEntries(
      Object.entries(extra ?? {}).map(([key, values]) => [`Impersonate-Extra-${escapeKey(key)}`, values]),
    ),
  };
  if (as) return { 'Impersonate-User': as, ...others };
  if (Object.keys(others).length === 0) return {};
  throw new UserError(
    `User ${JSON.stringify(name)} of the kubeconfig has as-groups, as-uid or as-user-extra, but no "as" that names a user: add it, or remove them`,
  );
}

/** As part of a header's name. */
function escapeKey(key: string): string {
  return encodeURIComponent(key).replaceAll(/[()]/gu, (char) => (char === '(' ? '%28' : '%29'));
}
