import { UserError } from '#src/errors.ts';
import type { KubeApi } from '#src/kube/kubeApi.ts';
import { quote } from '../text.ts';

/** By which a namespace says what its pods may do at most. */
const LEVEL_LABEL = 'pod-security.kubernetes.io/enforce';

/** Warns where a namespace's Pod Security level will refuse a tap's pods. */
export async function warnOfPodSecurity(
  api: KubeApi,
  namespace: string,
  warn: (message: string) => void,
): Promise<void> {
  const found = await api.getNamespace(namespace).catch((error: unknown) => {
    // Whoever may not read namespaces hears it from the API server.
    if (error instanceof UserError) return undefined;
    throw error;
  });
  const level = found?.metadata.labels?.[LEVEL_LABEL] ?? 'privileged';
  if (level !== 'privileged')
    warn(
      `Namespace ${quote(namespace)} has the Pod Security level ${quote(level)}, which refuses a tap's pods: give --tap-namespace, or make a namespace for them: kubectl create namespace kokotap && kubectl label namespace kokotap ${LEVEL_LABEL}=privileged`,
    );
}
