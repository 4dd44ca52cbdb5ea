import type { IncomingMessage } from 'node:http';
import { Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { WebSocket } from 'ws';
import { UserError } from '#src/errors.ts';
import type { ApiClient } from './client.ts';
import { exitCodeOf } from './execStatus.ts';
import { answerFailure, isFromKubectl, upstreamFailure } from './failures.ts';
import { pathOf } from './resource.ts';

/** A program in a container, and what goes in and out of it. */
export interface Execution {
  readonly stdin: Writable;
  /** Both outputs come by one connection: it stands still while one of them is full. */
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Its exit code; rejects with a {@link UserError} when the connection ends before the program does. */
  readonly exitCode: Promise<number>;
  /** Ends the connection at once. The program in the container may go on until it writes. */
  readonly close: () => void;
}

export interface ExecTarget {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
}

/** The fifth form can say that the input has ended; servers before Kubernetes 1.30 know the fourth. */
const PROTOCOLS = ['v5.channel.k8s.io', 'v4.channel.k8s.io'];
const CHANNEL = { stdin: 0, stdout: 1, stderr: 2, status: 3, close: 255 } as const;

/** So that no proxy or load balancer between takes the connection for idle. */
const PING_MS = 5000;
const MOST_UNANSWERED = 3;

/**
 * Runs a program in a container, over a WebSocket.
 *
 * @throws {UserError} if it cannot be started: ForbiddenError without the right to.
 */
export async function exec(
  client: ApiClient,
  target: ExecTarget,
  command: readonly string[],
): Promise<Execution> {
  const socket = await connect(client, target, command);
  const full = new Set<number>();
  const output = (channel: number) =>
    new Readable({
      read: () => {
        full.delete(channel);
        if (full.size === 0) socket.resume();
      },
    });
  const stdout = output(CHANNEL.stdout);
  const stderr = output(CHANNEL.stderr);
  const streams = new Map<number, Readable>([
    [CHANNEL.stdout, stdout],
    [CHANNEL.stderr, stderr],
  ]);
  const { promise: exitCode, resolve, reject } = Promise.withResolvers<number>();
  socket.on('message', (message: Buffer) => {
    const [channel = CHANNEL.status] = message;
    const content = message.subarray(1);
    const stream = streams.get(channel);
    if (channel === CHANNEL.status) settle(() => resolve(exitCodeOf(content.toString())), reject);
    // What has been read already is kept; no more is read until there is room.
    else if (stream?.push(content) === false) {
      full.add(channel);
      socket.pause();
    }
  });
  socket.on('close', () => {
    for (const stream of streams.values()) stream.push(null);
    reject(new UserError(`The connection to ${nameOf(target)} ended before the program there did`));
  });
  socket.on('error', reject);
  keepAwake(socket);
  socket.resume();
  // Whoever looks at the streams only has no need of it.
  exitCode.catch(() => undefined);
  return { stdin: input(socket), stdout, stderr, exitCode, close: () => socket.terminate() };
}

function settle(work: () => void, reject: (error: unknown) => void): void {
  try {
    work();
  } catch (error) {
    reject(error);
  }
}

async function connect(
  client: ApiClient,
  target: ExecTarget,
  command: readonly string[],
): Promise<WebSocket> {
  const { namespace, pod: name, container } = target;
  const resource = { kind: 'pods', namespace, name, subresource: 'exec' } as const;
  const asked = Object.entries({ container, stdin: 'true', stdout: 'true', stderr: 'true' });
  const path = pathOf(resource, [...command.map((word) => ['command', word] as const), ...asked]);
  const { door, describe, timeoutMs } = client.way;
  if ('open' in door) throw new Error('programs are run in pods through kubectl only');
  const url =
    'socketPath' in door ? `ws+unix://${door.socketPath}:${path}` : `ws://${door.host}:${door.port}${path}`;
  const socket = new WebSocket(url, PROTOCOLS, timeoutMs === 0 ? {} : { handshakeTimeout: timeoutMs });
  const { promise, resolve, reject } = Promise.withResolvers<WebSocket>();
  const refused = async (response: IncomingMessage): Promise<never> => {
    const { statusCode: status = 0, headers } = response;
    const answer = { status, headers, body: await text(response) };
    const server = await describe();
    throw isFromKubectl(answer)
      ? upstreamFailure(server, answer.body, answer)
      : answerFailure(server, 'create', resource, answer);
  };
  socket.once('open', () => {
    // Nothing is read until somebody listens.
    socket.pause();
    resolve(socket);
  });
  socket.once('unexpected-response', (_, response) => void refused(response).catch(reject));
  socket.once('error', reject);
  return promise;
}

/** Sends pings, and ends a connection whose other side answers none of several, unless it stands still on purpose. */
function keepAwake(socket: WebSocket): void {
  let unanswered = 0;
  socket.on('pong', () => {
    unanswered = 0;
  });
  const timer = setInterval(() => {
    unanswered = socket.isPaused ? 0 : unanswered + 1;
    if (unanswered > MOST_UNANSWERED) socket.terminate();
    else socket.ping();
  }, PING_MS);
  socket.once('close', () => clearInterval(timer));
}

function input(socket: WebSocket): Writable {
  return new Writable({
    write: (chunk: Buffer, _, done) => socket.send(Buffer.concat([Buffer.of(CHANNEL.stdin), chunk]), done),
    final: (done) => {
      if (socket.protocol === PROTOCOLS[0]) socket.send(Buffer.of(CHANNEL.close, CHANNEL.stdin), done);
      else done();
    },
  });
}

function nameOf({ namespace, pod }: ExecTarget): string {
  return `pod ${JSON.stringify(pod)} in namespace ${JSON.stringify(namespace)}`;
}
