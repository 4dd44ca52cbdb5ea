import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { execa } from 'execa';
import { CommandError, run } from '#src/exec/command.ts';
import { patient } from './patient.ts';

const stateFolder = '/var/lib/kokotap-lab';
export const adminKubeconfig = `${stateFolder}/kubeconfig`;
/** Files of the cluster's certificate authority, without `.crt` and `.key`. */
export const authority = `${stateFolder}/keys/ca`;
export const kubectlProgram = `${stateFolder}/kubectl`;
export const kokotapProgram = path.resolve('dist/kokotap.js');
/** Runs a program inside a node: its first argument is the node. */
export const nodeProgram = path.resolve('lab/exec');

const allNodes = ['node-a', 'node-b', 'node-c'] as const;
export type NodeName = (typeof allNodes)[number];

/** Those that the lab has. */
export const nodes = allNodes.filter((node) => existsSync(`${stateFolder}/machines/${node}`));

/** The container runtime that the lab gave the node: a folder in lab/runtime. */
export function runtimeOf(node: NodeName): string {
  return readFileSync(`${stateFolder}/machines/${node}/runtime`, 'utf8').trim();
}

/** A node for each runtime of the lab. */
export const runtimes = nodes
  .map((node) => ({ node, runtime: runtimeOf(node) }))
  .filter(({ runtime }, index, all) => all.findIndex((each) => each.runtime === runtime) === index);

/** The node after this one, in a ring. */
export function nextTo(node: NodeName): NodeName {
  return nodes[(nodes.indexOf(node) + 1) % nodes.length] ?? node;
}

type Family = 'IPv4' | 'IPv6';

const networks: Record<string, readonly Family[]> = { v4: ['IPv4'], v6: ['IPv6'], dual: ['IPv4', 'IPv6'] };

/** The families of the lab's addresses, the first one first everywhere. */
export const families = networks[process.env['LAB_NETWORK'] ?? 'v4'] ?? [];

export function familyOf(address: string): Family {
  return address.includes(':') ? 'IPv6' : 'IPv4';
}

/** The `34` of the lab's Kubernetes 1.34. */
export const kubernetesMinor = Number((process.env['KUBERNETES'] ?? 'v1.34').split('.')[1]);

/**
 * How long to wait for a container that has ended several times. A kubelet that did not start it at once looks again after
 * 10 to 15 s, whatever its `maxContainerRestartPeriod`; one before 1.32 has no such setting and also waits 10 s, then twice
 * as long each time.
 */
export const restartsWithinMs = 150_000;

export interface Outcome {
  readonly exitCode: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs kubectl as the lab's administrator. */
export function kubectl(...args: string[]): Promise<string> {
  return run(kubectlProgram, [`--kubeconfig=${adminKubeconfig}`, ...args], { timeoutMs: patient(160_000) });
}

/** Runs kubectl with an object, or several, on its standard input. */
export async function kubectlWith(input: object | string, ...args: string[]): Promise<Outcome> {
  const text = typeof input === 'string' ? input : JSON.stringify(input);
  const { exitCode, stdout, stderr } = await execa(
    kubectlProgram,
    [`--kubeconfig=${adminKubeconfig}`, ...args, '-f', '-'],
    { input: text, reject: false, timeout: patient(150_000) },
  );
  if (exitCode !== 0)
    throw new CommandError(`kubectl ${args.join(' ')}`, exitCode, stderr, new Error(stdout));
  return { exitCode, stdout, stderr };
}

/** Runs the built command line. */
export async function kokotap(args: readonly string[], kubeconfig = adminKubeconfig): Promise<Outcome> {
  const { exitCode, stdout, stderr } = await execa(process.execPath, [kokotapProgram, ...args], {
    env: { KUBECONFIG: kubeconfig, KUBECTL: kubectlProgram },
    reject: false,
    timeout: patient(60_000),
  });
  return { exitCode, stdout, stderr };
}

/**
 * Runs a program inside a node of the lab, or inside its control machine. It does what lab/exec does but for signals, and
 * starts a fifth as many processes.
 */
export function onNode(node: NodeName | 'control', ...command: [string, ...string[]]): Promise<string> {
  const enter = ['--all', `--target=${machinePid(node)}`, '--', 'env', ...machineEnvironment];
  return run('nsenter', [...enter, 'setpriv', '--pdeathsig=TERM', '--', ...command], {
    timeoutMs: patient(60_000),
  });
}

/** Of what runs in a machine, as lab/exec has it. */
const machineEnvironment = [
  'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  'HOME=/root',
];

/** A machine's first process. Its start time tells a number that another process has got since. */
function machinePid(machine: string): string {
  const [pid = '', started] = readFileSync(`${stateFolder}/machines/${machine}/pid`, 'utf8')
    .trim()
    .split(' ');
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /su, '')
    .split(' ');
  if (fields[19] !== started) throw new Error(`the machine ${machine} does not run`);
  return pid;
}

/** Runs a shell script inside a node, with arguments as $1, $2 and so on. */
export function scriptOnNode(node: NodeName | 'control', script: string, ...args: string[]): Promise<string> {
  return onNode(node, 'bash', '-ec', script, 'script', ...args);
}

/** Does to a service of a machine what lab/service does: `kill`, `restart`, `stop`, `start`. */
export function service(
  verb: 'kill' | 'restart' | 'stop' | 'start',
  machine: NodeName | 'control',
  name: string,
): Promise<string> {
  return run(path.resolve('lab/service'), [verb, machine, name], { timeoutMs: 60_000 });
}

/** The services that a node's runtime consists of, by the names that lab/service knows. */
export async function runtimeServices(node: NodeName): Promise<string[]> {
  const files = await onNode(node, 'ls', '/run/lab');
  const names = files.split('\n').map((file) => path.parse(file).name);
  return names.filter((name) => !name.startsWith('kube'));
}

/** Cuts a node's power and starts it again. Returns when it is Ready. */
export function reboot(node: NodeName): Promise<string> {
  return run(path.resolve('lab/reboot'), [node], { timeoutMs: 120_000 });
}

/** The ids that a node has of the processes whose command line matches, which must be one at least. */
export async function processesOnNode(node: NodeName, pattern: string): Promise<string[]> {
  return (await onNode(node, 'pgrep', '-f', '--', pattern)).split('\n');
}
