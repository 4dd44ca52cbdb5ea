import { UserError } from '#src/errors.ts';
import type { KubeApi } from '#src/kube/kubeApi.ts';
import type { TapPod } from '#src/kube/schemas.ts';
import { DESTINATION_ANNOTATION, TAP_LABEL } from '#src/pods/labels.ts';
import { senderName } from '#src/spec/names.ts';
import { tapId, type TapIdentity } from '#src/spec/tapId.ts';
import type { Target } from './checkTarget.ts';
import { quote } from './text.ts';

/**
 * A plain sender's name does not say the destination, so it can be that of the pod's tap to another one. Neither
 * creating nor deleting this tap may touch that.
 *
 * @returns the sender of this tap, if it is there.
 * @throws {UserError} if another tap has the name, or who has it cannot be asked or may not be seen.
 */
export async function refuseTakenName(api: KubeApi, identity: TapIdentity): Promise<TapPod | undefined> {
  const name = senderName(identity);
  const pod = await api.getTapPod(identity.tapNamespace, name);
  if (pod === undefined || pod.metadata.labels?.[TAP_LABEL] === tapId(identity)) return pod;
  const destination = pod.metadata.annotations?.[DESTINATION_ANNOTATION];
  const owner = destination === undefined ? 'is not a tap' : `is of the tap to ${destination}`;
  throw new UserError(
    `Pod ${quote(name)} in namespace ${quote(identity.tapNamespace)} ${owner}: delete it first, or give this tap another --ifname`,
  );
}

/** Whether a sender was made for another pod than the one of that UID: one made anew has the name only. */
export function isOfEarlierPod({ spec }: TapPod, { uid }: Pick<Target, 'uid'>): boolean {
  const uids = spec.containers.flatMap(({ args }) => /"podUid":"([^"]*)"/u.exec(args?.[1] ?? '')?.[1] ?? []);
  return uids.some((tapped) => tapped !== uid);
}

/** Like {@link isOfEarlierPod}, of a receiver and the destination pod. */
export function isOfEarlierDestination({ spec }: TapPod, { uid }: Pick<Target, 'uid'>): boolean {
  const uids = spec.containers.flatMap(
    ({ args }) => /"destinationPod":\{"uid":"([^"]*)"/u.exec(args?.[1] ?? '')?.[1] ?? [],
  );
  return uids.some((given) => given !== uid);
}
