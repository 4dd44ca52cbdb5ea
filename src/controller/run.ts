import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import * as z from 'zod/mini';
import { messageOf } from '#src/errors.ts';
import type { ApiClient } from '#src/kube/client.ts';
import { TAP_GROUP, TAP_VERSION, tapResourceSchema } from '#src/spec/tapResource.ts';
import { Informer } from './api/informer.ts';
import { Objects } from './api/objects.ts';
import { FilterProblems } from './filterProblems.ts';
import { Election, ELECTION_TIMES } from './lease.ts';
import { readCertificate, selfSigned } from './metrics/certificate.ts';
import { Metrics } from './metrics/metrics.ts';
import { Reviews } from './metrics/reviews.ts';
import { METRICS_PATH, serveMetrics } from './metrics/serve.ts';
import { readNode, readPod } from './model.ts';
import type { ControllerOptions } from './options.ts';
import { Queue } from './queue.ts';
import { Reconciler } from './reconciler.ts';
import { serveProbes } from './serve.ts';
import { readVniList } from './vniLists.ts';
import { World } from './world.ts';

/** Taps that are worked on at a time: each waits for the API server mostly. */
const MOST_AT_ONCE = 8;
/** So often all Taps are looked at anew, and pods whose Tap is gone. */
const SWEEP_MS = 600_000;
/** Without a word from the API server for so long the process is not healthy: a new one may do better. */
const DEAF_MS = 900_000;

/**
 * Keeps the pods of all Taps until the signal comes, or another process leads.
 *
 * @returns whether it ended as it should: by the signal
 */
export async function runController(
  client: ApiClient,
  options: ControllerOptions,
  log: Logger,
  signal: AbortSignal,
): Promise<boolean> {
  const metrics = new Metrics();
  const objects = new Objects(client, metrics.onRequest);
  const queue: Queue = new Queue(
    MOST_AT_ONCE,
    (tapUid) => metrics.timed(() => reconciler.reconcile(tapUid)),
    (tapUid, error, delayMs) =>
      log.error({ tapUid, delayMs, error: messageOf(error) }, 'cannot do it: tries again'),
  );
  const world = new World((tapUid) => queue.add(tapUid));
  const election = electionOf(options, objects, log);
  const informers = informersOf(world, client, options.namespace, log);
  const { namespace, image, imagePullSecret } = options;
  const reconciler = new Reconciler({
    world,
    objects,
    filters: new FilterProblems(log),
    settings: {
      namespace,
      image,
      imagePullSecret,
      requests: {},
      limits: {},
      owner: await ownerOf(objects, options),
    },
    log,
    onPod: (object) => informers.pods.put(object),
    onTap: (object) => informers.taps.put(object),
    onVniList: (object) => informers.vniLists.put(object),
    mayWrite: () => election.isHeld,
    later: (tapUid, delayMs) => queue.addLater(tapUid, delayMs),
  });
  const all = [informers.nodes, informers.pods, informers.taps, informers.vniLists];
  const ending = new AbortController();
  const until = AbortSignal.any([signal, ending.signal]);
  await serveProbes(
    options.port,
    {
      health: () =>
        all.some(({ isSynced, lastHeardMs }) => isSynced && performance.now() - lastHeardMs > DEAF_MS)
          ? 'the API server has not been heard for long'
          : undefined,
      readiness: () =>
        all.every(({ isSynced }) => isSynced) ? undefined : 'the objects are still being listed',
    },
    log,
    until,
  );
  metrics.show({
    taps: () => world.taps,
    queueDepth: () => queue.depth,
    isLeader: () => election.isHeld,
  });
  await offer(metrics, options, objects, log, until);
  const watching = Promise.all(all.map((informer) => informer.run(until)));
  await lead(election, options.identity, log, until, async () => {
    await Promise.race([Promise.all(all.map(({ synced }) => synced)), aborted(until)]);
    if (until.aborted) return;
    log.info({ pods: informers.pods.size, taps: informers.taps.size }, 'knows the cluster');
    world.touchAll();
    queue.open();
    void sweepUntil(world, until);
  });
  queue.close();
  ending.abort();
  await watching;
  return signal.aborted;
}

