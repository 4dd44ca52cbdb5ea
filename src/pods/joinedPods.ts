import type { EndpointDocument } from '#src/spec/endpoint.ts';
import type { Tap } from '#src/spec/tap.ts';
import { hexDigest, identityOf, tapId } from '#src/spec/tapId.ts';
import { VERSION } from '#src/version.ts';
import type { AppArmorForm } from './appArmor.ts';
import { annotations, labels, targetText } from './labels.ts';
import { listPod, tapObjectName } from './listPod.ts';
import { endpointsOf, type PodManifest, type Whereabouts } from './manifests.ts';

/** A target of a tap of several. */
export interface TapMember {
  /** The same for all but the target. */
  readonly tap: Tap;
  readonly whereabouts: Whereabouts;
}

/** The id of a tap of several targets, which is none of their endpoints'. */
export function joinedTapId(members: readonly TapMember[]): string {
  const ids = members.map(({ tap }) => tapId(identityOf(tap)));
  return hexDigest(['joined', ...ids.toSorted()].join('/'), 12);
}

/**
 * The pods of a tap of several targets: a sender on each of their nodes, and a receiver unless the destination is outside the
 * cluster. A node has one metrics port: where both are on one, the sender has it.
 */
export function joinedPods(members: readonly [TapMember, ...TapMember[]]): PodManifest[] {
  const [{ tap, whereabouts }] = members;
  const { destination } = whereabouts;
  const id = joinedTapId(members);
  const identity = identityOf(tap);
  const targets = members.map((each) => targetText(identityOf(each.tap)));
  const byNode = Map.groupBy(members, (each) => each.whereabouts.podNode);
  const isShared = destination !== undefined && byNode.has(destination.node);
  const pod = (
    role: 'sender' | 'receiver',
    nodeName: string,
    appArmor: AppArmorForm,
    endpoints: readonly EndpointDocument[],
  ): PodManifest =>
    listPod(tap, {
      role,
      nodeName,
      appArmor,
      entersPods: role === 'sender' || destination?.podUid !== undefined,
      endpoints,
      metadata: {
        name: tapObjectName(tap.pod, id, role, nodeName),
        namespace: identity.tapNamespace,
        labels: labels({ tapId: id, role, version: VERSION, vni: undefined }),
        annotations: annotations(targets, identity),
      },
    });
  const ends = new Map(
    members.map((each) => [
      each,
      // What goes to an address outside meets nowhere.
      endpointsOf(each.tap, each.whereabouts, destination === undefined ? undefined : true),
    ]),
  );
  const senders = [...byNode].map(([node, there]) => {
    const appArmor = there[0]?.whereabouts.appArmor ?? whereabouts.appArmor;
    const endpoints = there.flatMap((each) => ends.get(each)?.sender ?? []);
    return pod('sender', node, appArmor, endpoints);
  });
  if (destination === undefined) return senders;
  const received = [...ends.values()].flatMap(({ receiver }) =>
    receiver === undefined ? [] : [isShared ? { ...receiver, metricsPort: undefined } : receiver],
  );
  return [...senders, pod('receiver', destination.node, destination.appArmor, received)];
}
