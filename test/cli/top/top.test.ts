import { readFileSync } from 'node:fs';
import path from 'node:path';
import { execa } from 'execa';
import { expect, inject, test, vi } from 'vitest';
import { startFakeApi } from '../support/fakeApi.ts';
import { temporaryFolder } from '../support/folder.ts';
import { commandAt, kubeconfig, kubeconfigFile, PROGRAM } from '../support/kokotap.ts';
import { LEAST_NODE } from '../support/nodes.ts';
import { pod } from '../support/objects.ts';
import { Terminal } from '../support/terminal.ts';

function sender(id: string) {
  return pod(`kokotap-${id}-sender`, {
    metadata: {
      labels: {
        'app.kubernetes.io/name': 'kokotap',
        'kokotap.dev/tap': id,
        'kokotap.dev/role': 'sender',
      },
      annotations: { 'kokotap.dev/target': `pod/default/${id}`, 'kokotap.dev/destination': 'ip/192.0.2.9' },
    },
    status: { containerStatuses: [{ ready: true, state: {} }] },
  });
}

const objects = [sender('web'), sender('api')];
const OPENED = new RegExp(String.raw`\x1b\[\?1049h\x1b\[\?25l`, 'u');
const CLOSED = new RegExp(String.raw`\x1b\[\?25h\x1b\[\?1049l`, 'u');

async function userOf(url: string) {
  const env = {
    HOME: '/nonexistent',
    PATH: process.env['PATH'] ?? '',
    KUBECTL: inject('kubectl'),
    KUBECONFIG: await kubeconfigFile(kubeconfig(url)),
    TERM: 'xterm',
    SHELL: '/bin/sh',
    NO_COLOR: '1',
  };
  return { folder: await temporaryFolder(), env };
}

/** Someone before `kokotap top`, whose terminal then says how it is. */
async function watcher(url: string) {
  const { folder, env } = await userOf(url);
  const script = `sh -c "echo \\$\\$ > pid; exec ${LEAST_NODE} ${PROGRAM} top"; stty -a; echo ended`;
  const terminal = new Terminal(['sh', '-c', script], env, folder);
  return { terminal, pid: () => Number(readFileSync(path.join(folder, 'pid'), 'utf8')) };
}

test.each(['q', '\u0003', 'SIGTERM'])('the terminal is as it was after %j', async (end) => {
  await using api = await startFakeApi({ objects });
  const { terminal, pid } = await watcher(api.url);
  await using _ = terminal;
  await terminal.shows(OPENED);
  await terminal.shows(/> api {3}pod\/default\/api/u);
  await terminal.shows(/tap\/api: pod\/default\/api to ip\/192\.0\.2\.9/u);
  terminal.type('j');
  await terminal.shows(/> web {3}pod\/default\/web/u);
  await terminal.shows(/tap\/web: /u);
  if (end === 'SIGTERM') process.kill(pid(), end);
  else terminal.type(end);
  await terminal.shows(CLOSED);
  expect(await terminal.shows(/-?icanon[^]* -?echo [^]*ended/u)).toMatch(/^icanon[^]* echo /u);
});

test('without a terminal it is a list that goes on', async () => {
  await using api = await startFakeApi({ objects });
  const { folder, env } = await userOf(api.url);
  const child = execa(LEAST_NODE, [PROGRAM, 'top'], { cwd: folder, env, extendEnv: false, reject: false });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  await vi.waitFor(
    () => expect(said).toContain('\ndefault     web   pod/default/web   ip/192.0.2.9   '),
    50_000,
  );
  child.kill('SIGINT');
  expect(await child).toMatchObject({ exitCode: 0, stderr: '' });
  expect(said).not.toContain('\u001B');
  expect(await commandAt(api.url, ['top', '-A', 'web'])).toMatchObject({
    exitCode: 2,
    stderr: 'kokotap: Target "web" is of one namespace: give -n in place of -A, or a tap\'s id\n',
  });
});
