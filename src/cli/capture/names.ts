import { ForbiddenError } from '#src/kube/failures.ts';
import type { KubeApi } from '#src/kube/kubeApi.ts';
import type { Name } from '#src/pcapng/blocks.ts';
import { serviceListSchema } from '../targets/schemas.ts';
import type { Selected } from '../targets/selection.ts';

/** What the addresses of the selected pods, and of the Services beside them, are called. */
export async function namesOf(api: KubeApi, selected: readonly Selected[]): Promise<Name[]> {
  const pods = selected.flatMap(({ pod }) => {
    if (pod === undefined || pod.spec.hostNetwork === true) return [];
    const { name, namespace } = pod.metadata;
    return (pod.status?.podIPs ?? []).map(({ ip }) => ({ address: ip, names: [`${name}.${namespace}`] }));
  });
  const namespaces = new Set(selected.flatMap(({ pod }) => pod?.metadata.namespace ?? []));
  const services = await Promise.all([...namespaces].map((namespace) => servicesOf(api, namespace)));
  return [...pods, ...services.flat()];
}

/** Whoever may not see them does without their names. */
async function servicesOf(api: KubeApi, namespace: string): Promise<Name[]> {
  try {
    const list = await api.get({ kind: 'services', namespace }, serviceListSchema);
    return (list?.items ?? []).flatMap(({ metadata, spec }) =>
      (spec.clusterIPs ?? []).map((address) => ({ address, names: [`${metadata.name}.${namespace}.svc`] })),
    );
  } catch (error) {
    if (error instanceof ForbiddenError) return [];
    throw error;
  }
}