async function offer(
  { registry }: Metrics,
  { metricsPort, metricsCertificate }: ControllerOptions,
  objects: Objects,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  if (metricsPort === undefined) return;
  const certificate =
    metricsCertificate === undefined
      ? selfSigned('kokotap-controller')
      : await readCertificate(metricsCertificate);
  const reviews = new Reviews(objects, METRICS_PATH);
  await serveMetrics(metricsPort, registry, reviews, certificate, log, signal);
}

function electionOf(
  { namespace, identity, electionMs }: ControllerOptions,
  objects: Objects,
  log: Logger,
): Election {
  const { leaseMs, renewWithinMs, retryMs } = ELECTION_TIMES;
  const times = {
    leaseMs: (leaseMs * electionMs) / 1000,
    renewWithinMs: (renewWithinMs * electionMs) / 1000,
    retryMs: (retryMs * electionMs) / 1000,
  };
  return new Election(objects, namespace, identity, times, log);
}

/** Does the work while this process leads. */
async function lead(
  election: Election,
  identity: string,
  log: Logger,
  signal: AbortSignal,
  begin: () => Promise<void>,
): Promise<void> {
  await election.win(signal);
  if (signal.aborted) return;
  log.info({ identity }, 'leads');
  const keeping = election.keep(signal);
  await Promise.race([begin(), keeping]);
  await keeping;
  if (!signal.aborted) {
    log.error('the lease is lost: another process leads');
    return;
  }
  await election.release().catch((error: unknown) => {
    log.warn({ error: messageOf(error) }, 'cannot release the lease: it expires');
  });
}

function informersOf(world: World, client: ApiClient, ownNamespace: string, log: Logger) {
  const nodes = new Informer(
    {
      plural: 'nodes',
      path: '/api/v1/nodes',
      read: readNode,
      onChange: (before, now) => world.changeNode(before, now),
    },
    client,
    log,
  );
  const pods = new Informer(
    {
      plural: 'pods',
      path: '/api/v1/pods',
      read: (object) => readPod(object, ownNamespace),
      onChange: (before, now) => world.changePod(before, now),
    },
    client,
    log,
  );
  const taps = new Informer(
    {
      plural: 'taps',
      path: `/apis/${TAP_GROUP}/${TAP_VERSION}/taps`,
      read: (object) => tapResourceSchema.safeParse(object).data,
      onChange: (before, now) => world.changeTap((now ?? before)?.metadata.uid ?? '', now),
    },
    client,
    log,
  );
  const vniLists = new Informer(
    {
      plural: 'configmaps',
      path: `/api/v1/namespaces/${ownNamespace}/configmaps`,
      read: readVniList,
      onChange: (before, now) => world.changeVniList(before, now),
    },
    client,
    log,
  );
  return { nodes, pods, taps, vniLists };
}

const deploymentSchema = z.object({ metadata: z.object({ uid: z.string() }) });

/** What the pods of the taps go with: the controller's own Deployment. */
async function ownerOf(
  objects: Objects,
  { namespace, deployment }: ControllerOptions,
): Promise<object | undefined> {
  if (deployment === undefined) return undefined;
  const found = await objects.get(`/apis/apps/v1/namespaces/${namespace}/deployments/${deployment}`);
  const { uid } = z.parse(deploymentSchema, found).metadata;
  return { apiVersion: 'apps/v1', kind: 'Deployment', name: deployment, uid, controller: true };
}

async function sweepUntil(world: World, signal: AbortSignal): Promise<void> {
  for (;;) {
    await sleep(SWEEP_MS, undefined, { signal }).catch(() => {});
    if (signal.aborted) return;
    world.touchAll();
  }
}

async function aborted(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (signal.aborted) resolve();
  signal.addEventListener('abort', () => resolve(), { once: true });
  return promise;
}
