import type { ApiAnswer } from './answer.ts';
import type { Server } from './failures.ts';

/**
 * The path that an answer sends the same request to; undefined unless it is on the same server: nothing is asked of another
 * one, such as a login page.
 */
export async function redirectedPath(
  { status, headers: { location } }: Pick<ApiAnswer, 'status' | 'headers'>,
  path: string,
  describe: () => Promise<Pick<Server, 'url'>>,
): Promise<string | undefined> {
  if (![301, 302, 307, 308].includes(status) || location === undefined) return undefined;
  const isPath = /^\/(?!\/)/u.test(location);
  const server = isPath ? 'https://server' : (await describe()).url;
  if (!URL.canParse(location, server)) return undefined;
  const { origin, pathname, search } = new URL(location, new URL(path, server));
  return origin === new URL(server).origin ? `${pathname}${search}` : undefined;
}
