import { UserError } from '#src/errors.ts';
import { ForbiddenError } from '#src/kube/failures.ts';
import type { KubeApi } from '#src/kube/kubeApi.ts';
import { heldEndpoints } from '#src/pods/heldEndpoints.ts';
import { TAP_SELECTOR } from '#src/pods/labels.ts';
import { chooseVni, chooseVniOf, type NumberedTap, type VniRange } from '#src/spec/vni.ts';

/** A pod of a tap, by which people find that. */
interface NumberedPod extends NumberedTap {
  readonly pod: string;
}

const MAX_LISTED = 5;

/**
 * A VNI for the tap that no other tap in the cluster has.
 *
 * @param range where the VNI has to be; undefined: any.
 * @param planned taps that are about to be made.
 * @throws {UserError} if the taps cannot be listed, or have all of the range.
 */
export async function vniFromCluster(
  api: KubeApi,
  tapId: string,
  {
    range,
    planned = [],
  }: { readonly range?: VniRange | undefined; readonly planned?: readonly NumberedTap[] },
): Promise<number> {
  const pods = await numberedPods(api, range);
  const taps = [...pods, ...planned];
  if (range === undefined) return chooseVni(tapId, taps);
  const vni = chooseVniOf(range, tapId, taps);
  if (vni === undefined) throw new UserError(noneFree(range, pods));
  return vni;
}

function noneFree({ first, last }: VniRange, pods: readonly NumberedPod[]): string {
  const byVni = new Map(pods.map(({ vni, pod }) => [vni, pod]));
  const taken = [...byVni].filter(([vni]) => vni >= first && vni <= last).toSorted(([a], [b]) => a - b);
  const listed = taken.slice(0, MAX_LISTED).map(([vni, pod]) => `${vni} by pod ${pod}`);
  const more = taken.length > MAX_LISTED ? ` and ${taken.length - MAX_LISTED} more` : '';
  return `--vxlan-id ${first}-${last} has no VNI that is free: ${listed.join(', ')}${more}; give a wider range, or remove taps`;
}

async function numberedPods(api: KubeApi, range: VniRange | undefined): Promise<NumberedPod[]> {
  try {
    const pods = await api.list({ kind: 'pods', labelSelector: TAP_SELECTOR });
    return pods.flatMap((pod) =>
      heldEndpoints(pod).flatMap(({ id: tapId, vni }) =>
        vni === undefined ? [] : [{ tapId, vni, pod: `${pod.namespace}/${pod.name}` }],
      ),
    );
  } catch (error) {
    if (!(error instanceof ForbiddenError)) throw error;
    const flag = range === undefined ? '--vxlan-id' : 'one VNI with --vxlan-id';
    throw new UserError(`${error.message}; or give ${flag}, then taps need not be listed`, {
      cause: error,
    });
  }
}
