import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { loadAll } from 'js-yaml';
import { vi } from 'vitest';
import { main } from '#src/cli/main.ts';
// The command line loads it when it needs it; here it is loaded before the time of a test begins.
import '#src/cli/printTap.ts';
import { temporaryFolder } from './folder.ts';
import { LEAST_NODE } from './nodes.ts';

// To start a program takes seconds when everything else on the machine wants its CPUs too.
vi.setConfig({ testTimeout: 60_000 });

export const PROGRAM = path.resolve(import.meta.dirname, '../../../dist/kokotap.js');

export interface Outcome {
  readonly exitCode: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs the built program, on the least Node.js that it is for, with nothing in its environment but what is given: for
 * what the bundle and the process do themselves. {@link command} is quicker.
 */
export async function kokotap(args: readonly string[], env: Record<string, string> = {}): Promise<Outcome> {
  const { exitCode, stdout, stderr } = await execa(LEAST_NODE, [PROGRAM, ...args], {
    reject: false,
    extendEnv: false,
    env: { HOME: '/nonexistent', ...env },
    stripFinalNewline: false,
  });
  return { exitCode, stdout, stderr };
}

/** Runs the program against the API server at `url`. */
export async function kokotapAt(url: string, args: readonly string[]): Promise<Outcome> {
  return kokotap(args, { KUBECONFIG: await kubeconfigFile(kubeconfig(url)) });
}

/** Runs a command line in this process, with nothing in its environment but what is given. */
export async function command(args: readonly string[], env: Record<string, string> = {}): Promise<Outcome> {
  let stderr = '';
  const { exitCode, text } = await main(args, { HOME: '/nonexistent', ...env }, (written) => {
    stderr += written;
  });
  return { exitCode, stdout: text, stderr };
}

/** Runs a command line in this process against the API server at `url`. */
export async function commandAt(url: string, args: readonly string[]): Promise<Outcome> {
  return command(args, { KUBECONFIG: await kubeconfigFile(kubeconfig(url)) });
}

/** A kubeconfig with one context, cluster and user. */
export function kubeconfig(server: string, cluster: object = {}, user: object = { token: 'secret' }) {
  return {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'test',
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'tester' } }],
    clusters: [{ name: 'test', cluster: { server, ...cluster } }],
    users: [{ name: 'tester', user }],
  };
}

/** Writes a kubeconfig (JSON is YAML) into a new folder. */
export async function kubeconfigFile(content: object | string): Promise<string> {
  const file = path.join(await temporaryFolder(), 'config');
  await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

/** What was printed, as data. */
export function documents(stdout: string): unknown[] {
  return loadAll(stdout);
}
