import { UserError } from '#src/errors.ts';
import type { KubeApi } from '#src/kube/kubeApi.ts';
import { TAP_GROUP, type TapResource, tapResourceId, tapResourceSchema } from '#src/spec/tapResource.ts';
import { quote } from '../text.ts';

/** As `kokotap list` shows them: whatever looks so is no name of an object. */
const ID = /^[0-9a-f]{12}$/u;

/** What makes Taps possible. */
export const INSTALL = 'kubectl apply -f deploy/kokotap.yaml';

/** @throws {UserError} where the API server has no Taps */
export async function needResource(api: KubeApi): Promise<void> {
  if (!(await api.hasGroup(TAP_GROUP)))
    throw new UserError(
      `The cluster has no resource Tap: an administrator can install it with its controller: ${INSTALL} (see docs/taps.md)`,
    );
}

/** The Tap of a namespace; undefined: there is none, or what is asked for is an id of pods. */
export async function findTapObject(
  api: KubeApi,
  namespace: string,
  name: string,
): Promise<TapResource | undefined> {
  if (ID.test(name) || !(await api.hasGroup(TAP_GROUP))) return undefined;
  return api.get({ kind: 'taps', namespace, name }, tapResourceSchema);
}

/** By which the pods of a tap are known that is called `tap/NAME`: the id itself, or that of the Tap of this name. */
export async function idOfTap(api: KubeApi, namespace: string, name: string): Promise<string> {
  const found = await findTapObject(api, namespace, name);
  return found === undefined ? name : tapResourceId(found.metadata.uid);
}

/**
 * @param uid only the one that has it
 * @throws {UserError} where there is none
 */
export async function deleteTapObject(
  api: KubeApi,
  { namespace, name }: { readonly namespace: string; readonly name: string },
  uid?: string,
): Promise<void> {
  const wasThere = await api.delete({ kind: 'taps', namespace, name }, uid);
  if (!wasThere && uid === undefined)
    throw new UserError(`There is no Tap ${quote(name)} in namespace ${quote(namespace)} any more`);
}
