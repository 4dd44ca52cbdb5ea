import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { run } from '#src/exec/command.ts';
import { expect, inject, onTestFinished, test } from 'vitest';
import { temporaryFolder } from '../cli/support/folder.ts';
import { kubeconfig, PROGRAM } from '../cli/support/kokotap.ts';
import { LEAST_NODE } from '../cli/support/nodes.ts';
import { serve } from './support/server.ts';

/** kokotap while a credential plugin waits for a person, in a process group of its own as a shell starts it. */
async function waitingForLogin(): Promise<{ readonly child: ChildProcess; readonly folder: string }> {
  const folder = await temporaryFolder();
  const plugin = path.join(folder, 'plugin');
  await writeFile(plugin, '#!/bin/sh\necho "enter the code" >&2\nsleep 600\n');
  await chmod(plugin, 0o755);
  const exec = { apiVersion: 'client.authentication.k8s.io/v1', interactiveMode: 'Never', command: plugin };
  const unverified = { 'insecure-skip-tls-verify': true };
  const { url } = await serve((_, response) => response.end());
  const config = kubeconfig(url.replace('http:', 'https:'), unverified, { exec });
  await writeFile(path.join(folder, 'config'), JSON.stringify(config));
  const child = spawn(LEAST_NODE, [PROGRAM, '--pod=web', '--dest-node=node-b'], {
    env: {
      PATH: process.env['PATH'],
      KUBECTL: inject('kubectl'),
      KUBECONFIG: path.join(folder, 'config'),
      TMPDIR: await temporaryIn(folder),
    },
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const words: unknown[] = await once(child.stdio[2] ?? child, 'data');
  expect(String(words[0])).toContain('enter the code');
  return { child, folder };
}

async function temporaryIn(folder: string): Promise<string> {
  const temporary = path.join(folder, 'tmp');
  await mkdir(temporary);
  return temporary;
}

/** Processes whose arguments or environment name the folder. */
async function processesOf(folder: string): Promise<string[]> {
  const list = await run('ps', ['-A', 'e', 'ww', '-o', 'pid=,args=']);
  return list.split('\n').filter((line) => line.includes(folder) && !line.includes('ps -A e'));
}

async function expectNothingLeft(folder: string): Promise<void> {
  await expect.poll(() => processesOf(folder), { timeout: 10_000 }).toEqual([]);
  expect(await readdir(path.join(folder, 'tmp'))).toEqual([]);
}

test.each([
  ['Ctrl-C in the terminal, which its whole process group gets', 'SIGINT', true],
  ['SIGTERM', 'SIGTERM', false],
  ['SIGKILL', 'SIGKILL', false],
  ['SIGKILL of its process group', 'SIGKILL', true],
] as const)('after %s neither kubectl, plugin nor socket is left', async (_, signal, isForGroup) => {
  const { child, folder } = await waitingForLogin();
  expect((await processesOf(folder)).length).toBeGreaterThan(3);
  process.kill(isForGroup ? -(child.pid ?? 0) : (child.pid ?? 0), signal);
  await expectNothingLeft(folder);
});

test('after SIGKILL at any moment nothing is left', async () => {
  const folder = await temporaryFolder();
  const { url } = await serve((_, response) => setTimeout(() => response.end(), 20));
  await writeFile(path.join(folder, 'config'), JSON.stringify(kubeconfig(url)));
  const TMPDIR = await temporaryIn(folder);
  for (let delayMs = 0; delayMs < 600; delayMs += 25) {
    const child = spawn(LEAST_NODE, [PROGRAM, '--pod=web', '--dest-node=node-b'], {
      env: {
        PATH: process.env['PATH'],
        KUBECTL: inject('kubectl'),
        KUBECONFIG: path.join(folder, 'config'),
        TMPDIR,
      },
      stdio: 'ignore',
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), delayMs);
    await once(child, 'exit');
    clearTimeout(timer);
    // It has been killed, or was quicker.
    expect([1, null]).toContain(child.exitCode);
  }
  await expectNothingLeft(folder);
});
