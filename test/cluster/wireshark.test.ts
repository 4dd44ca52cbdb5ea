import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { expect } from 'vitest';
import { Flow } from './support/flow.ts';
import { flowPort } from './support/flowProgram.ts';
import { adminKubeconfig, kokotapProgram, kubectlProgram } from './support/lab.ts';
import type { Pod } from './support/pod.ts';
import { type Sandbox, test } from './support/sandbox.ts';
import { until } from './support/until.ts';

const filter = `udp port ${flowPort}`;
const LONGEST_MS = 120_000;

test('tshark captures a pod that it lists as an interface', async ({ sandbox }) => {
  const { namespace } = sandbox;
  const [web, peer] = await pods(sandbox);
  const folder = folderOf(sandbox);
  await execa(
    process.execPath,
    [
      kokotapProgram,
      'extcap',
      '--install',
      `--folder=${folder}`,
      '-n',
      namespace,
      `--tap-namespace=${namespace}`,
      `--kubectl=${kubectlProgram}`,
    ],
    { env: { KUBECONFIG: adminKubeconfig } },
  );
  // As root tshark does not look into the folder that the environment names.
  const captured = execa(
    'unshare',
    [
      '--user',
      '--map-user=1000',
      '--map-group=1000',
      'tshark',
      '-i',
      'kokotap:web',
      '-f',
      filter,
      '-c',
      '20',
    ].concat(['-n', '-T', 'fields', '-e', 'frame.interface_name']),
    {
      env: { KUBECONFIG: adminKubeconfig, HOME: folder, WIRESHARK_EXTCAP_DIR: folder },
      reject: false,
      timeout: LONGEST_MS,
    },
  );
  await trafficUntil(captured, web, peer);
  const { exitCode, stdout } = await captured;
  expect(exitCode).toBe(0);
  expect(stdout.split('\n')).toEqual(Array.from({ length: 20 }, () => `${namespace}/web:eth0`));
  await nothingLeft(sandbox);
});

test('--wireshark shows the packets in the Wireshark of the PATH, and ends with it', async ({ sandbox }) => {
  const { namespace } = sandbox;
  const [web, peer] = await pods(sandbox);
  const folder = folderOf(sandbox);
  const shown = path.join(folder, 'shown');
  // Wireshark without a screen: it reads the same, and is closed after 20 packets.
  writeFileSync(
    path.join(folder, 'wireshark'),
    `#!/bin/sh\n[ "$*" = '-k -i -' ] && exec tshark -i - -n -c 20 -T fields -e frame.interface_name >${shown}\n`,
    { mode: 0o755 },
  );
  const capturing = execa(
    process.execPath,
    [
      kokotapProgram,
      'capture',
      'web',
      '-n',
      namespace,
      `--tap-namespace=${namespace}`,
      `--filter=${filter}`,
      '--wireshark',
    ],
    {
      env: {
        KUBECONFIG: adminKubeconfig,
        KUBECTL: kubectlProgram,
        PATH: `${folder}:${process.env['PATH'] ?? ''}`,
      },
      reject: false,
      timeout: LONGEST_MS,
    },
  );
  await trafficUntil(capturing, web, peer);
  expect((await capturing).exitCode).toBe(0);
  const lines = readFileSync(shown, 'utf8').trim().split('\n');
  expect(lines).toEqual(Array.from({ length: 20 }, () => `${namespace}/web:eth0`));
  await nothingLeft(sandbox);
});

async function pods(sandbox: Sandbox): Promise<[Pod, Pod]> {
  return Promise.all([
    sandbox.startPod({ name: 'web', node: 'node-a' }),
    sandbox.startPod({ name: 'peer', node: 'node-b' }),
  ]);
}

/** Has the one pod send to the other until a program has ended. */
async function trafficUntil(program: Promise<unknown>, from: Pod, to: Pod): Promise<void> {
  const ended = program.then(() => true);
  const sent = async () => Flow.send(from, to, 20).then(() => false);
  for (let hasEnded = false; !hasEnded;) hasEnded = await Promise.race([ended, sent()]);
}

async function nothingLeft(sandbox: Sandbox): Promise<void> {
  await until('no pod of the capture is left', async () => {
    const selector = 'app.kubernetes.io/name=kokotap-capture';
    return (await sandbox.fields('pods', selector, '.metadata.name')).length === 0;
  });
}

function folderOf(sandbox: Sandbox): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'kokotap-wireshark-'));
  sandbox.defer(async () => rmSync(folder, { recursive: true }));
  return folder;
}
