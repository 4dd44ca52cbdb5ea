import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { AGENT_SOCKET } from '#src/pods/runFolder.ts';
import { UserError } from '#src/errors.ts';
import type { TapId } from '#src/tap/ownership/mark.ts';

/**
 * Asks the agent of this pod what it knows of its endpoints.
 *
 * @param tapId only of this tap
 * @returns undefined: there is no agent here, or none of that tap
 * @throws {UserError} with what the agent says is wrong
 */
export async function askAgent(
  what: 'status' | 'probe',
  tapId: TapId | undefined,
): Promise<object | undefined> {
  const query = tapId === undefined ? '' : `?tap=${tapId}`;
  const answer = await ask(what === 'probe' ? 'POST' : 'GET', `/${what}${query}`);
  if (answer === undefined || answer.status === 404) return undefined;
  if (answer.status !== 200) throw new UserError(answer.body.trim());
  return JSON.parse(answer.body);
}

function ask(method: string, path: string): Promise<{ status: number; body: string } | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: string } | undefined>();
  const asked = request({ socketPath: AGENT_SOCKET, method, path }, (response) => {
    text(response).then((body) => resolve({ status: response.statusCode ?? 0, body }), reject);
  });
  asked.on('error', (error) => {
    // Nobody is there, or an agent that was killed has left its socket.
    const isNobody = 'code' in error && (error.code === 'ENOENT' || error.code === 'ECONNREFUSED');
    if (isNobody) resolve(undefined);
    else reject(error);
  });
  asked.end();
  return promise;
}
