import { MANAGER, TAP_UID_LABEL } from '#src/controller/model.ts';
import type { KnownVniList } from '#src/controller/vniLists.ts';
import { VNI_LIST_KEY } from '#src/controller/vniLists.ts';
import { TARGET_ANNOTATION } from '#src/pods/labels.ts';
import { tapObjectName } from '#src/pods/listPod.ts';
import type { TapResource } from '#src/spec/tapResource.ts';
import type { Endpoints } from './endpoints.ts';
import type { Change } from './planPods.ts';
import type { Settings } from './tapPods.ts';

/** The ConfigMap that says which VNI a Tap's targets have, for programs that decode VXLAN themselves. */
export interface WantedVniList {
  readonly name: string;
  readonly text: string;
  readonly manifest: object;
}

/** What the ConfigMap of a Tap should be: one line for each VNI, so that people can read it too. */
export function wantedVniList(
  { metadata }: TapResource,
  { senders }: Pick<Endpoints, 'senders'>,
  { namespace, owner }: Pick<Settings, 'namespace' | 'owner'>,
): WantedVniList {
  const lines = [...senders]
    .flatMap(([node, endpoints]) =>
      endpoints.flatMap(({ path, namespace: ofPod, pod, podUid }) =>
        path.kind === 'vxlan'
          ? [{ vni: path.vni, namespace: ofPod, pod, uid: podUid, node, source: path.local }]
          : [],
      ),
    )
    .toSorted((a, b) => a.vni - b.vni)
    .map(({ vni, ...target }) => `"${vni}": ${JSON.stringify(target)}`);
  const text = lines.length === 0 ? '{}\n' : `{\n${lines.join(',\n')}\n}\n`;
  const name = tapObjectName(metadata.name, metadata.uid, 'vnis');
  const manifest = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      name,
      namespace,
      labels: { 'app.kubernetes.io/managed-by': MANAGER, [TAP_UID_LABEL]: metadata.uid },
      annotations: { [TARGET_ANNOTATION]: `tap/${metadata.namespace}/${metadata.name}` },
      ...(owner === undefined ? {} : { ownerReferences: [owner] }),
    },
    data: { [VNI_LIST_KEY]: text },
  };
  return { name, text, manifest };
}

/** The steps from the ConfigMap that there is to the one that there should be. */
export function planVniList(wanted: WantedVniList | undefined, there: KnownVniList | undefined): Change[] {
  if (wanted === undefined)
    return there === undefined ? [] : [{ do: 'delete VNI list', name: there.name, uid: there.uid }];
  return wanted.text === there?.text
    ? []
    : [{ do: 'apply VNI list', name: wanted.name, manifest: wanted.manifest }];
}
