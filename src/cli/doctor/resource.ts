import * as z from 'zod/mini';
import { UserError } from '#src/errors.ts';
import { ForbiddenError } from '#src/kube/failures.ts';
import type { KubeApi } from '#src/kube/kubeApi.ts';
import { TAP_GROUP } from '#src/spec/tapResource.ts';
import { OWN_NAMESPACE } from '../podsNamespace.ts';
import { INSTALL } from '../taps/tapObjects.ts';
import { quote } from '../text.ts';
import { type Finding, ok, warn } from './finding.ts';

const LABELS = 'app.kubernetes.io/name=kokotap-controller';
const deployments = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ name: z.string(), namespace: z.string() }),
      status: z.optional(z.object({ readyReplicas: z.optional(z.int()) })),
    }),
  ),
});

/** Whether Taps that the cluster keeps are possible. A tap of the command line needs none of it. */
export async function checkResource(api: KubeApi): Promise<readonly Finding[]> {
  try {
    if (!(await api.hasGroup(TAP_GROUP)))
      return [
        ok(
          'KT0701',
          `The resource Tap is not installed: kokotap create --persistent needs it, and nothing else; see: ${INSTALL}`,
        ),
      ];
    return [ok('KT0701', 'The resource Tap is installed'), await checkController(api)];
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return [warn('KT0702', `Whether the controller of Taps runs is not known: ${error.message}`)];
  }
}

async function checkController(api: KubeApi): Promise<Finding> {
  const list = async (namespace: string | undefined) =>
    (await api.get({ kind: 'deployments', namespace, labelSelector: LABELS }, deployments))?.items ?? [];
  const found = await list(undefined).catch((error: unknown) => {
    if (error instanceof ForbiddenError) return list(OWN_NAMESPACE);
    throw error;
  });
  const [first] = found;
  if (first === undefined) return warn('KT0702', 'There is no controller: nobody acts on Taps', INSTALL);
  const running = found.find(({ status }) => (status?.readyReplicas ?? 0) > 0);
  const { name, namespace } = (running ?? first).metadata;
  if (running !== undefined)
    return ok('KT0702', `The controller of Taps runs in namespace ${quote(namespace)}`);
  return warn(
    'KT0702',
    `The controller of Taps does not run: those that are there go on, and none is changed`,
    `kubectl describe deployment -n ${namespace} ${name}`,
  );
}
