import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { exec } from '#src/kube/exec.ts';
import { status } from '../cli/support/objects.ts';
import { throughKubectl } from './support/cluster.ts';
import { serve } from './support/server.ts';

const target = { namespace: 'team', pod: 'web', container: 'main' };
const success = Buffer.from('\u0003{"status":"Success"}');

/** A program in a pod, as the API server has its streams. */
async function runProgram(program: (socket: WebSocket) => void, protocol = 'v5.channel.k8s.io') {
  const paths: (string | undefined)[] = [];
  const { url, server } = await serve((_, response) => response.end());
  const sockets = new WebSocketServer({ server, handleProtocols: () => protocol });
  sockets.on('connection', (socket, request) => {
    paths.push(request.url);
    program(socket);
  });
  const { client } = await throughKubectl(url);
  return { paths, execution: await exec(client, target, ['sh', '-c', 'a b']) };
}

test('both outputs and the exit code come from the pod', async () => {
  const { paths, execution } = await runProgram((socket) => {
    for (const message of ['\u0001out', '\u0002err', '\u0001put']) socket.send(Buffer.from(message));
    const causes = [{ reason: 'ExitCode', message: '3' }];
    socket.send(
      `\u0003${JSON.stringify({ status: 'Failure', reason: 'NonZeroExitCode', details: { causes } })}`,
    );
    socket.close();
  });
  const { stdout, stderr, exitCode } = execution;
  expect(await Promise.all([text(stdout), text(stderr), exitCode])).toEqual(['output', 'err', 3]);
  expect(paths).toEqual([
    '/api/v1/namespaces/team/pods/web/exec?command=sh&command=-c&command=a+b&container=main&stdin=true&stdout=true&stderr=true',
  ]);
});

test.each([
  ['v5.channel.k8s.io', ['\u0000in', '\u0000put', '\u00ff\u0000']],
  ['v4.channel.k8s.io', ['\u0000in', '\u0000put']],
])('the input goes to the pod, with its end if %s can say it', async (protocol, expected) => {
  const messages: string[] = [];
  const { execution } = await runProgram((socket) => {
    socket.on('message', (message: Buffer) => {
      messages.push(message.toString('latin1'));
      if (messages.length < expected.length) return;
      socket.send(success);
      socket.close();
    });
  }, protocol);
  execution.stdin.write('in');
  execution.stdin.end('put');
  expect(await execution.exitCode).toBe(0);
  expect(messages).toEqual(expected);
});

test('a connection that ends before the program does is an error', async () => {
  const { execution } = await runProgram((socket) => {
    socket.send(Buffer.from('\u0001half'));
    socket.close();
  });
  await expect(execution.exitCode).rejects.toThrow(
    'The connection to pod "web" in namespace "team" ended before the program there did',
  );
  expect(await text(execution.stdout)).toBe('half');
});

test('a reader that does not read makes the sender wait, not the memory grow', async () => {
  const chunk = Buffer.alloc(32 * 1024, 1);
  const chunks = 4000;
  let sent = 0;
  const { execution } = await runProgram((socket) => {
    const next = () => {
      if (sent === chunks) {
        socket.send(success);
        socket.close();
        return;
      }
      socket.send(chunk, () => {
        sent += 1;
        next();
      });
    };
    next();
  });
  await sleep(1000);
  // What is under way is in the buffers of sockets.
  expect(sent).toBeLessThan(chunks / 2);
  expect(execution.stdout.readableLength).toBeLessThan(4 * chunk.length);
  let received = 0;
  for await (const piece of execution.stdout) received += piece.length;
  expect(received).toBe(chunks * (chunk.length - 1));
});

test('without the right to, it says which', async () => {
  const { url, server } = await serve((_, response) => response.end());
  server.on('upgrade', (_, socket) => {
    const body = JSON.stringify(status(403, 'Forbidden', 'no'));
    socket.end(
      `HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
  });
  const { client } = await throughKubectl(url);
  await expect(exec(client, target, ['true'])).rejects.toThrow(
    'You may not create pods/exec in namespace "team": ask for that right; the API server says: no',
  );
});

test('closing ends the connection', async () => {
  let closed: Promise<unknown> | undefined;
  const { execution } = await runProgram((socket) => {
    closed = once(socket, 'close');
  });
  execution.close();
  await closed;
  await expect(execution.exitCode).rejects.toThrow('ended before');
});
