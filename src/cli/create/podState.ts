import * as z from 'zod/mini';

const said = z.object({ reason: z.optional(z.string()), message: z.optional(z.string()) });

/** What is looked at in a pod of a tap that starts. */
export const startingPodSchema = z.object({
  metadata: z.object({
    name: z.string(),
    namespace: z.string(),
    uid: z.string(),
    deletionTimestamp: z.optional(z.string()),
  }),
  spec: z.object({
    nodeName: z.optional(z.string()),
    containers: z.array(z.object({ image: z.optional(z.string()) })),
  }),
  status: z.optional(
    z.extend(said, {
      phase: z.optional(z.string()),
      conditions: z.optional(z.array(z.object({ type: z.string(), status: z.string() }))),
      containerStatuses: z.optional(
        z.array(
          z.object({
            state: z.optional(z.object({ waiting: z.optional(said), running: z.optional(z.unknown()) })),
            lastState: z.optional(z.object({ terminated: z.optional(said) })),
          }),
        ),
      ),
    }),
  ),
});

export type StartingPod = z.infer<typeof startingPodSchema>;

/** Where a pod of a tap stands on its way. */
export type PodState =
  | { readonly kind: 'ready' }
  /** It cannot become ready. */
  | { readonly kind: 'failed'; readonly reason: string }
  /** `knows` says who knows more of it. */
  | { readonly kind: 'waiting'; readonly reason: string; readonly knows?: 'events' | 'agent' };

/** Where a pod stands, from what the API has of it. */
export function podStateOf(pod: StartingPod | undefined): PodState {
  if (pod === undefined || pod.metadata.deletionTimestamp !== undefined)
    return { kind: 'failed', reason: 'somebody has deleted it' };
  const { status, spec } = pod;
  if (status?.phase === 'Failed' || status?.phase === 'Succeeded')
    return { kind: 'failed', reason: words(status) || `it has ended (phase ${status.phase})` };
  // The condition Ready has to wait for readiness gates, too.
  const isReady = status?.conditions?.some(
    (each) => each.type === 'ContainersReady' && each.status === 'True',
  );
  if (isReady === true) return { kind: 'ready' };
  const [container] = status?.containerStatuses ?? [];
  const image = spec.containers[0]?.image ?? '?';
  const node = spec.nodeName ?? '?';
  const { waiting, running } = container?.state ?? {};
  switch (waiting?.reason) {
    case 'ErrImageNeverPull':
      return {
        kind: 'failed',
        reason: `node ${node} does not have the image ${image}: import it there, or name one in a registry with --image`,
      };
    case 'InvalidImageName':
      return { kind: 'failed', reason: words(waiting) };
    case 'ErrImagePull':
    case 'ImagePullBackOff':
      return {
        kind: 'waiting',
        reason: `node ${node} cannot pull the image ${image}: ${waiting.message ?? ''}`,
      };
    case 'CrashLoopBackOff':
      return { kind: 'waiting', reason: `its agent ends: ${words(container?.lastState?.terminated)}` };
    case undefined:
    case 'ContainerCreating':
    case 'PodInitializing':
      if (running !== undefined)
        return { kind: 'waiting', reason: 'its agent has just started', knows: 'agent' };
      return { kind: 'waiting', reason: `node ${node} has yet to start it`, knows: 'events' };
    default:
      return { kind: 'waiting', reason: words(waiting) };
  }
}

function words(what: z.infer<typeof said> | undefined): string {
  return [what?.reason, what?.message].filter(Boolean).join(': ');
}
