import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod/mini';
import type { Objects } from '#src/controller/api/objects.ts';

const podList = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ name: z.string(), deletionTimestamp: z.optional(z.string()) }),
      spec: z.object({ containers: z.array(z.object({ name: z.string(), image: z.string() })) }),
      status: z.object({ phase: z.string() }),
    }),
  ),
});

const LOOK_MS = 100;

/** Does to the pods of a namespace what kubelets do, as far as the API shows it: they become Ready, and go when they are deleted. */
export async function actAsKubelets(objects: Objects, namespace: string, signal: AbortSignal): Promise<void> {
  const pods = `/api/v1/namespaces/${namespace}/pods`;
  while (!signal.aborted) {
    const { items } = z.parse(podList, (await objects.get(pods)) ?? { items: [] });
    await Promise.all(
      items.map(async ({ metadata: { name, deletionTimestamp }, spec, status }) => {
        if (deletionTimestamp !== undefined)
          await objects.client.ask({
            method: 'DELETE',
            path: `${pods}/${name}?gracePeriodSeconds=0`,
            accept: 'application/json',
          });
        else if (status.phase === 'Pending') await objects.merge(`${pods}/${name}/status`, running(spec));
      }),
    );
    await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined);
  }
}

function running({ containers }: z.infer<typeof podList>['items'][number]['spec']): object {
  const startedAt = new Date().toISOString();
  return {
    status: {
      phase: 'Running',
      conditions: [{ type: 'Ready', status: 'True' }],
      containerStatuses: containers.map(({ name, image }) => ({
        name,
        image,
        imageID: image,
        ready: true,
        restartCount: 0,
        state: { running: { startedAt } },
      })),
    },
  };
}
