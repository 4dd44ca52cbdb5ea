import { createHash } from 'node:crypto';
import { expect } from 'vitest';
import { addresses } from './addresses.ts';
import type { Agent } from './agent.ts';
import { Capture, isUdp } from './capture.ts';
import { documentOf } from './document.ts';
import type { ListFile, Writer } from './listFile.ts';
import type { Pod } from './morePods.ts';
import type { Net } from './net.ts';
import { echoUdp, exchangeUdp } from './traffic.ts';
import { until } from './wait.ts';

const port = 7000;

/** What is in a list for one pod. */
export type Item =
  | 'both'
  | 'ingress'
  | 'egress'
  | 'other tap'
  | 'bad filter'
  | 'taken name'
  | 'not possible'
  | 'none';
export const items: readonly Item[] = [
  'both',
  'ingress',
  'egress',
  'other tap',
  'bad filter',
  'taken name',
  'not possible',
  'none',
];

/** Starts an agent of a list. */
export function startList(net: Net, role: 'sender' | 'receiver', list: ListFile): Agent {
  const node = role === 'sender' ? 'nodeA' : 'nodeB';
  return net.startAgent(node, role, `--endpoints=${list.name}`, `--tick-ms=${net.tickMs}`);
}

/** The test's own pod. */
export function podOf(net: Net): Pick<Pod, 'uid'> {
  return { uid: net.podUid };
}

/** Hardware addresses and handles have the first digits only. */
export function tapIdOf(at: number, isOther: boolean): string {
  return createHash('sha256').update(`${at} ${isOther}`).digest('hex').slice(0, 12);
}

/** The document of a sender of a pod. */
export function senderOf({ uid }: Pick<Pod, 'uid'>, at: number, item: Item): object {
  const isOther = item === 'other tap';
  const { document } = documentOf('sender', [
    `--tap-id=${tapIdOf(at, isOther)}`,
    `--pod-uid=${uid}`,
    `--ifname=${item === 'taken name' ? 'taken' : 'mirror'}`,
    `--mirror-type=${item === 'ingress' || item === 'egress' ? item : 'both'}`,
    `--vni=${100 + at}`,
    '--vxlan-port=4789',
    `--local=${addresses.nodeA}`,
    `--remote=${addresses.nodeB}`,
    ...(item === 'bad filter' ? ['--filter=not possible'] : []),
  ]);
  return item === 'not possible' ? { ...document, direction: 'sideways' } : document;
}

/** That of its receiver. */
export function receiverOf(at: number, flags: readonly string[] = [`--ifname=mirror${at}`]): object {
  return documentOf('receiver', [
    `--tap-id=${tapIdOf(at, false)}`,
    ...flags,
    `--vni=${100 + at}`,
    '--vxlan-port=4789',
    `--local=${addresses.nodeB}`,
    `--remote=${addresses.nodeA}`,
  ]).document;
}

/** Writes the list for the test's own pod, which is always in it, and others. */
export function writeList(
  list: ListFile,
  [steady, ...others]: readonly Pick<Pod, 'uid'>[],
  wanted: readonly Item[],
  by: Writer,
): void {
  const documents = others.flatMap((pod, at) => {
    const item = wanted[at] ?? 'none';
    return item === 'none' ? [] : [senderOf(pod, at + 1, item)];
  });
  list.write([...(steady === undefined ? [] : [senderOf(steady, 0, 'both')]), ...documents], by);
}

/** Waits until each pod has what is wanted of it. What an impossible item leaves depends on what was there before. */
export async function expectKernel(
  pods: readonly Pod[],
  wanted: readonly Item[],
  agent: Agent,
): Promise<void> {
  for (const [at, pod] of pods.entries()) {
    const item = wanted[at] ?? 'none';
    if (item === 'bad filter' || item === 'not possible') continue;
    const expected = kernelOf(item, at + 1);
    let seen = '';
    const isSo = async () => (seen = await tapIn(pod)) === expected;
    await until(isSo, `pod ${at} has ${expected}`, () => `${seen}\n${agent.output.slice(-4000)}`);
  }
}

function kernelOf(item: Item, at: number): string {
  if (item === 'none' || item === 'taken name') return 'nothing';
  const hooks = item === 'ingress' || item === 'egress' ? [item] : ['egress', 'ingress'];
  return `kokotap:${tapIdOf(at, item === 'other tap')} ${hooks.join()}`;
}

/** The mark of the tap in a pod, and where it copies. */
async function tapIn(pod: Pod): Promise<string> {
  const links = await pod.exec('ip -oneline -details link show');
  const marks = [...links.matchAll(/alias (kokotap:[0-9a-f]{12})/g)].map(([, mark]) => mark);
  const hooks: string[] = [];
  for (const hook of ['egress', 'ingress']) {
    const filters = await pod.exec(`tc filter show dev eth0 ${hook}`);
    if (filters.includes('mirror')) hooks.push(hook);
  }
  return marks.length === 0 && hooks.length === 0 ? 'nothing' : `${marks.join()} ${hooks.join()}`;
}

/** What a pod has of links, qdiscs and filters, without counters and the kernel's numbers. */
export async function shapeOf(pod: Pod): Promise<string> {
  const look =
    'ip -oneline link show; tc qdisc show; tc filter show dev eth0 ingress 2>&1; tc filter show dev eth0 egress 2>&1';
  return pod.exec('sh -c', `${look}; true`);
}

/** Exchanges numbered datagrams with the net's pod, and captures their copies. */
export async function startTraffic(
  net: Net,
): Promise<{ end(): Promise<{ copied: number; exchanged: number }> }> {
  await echoUdp(net, 'pod', port);
  const capture = await Capture.start(net, 'nodeB', 'mirror', 128, { roomKib: 65_536 });
  const ending = new AbortController();
  const exchange = async (): Promise<number> => {
    let exchanged = 0;
    for (; !ending.signal.aborted; exchanged += 500) {
      const back = await exchangeUdp(net, 'nodeA', addresses.pod, { port, count: 500, bytes: 64 });
      expect(back).toEqual({ lost: 0, changed: 0 });
    }
    return exchanged;
  };
  const exchanging = exchange();
  return {
    async end() {
      ending.abort();
      const exchanged = await exchanging;
      return { exchanged, copied: (await capture.frames()).filter(isUdp).length };
    },
  };
}
