import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { loadAll } from 'js-yaml';
import { inject, vi } from 'vitest';
import { main, type Open } from '#src/cli/main.ts';
import { ApiClient, type Way } from '#src/kube/client.ts';
import type { Cluster } from '#src/kube/cluster.ts';
import { KubeApi } from '#src/kube/kubeApi.ts';
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
 * Runs the built program, on the least Node.js that it is for, with nothing in its environment but a real kubectl and what
 * is given: for what the bundle, the process and kubectl do. {@link command} is quicker.
 */
export async function kokotap(args: readonly string[], env: Record<string, string> = {}): Promise<Outcome> {
  const { exitCode, stdout, stderr } = await execa(LEAST_NODE, [PROGRAM, ...args], {
    reject: false,
    extendEnv: false,
    env: { HOME: '/nonexistent', PATH: process.env['PATH'], KUBECTL: inject('kubectl'), ...env },
    stdin: 'ignore',
    stripFinalNewline: false,
  });
  return { exitCode, stdout, stderr };
}

/** Runs the program against the API server at `url`. */
export async function kokotapAt(url: string, args: readonly string[]): Promise<Outcome> {
  return kokotap(args, { KUBECONFIG: await kubeconfigFile(kubeconfig(url)) });
}

/** Runs a command line that asks no cluster in this process. */
export async function command(args: readonly string[], open: Open = noCluster): Promise<Outcome> {
  let stderr = '';
  const print = (written: string) => {
    stderr += written;
  };
  const { exitCode, text } = await main(args, {}, print, open);
  return { exitCode, stdout: text, stderr };
}

/** Runs a command line in this process against the API server at `url`, with no kubectl between. */
export async function commandAt(url: string, args: readonly string[]): Promise<Outcome> {
  return command(args, async (_, __, { onRequest }) => clusterAt(url, onRequest));
}

/** A cluster whose API server is on this machine and lets everybody in. */
export function clusterAt(url: string, onRequest: (line: string) => void = () => undefined): Cluster {
  const { hostname: host, port } = new URL(url);
  const way: Way = {
    door: { host, port: Number(port) },
    timeoutMs: 9000,
    describe: async () => ({ url, user: 'tester', proxy: undefined, isGuess: false, age: '' }),
    isHeldUp: async () => false,
    lastWords: () => undefined,
  };
  const client = new ApiClient(way, onRequest);
  return {
    api: new KubeApi(client),
    client,
    namespace: async () => 'default',
    [Symbol.asyncDispose]: async () => undefined,
  };
}

async function noCluster(): Promise<never> {
  throw new Error('no cluster was expected to be asked');
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
