import { UserError } from '#src/errors.ts';
import { ForbiddenError } from '#src/kube/failures.ts';
import type { KubeApi } from '#src/kube/kubeApi.ts';
import { TAP_LABEL, TAP_SELECTOR, VNI_LABEL } from '#src/pods/labels.ts';
import { chooseVni, type NumberedTap } from '#src/spec/vni.ts';

/**
 * A VNI for the tap that no other tap in the cluster has.
 *
 * @throws {UserError} if the taps cannot be listed.
 */
export async function vniFromCluster(api: KubeApi, tapId: string): Promise<number> {
  return chooseVni(tapId, await numberedTaps(api));
}

async function numberedTaps(api: KubeApi): Promise<NumberedTap[]> {
  try {
    const pods = await api.list({ kind: 'pods', labelSelector: TAP_SELECTOR });
    return pods.flatMap(({ labels = {} }) => {
      const vni = Number(labels[VNI_LABEL]);
      return vni > 0 ? [{ tapId: labels[TAP_LABEL] ?? '', vni }] : [];
    });
  } catch (error) {
    if (!(error instanceof ForbiddenError)) throw error;
    throw new UserError(`${error.message}; or give --vxlan-id, then taps need not be listed`, {
      cause: error,
    });
  }
}
