import path from 'node:path';
import { execa } from 'execa';
import { CommandError, run } from '#src/exec/command.ts';

const stateFolder = '/var/lib/kokotap-lab';
export const adminKubeconfig = `${stateFolder}/kubeconfig`;
export const kubectlProgram = `${stateFolder}/kubectl`;
export const kokotapProgram = path.resolve('dist/kokotap.js');
/** Runs a program inside a node: its first argument is the node. */
export const nodeProgram = path.resolve('lab/exec');

export type NodeName = 'node-a' | 'node-b';

export interface Outcome {
  readonly exitCode: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs kubectl as the lab's administrator. */
export function kubectl(...args: string[]): Promise<string> {
  return run(kubectlProgram, [`--kubeconfig=${adminKubeconfig}`, ...args], { timeoutMs: 90_000 });
}

/** Runs kubectl with an object, or several, on its standard input. */
export async function kubectlWith(input: object | string, ...args: string[]): Promise<Outcome> {
  const text = typeof input === 'string' ? input : JSON.stringify(input);
  const { exitCode, stdout, stderr } = await execa(
    kubectlProgram,
    [`--kubeconfig=${adminKubeconfig}`, ...args, '-f', '-'],
    { input: text, reject: false, timeout: 90_000 },
  );
  if (exitCode !== 0)
    throw new CommandError(`kubectl ${args.join(' ')}`, exitCode, stderr, new Error(stdout));
  return { exitCode, stdout, stderr };
}

/** Runs the built command line. */
export async function kokotap(args: readonly string[], kubeconfig = adminKubeconfig): Promise<Outcome> {
  const { exitCode, stdout, stderr } = await execa(process.execPath, [kokotapProgram, ...args], {
    env: { KUBECONFIG: kubeconfig },
    reject: false,
    timeout: 30_000,
  });
  return { exitCode, stdout, stderr };
}

/** Runs a program inside a node of the lab. */
export function onNode(node: NodeName, ...command: [string, ...string[]]): Promise<string> {
  return run(nodeProgram, [node, ...command], { timeoutMs: 60_000 });
}

/** Runs a shell script inside a node, with arguments as $1, $2 and so on. */
export function scriptOnNode(node: NodeName, script: string, ...args: string[]): Promise<string> {
  return onNode(node, 'bash', '-ec', script, 'script', ...args);
}

/** The ids that a node has of the processes whose command line matches, which must be one at least. */
export async function processesOnNode(node: NodeName, pattern: string): Promise<string[]> {
  return (await onNode(node, 'pgrep', '-f', '--', pattern)).split('\n');
}
