import { readFileSync } from 'node:fs';
import path from 'node:path';
import { findTarget } from '#src/agent/pod/podNetns.ts';
import { KUBECTL, kubectl, kubectlArgs, type Lab, type Node } from './lab.ts';
import { CLIENT_NODES, type Target } from './terms.ts';

export const TARGET = 'target';
export const ROUND_TRIP_PORT = 7777;
/** A folder of the target in memory. */
export const CAPTURES = '/captures';

const IMAGE = 'localhost/kokotap-lab-tools:1';

/** How a container runs the script for round trips; its arguments follow. */
export const ROUND_TRIP = [
  'python3',
  '-c',
  readFileSync(path.join(import.meta.dirname, 'roundTrip.py'), 'utf8'),
];

/** Starts the target on node-a, which answers iperf3 and round trips, and the clients. */
export async function startPods(lab: Lab): Promise<Target> {
  const items = [
    pod(TARGET, 'node-a', {
      iperf3: ['iperf3', '--server'],
      'round-trip': [...ROUND_TRIP, 'serve', String(ROUND_TRIP_PORT)],
    }),
    ...CLIENT_NODES.map((node) => pod(clientOn(node), node, { client: ['sleep', 'infinity'] })),
  ];
  const list = { apiVersion: 'v1', kind: 'List', items };
  await kubectl('create', '--filename', lab.file('pods.json', JSON.stringify(list)));
  await kubectl('wait', '--for=condition=Ready', 'pod', '--all', '--timeout=60s');
  const address = await kubectl('get', 'pod', TARGET, '--output=jsonpath={.status.podIP}');
  const uid = await kubectl('get', 'pod', TARGET, '--output=jsonpath={.metadata.uid}');
  // The lab's machines are pid namespaces below this one.
  const found = findTarget(uid);
  if (found === undefined) throw new Error(`No process of pod ${uid} is running`);
  found.netns.close();
  return { address, pid: found.pid, nodePid: pidBelow(found.pid) };
}

/** The name of a node's client. */
export function clientOn(node: Node): string {
  return `client-${node}`;
}

/** Runs a command in a pod's first container and returns what it prints. */
export function inPod(name: string, ...command: string[]): Promise<string> {
  return kubectl('exec', name, '--', ...command);
}

/** The command that runs another one in a pod's first container. */
export function kubectlExec(name: string, ...command: string[]): [string, ...string[]] {
  return [KUBECTL, ...kubectlArgs('exec', name, '--', ...command)];
}

/** A process's number one pid namespace further down. */
function pidBelow(pid: number): number {
  const numbers = /^NSpid:\s+\d+\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  if (numbers?.[1] === undefined) throw new Error(`Process ${pid} is in no pid namespace of a machine`);
  return Number(numbers[1]);
}

function pod(name: string, node: Node, commands: Readonly<Record<string, readonly string[]>>) {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: {
      nodeName: node,
      terminationGracePeriodSeconds: 1,
      automountServiceAccountToken: false,
      volumes: [{ name: 'captures', emptyDir: { medium: 'Memory' } }],
      containers: Object.entries(commands).map(([container, command]) => ({
        name: container,
        image: IMAGE,
        imagePullPolicy: 'Never',
        command,
        volumeMounts: [{ name: 'captures', mountPath: CAPTURES }],
      })),
    },
  };
}
