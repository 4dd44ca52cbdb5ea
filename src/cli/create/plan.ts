import { UserError } from '#src/errors.ts';
import type { KubeApi } from '#src/kube/kubeApi.ts';
import { joinedPods, joinedTapId, type TapMember } from '#src/pods/joinedPods.ts';
import { destinationText, targetText } from '#src/pods/labels.ts';
import { manifests, type PodManifest, type Whereabouts } from '#src/pods/manifests.ts';
import type { Tap } from '#src/spec/tap.ts';
import { identityOf, tapId } from '#src/spec/tapId.ts';
import type { NumberedTap } from '#src/spec/vni.ts';
import { checkFilter } from '../filterCheck.ts';
import { MissingError } from '../missing.ts';
import { resolveTap } from '../resolveTap.ts';
import type { Surroundings } from '../surroundings.ts';
import { UnresolvedError } from '../unresolvedError.ts';
import { inOwnWords } from './inOwnWords.ts';
import type { CreateOptions } from './options.ts';
import type { TargetName } from './targets.ts';
import { freeName, type TapThere, tapsThere } from './tapsThere.ts';

/** A tap that is about to be made. */
export interface PlannedTap {
  readonly id: string;
  readonly mirrorInterface: string;
  readonly vxlanPort: number;
  readonly targets: readonly PlannedTarget[];
  /** As `node/NAME`, `pod/NAMESPACE/NAME` or `ip/ADDRESS`. */
  readonly destination: string;
  readonly pods: readonly PodManifest[];
}

interface PlannedTarget {
  /** As `pod/NAMESPACE/NAME` or `node/NAME`. */
  readonly name: string;
  readonly vni: number | undefined;
}

interface Place {
  readonly namespace: string;
  readonly targets: readonly TargetName[];
  /** Of the taps' pods. */
  readonly tapNamespace: string;
}

/**
 * The tap of the targets, but those that are tapped already. Of several targets, those that cannot be tapped are left out with a
 * warning.
 *
 * @throws {UserError} when there is nothing left to make
 */
export async function planTap(
  { settings, namesMirror }: Pick<CreateOptions, 'settings' | 'namesMirror'>,
  { namespace, targets, tapNamespace }: Place,
  api: KubeApi,
  surroundings: Surroundings,
): Promise<PlannedTap> {
  const warn = (message: string) => surroundings.warn(inOwnWords(message));
  await checkFilter(settings.filter, surroundings);
  if (targets.length > 1 && typeof settings.vni === 'number')
    throw new UserError(
      `--vxlan-id ${settings.vni} is one VNI, and the ${targets.length} targets need one each: give a range such as ${settings.vni}-${settings.vni + targets.length - 1}, or leave it out`,
    );
  const wanted = targets.map((name): Tap => ({ ...settings, ...name, namespace, tapNamespace }));
  const there = await tapsThere(api, tapNamespace);
  const mirrorInterface = namesMirror ? settings.mirrorInterface : freeMirror(wanted, there);
  const resolved: TapMember[] = [];
  for (const each of wanted) {
    const tap = { ...each, mirrorInterface };
    try {
      refuseTapped(tap, there, namesMirror);
      const whereabouts = await resolveTap(api, tap, warn, resolved.flatMap(numbered));
      resolved.push({ tap, whereabouts });
    } catch (error) {
      const told = error instanceof MissingError ? await error.explained() : error;
      if (!(told instanceof UnresolvedError)) throw told;
      if (targets.length === 1) throw new UnresolvedError(inOwnWords(told.message), { cause: told });
      warn(told.message);
    }
  }
  const [first, ...others] = resolved;
  if (first === undefined) throw new UserError('There is nothing to make: none of the targets can be tapped');
  return plan([first, ...others]);
}

/** @throws {UnresolvedError} for a tap that is there already */
function refuseTapped(tap: Tap, there: readonly TapThere[], namesMirror: boolean): void {
  const identity = identityOf(tap);
  const [target, destination] = [targetText(identity), destinationText(identity)];
  const same = there.find(
    (each) =>
      each.targets.includes(target) &&
      each.destination === destination &&
      (!namesMirror || each.endpointIds.includes(tapId(identity))),
  );
  if (same !== undefined)
    throw new UnresolvedError(
      `${target} is tapped to ${destination} already: see kokotap status -n ${identity.tapNamespace} tap/${same.id}`,
    );
}

/** A name for the mirror interface that no other tap has at the same destination, or at one of the targets. */
function freeMirror(wanted: readonly Tap[], there: readonly TapThere[]): string {
  const identities = wanted.map(identityOf);
  const targets = new Set(identities.map(targetText));
  const destinations = new Set<string | undefined>(identities.map(destinationText));
  const near = there.filter(
    (tap) => tap.targets.some((target) => targets.has(target)) || destinations.has(tap.destination),
  );
  return freeName(wanted[0]?.mirrorInterface ?? '', new Set(near.flatMap(({ mirror }) => mirror ?? [])));
}

function plan(members: readonly [TapMember, ...TapMember[]]): PlannedTap {
  const [{ tap, whereabouts }] = members;
  const { mirrorInterface, vxlanPort } = tap;
  const identity = identityOf(tap);
  const isOne = members.length === 1;
  return {
    id: isOne ? tapId(identity) : joinedTapId(members),
    mirrorInterface,
    vxlanPort,
    targets: members.map((each) => ({
      name: targetText(identityOf(each.tap)),
      vni: vniOf(each.whereabouts),
    })),
    destination: destinationText(identity),
    pods: isOne ? manifests(tap, whereabouts) : joinedPods(members),
  };
}

function numbered({ tap, whereabouts }: TapMember): NumberedTap[] {
  const vni = vniOf(whereabouts);
  return vni === undefined ? [] : [{ tapId: tapId(identityOf(tap)), vni }];
}

function vniOf({ path }: Whereabouts): number | undefined {
  return path.kind === 'vxlan' ? path.vni : undefined;
}
