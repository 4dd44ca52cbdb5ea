import { readFileSync } from 'node:fs';
import path from 'node:path';
import { kubectl, type Lab } from './lab.ts';

export const TARGET = 'target';
export const CLIENT = 'client';
export const ROUND_TRIP_PORT = 7777;

const IMAGE = 'localhost/kokotap-lab-tools:1';

/** How a container runs the script for round trips; its arguments follow. */
export const ROUND_TRIP = [
  'python3',
  '-c',
  readFileSync(path.join(import.meta.dirname, 'roundTrip.py'), 'utf8'),
];

/**
 * Starts the target, which answers iperf3 and round trips, and the client. Both are on node-a: then the traffic that
 * is measured does not share the underlay with the copies.
 *
 * @returns the target's address
 */
export async function startPods(lab: Lab): Promise<string> {
  const items = [
    pod(TARGET, {
      iperf3: ['iperf3', '--server'],
      'round-trip': [...ROUND_TRIP, 'serve', String(ROUND_TRIP_PORT)],
    }),
    pod(CLIENT, { client: ['sleep', 'infinity'] }),
  ];
  const list = { apiVersion: 'v1', kind: 'List', items };
  await kubectl('create', '--filename', lab.file('pods.json', JSON.stringify(list)));
  await kubectl('wait', '--for=condition=Ready', `pod/${TARGET}`, `pod/${CLIENT}`, '--timeout=60s');
  return kubectl('get', 'pod', TARGET, '--output=jsonpath={.status.podIP}');
}

/** Runs a command in a pod's first container and returns what it prints. */
export function inPod(name: string, ...command: string[]): Promise<string> {
  return kubectl('exec', name, '--', ...command);
}

function pod(name: string, commands: Readonly<Record<string, readonly string[]>>) {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: {
      nodeName: 'node-a',
      terminationGracePeriodSeconds: 1,
      automountServiceAccountToken: false,
      containers: Object.entries(commands).map(([container, command]) => ({
        name: container,
        image: IMAGE,
        imagePullPolicy: 'Never',
        command,
      })),
    },
  };
}
