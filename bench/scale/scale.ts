import { readFileSync } from 'node:fs';
import { IncomingMessage } from 'node:http';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod/mini';
import type { Objects } from '#src/controller/api/objects.ts';
import { TAP_GROUP, TAP_KIND, TAP_VERSION } from '#src/spec/tapResource.ts';

/** How much there is. */
export interface Scale {
  readonly nodes: number;
  /** They belong to the Taps in equal parts. */
  readonly pods: number;
  readonly taps: number;
  /** Pods that are made one after the other while it is measured. */
  readonly changes: number;
}

/** What was measured. */
export interface Figures {
  /** From the first Tap until all pods are in the lists of senders. */
  readonly allMs: number;
  /** From the answer that a pod has been made until it is in the list of its node's sender, in order. */
  readonly changesMs: readonly number[];
}

const AT_ONCE = 32;
const LONGEST_MS = 1_200_000;
const NAMESPACE = 'default';
const PODS = `/api/v1/namespaces/${NAMESPACE}/pods`;
const TAPS = `/apis/${TAP_GROUP}/${TAP_VERSION}/namespaces/${NAMESPACE}/taps`;

/**
 * Fills an API server whose controller of Taps runs with nodes, pods and Taps of them, and then makes pods one after the other. There
 * are no kubelets: senders are made and get their lists, and nobody starts them.
 */
export async function measureScale(objects: Objects, scale: Scale): Promise<Figures> {
  const { nodes, pods } = scale;
  await inParallel(nodes, (index) => makeNode(objects, index));
  await inParallel(pods, async (index) => void (await makePod(objects, scale, index)));
  const ending = new AbortController();
  const applied = new Applied();
  const watching = applied.watch(objects, ending.signal);
  const measuring = measure(objects, scale, applied);
  try {
    // A watch that breaks ends it too.
    return await Promise.race([measuring, watching.then(() => measuring)]);
  } finally {
    ending.abort();
    await watching;
  }
}

async function measure(objects: Objects, scale: Scale, applied: Applied): Promise<Figures> {
  const { pods, taps, changes } = scale;
  const beganMs = performance.now();
  await inParallel(taps, async (index) => {
    await objects.create(TAPS, {
      apiVersion: `${TAP_GROUP}/${TAP_VERSION}`,
      kind: TAP_KIND,
      metadata: { name: `tap-${index}` },
      spec: {
        targets: { selector: { matchLabels: { group: `g${index}` } } },
        destination: { address: '198.51.100.1' },
      },
    });
  });
  await until(`${pods} pods are copied`, () => applied.sinceMs.size >= pods);
  const allMs = performance.now() - beganMs;
  const changesMs: number[] = [];
  for (let index = pods; index < pods + changes; index++) {
    const uid = await makePod(objects, scale, index);
    const madeMs = performance.now();
    await until(`pod ${index} is copied`, () => applied.sinceMs.has(uid));
    changesMs.push(Math.max(0, (applied.sinceMs.get(uid) ?? 0) - madeMs));
  }
  return { allMs, changesMs: changesMs.toSorted((a, b) => a - b) };
}

const TICKS_A_SECOND = 100;

/** What a process has taken so far: the most memory, and CPU time. */
export function usageOf(pid: number | undefined): { readonly mostMiB: number; readonly cpuSeconds: number } {
  const read = (file: string) => readFileSync(`/proc/${pid}/${file}`, 'utf8');
  const mostKiB = Number(/VmHWM:\s+(\d+)/u.exec(read('status'))?.[1]);
  // Behind the name in parentheses: utime and stime are the 12th and 13th.
  const [user, system] = read('stat')
    .replace(/^.*\) /u, '')
    .split(' ')
    .slice(11, 13)
    .map(Number);
  return { mostMiB: mostKiB / 1024, cpuSeconds: ((user ?? NaN) + (system ?? NaN)) / TICKS_A_SECOND };
}

/** The one of sorted values below which are so many of a hundred. */
export function percentile(sorted: readonly number[], percent: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))] ?? Number.NaN;
}

const eventSchema = z.object({
  object: z.object({
    metadata: z.object({ annotations: z.optional(z.record(z.string(), z.string())) }),
  }),
});

/** When each pod, by its UID, has come into a list of a sender. */
class Applied {
  readonly sinceMs = new Map<string, number>();

  async watch(objects: Objects, signal: AbortSignal): Promise<void> {
    const path = '/api/v1/namespaces/kokotap/pods?watch=true&timeoutSeconds=3600';
    const answer = await objects.client.open({ method: 'GET', path, accept: 'application/json' }, signal);
    if (!(answer instanceof IncomingMessage)) throw new Error(`cannot watch pods: ${answer.body}`);
    try {
      for await (const line of createInterface({ input: answer })) this.#take(line);
    } catch (error) {
      // The signal ends it, which the stream takes for an error.
      if (!signal.aborted) throw error;
    }
  }

  #take(line: string): void {
    const { object } = z.parse(eventSchema, JSON.parse(line));
    const list = object.metadata.annotations?.['kokotap.dev/endpoints'] ?? '';
    for (const [, uid = ''] of list.matchAll(/"podUid":"([^"]+)"/gu))
      if (!this.sinceMs.has(uid)) this.sinceMs.set(uid, performance.now());
  }
}

async function makeNode(objects: Objects, index: number): Promise<void> {
  const name = `scale-${index}`;
  await objects.create('/api/v1/nodes', { metadata: { name } });
  await objects.merge(`/api/v1/nodes/${name}/status`, {
    status: {
      addresses: [{ type: 'InternalIP', address: `10.1.${index >> 8}.${index & 255}` }],
      conditions: [{ type: 'Ready', status: 'True', reason: 'ByHand', message: '' }],
    },
  });
}

const madeSchema = z.object({ metadata: z.object({ uid: z.string() }) });

async function makePod(objects: Objects, { nodes, taps }: Scale, index: number): Promise<string> {
  const made = await objects.create(PODS, {
    metadata: { name: `scale-${index}`, labels: { group: `g${index % taps}` } },
    spec: { nodeName: `scale-${index % nodes}`, containers: [{ name: 'main', image: 'web' }] },
  });
  return z.parse(madeSchema, made).metadata.uid;
}

async function inParallel(count: number, work: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async () => {
    for (let index = next++; index < count; index = next++) await work(index);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

async function until(what: string, isSo: () => boolean): Promise<void> {
  const endMs = performance.now() + LONGEST_MS;
  while (!isSo()) {
    if (performance.now() > endMs) throw new Error(`it never came to this: ${what}`);
    await sleep(5);
  }
}
