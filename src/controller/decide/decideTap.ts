import type { KnownNode, TapPod, TargetPod } from '#src/controller/model.ts';
import type { KnownVniList } from '#src/controller/vniLists.ts';
import { parseAddress } from '#src/spec/address.ts';
import { secondsOf, specProblem, type TapResource, type TapStatus } from '#src/spec/tapResource.ts';
import { freeVni } from '#src/spec/vni.ts';
import { type Destination, type Endpoints, endpointsOf } from './endpoints.ts';
import { type Change, planPods } from './planPods.ts';
import { type Findings, statusOf } from './status.ts';
import { type Settings, wantedPods } from './tapPods.ts';
import { selectTargets } from './targets.ts';
import { planVniList, wantedVniList } from './vniList.ts';

/** What a decision about one Tap is made of. */
export interface View {
  readonly tap: TapResource;
  /** Of the Tap's namespace. */
  readonly pods: readonly TargetPod[];
  readonly nodes: ReadonlyMap<string, KnownNode>;
  /** Those of this Tap. */
  readonly tapPods: readonly TapPod[];
  /** The ConfigMap of this Tap. */
  readonly vniList: KnownVniList | undefined;
  /** Whether another endpoint of the cluster has a VNI, or is just being given it. */
  readonly isVniTaken: (vni: number, endpointId: string) => boolean;
  /** What the compiler says of the filter; undefined: it is possible. */
  readonly filterProblem: string | undefined;
  readonly nowMs: number;
  readonly settings: Settings;
}

export interface Decision {
  readonly changes: readonly Change[];
  /** Undefined: nothing is to be said of the Tap. */
  readonly status: TapStatus | undefined;
  /** The VNIs of the Tap's endpoints, which nobody else must be given. */
  readonly vnis: ReadonlyMap<string, number>;
  /** When to decide again although nothing has changed, in milliseconds from now. */
  readonly againInMs: number | undefined;
}

const NO_VNIS: ReadonlyMap<string, number> = new Map();

/**
 * What to change so that the pods of a Tap are what they should be, and what to say of it. It depends on nothing but the view:
 * what is remembered is in the annotations of the Tap's pods.
 */
export function decideTap(view: View): Decision {
  const { tap, tapPods, vniList, nowMs, filterProblem } = view;
  const { spec, metadata } = tap;
  const settled = (findings: Findings, changes: readonly Change[], againInMs?: number): Decision => ({
    changes,
    status: statusOf(tap, findings, nowMs),
    vnis: NO_VNIS,
    againInMs,
  });
  if (metadata.deletionTimestamp !== undefined)
    return { changes: removal(tapPods, vniList), status: undefined, vnis: NO_VNIS, againInMs: undefined };
  const problem = specProblem(spec) ?? filterProblem;
  // What runs goes on as it was: whoever edits a Tap wrongly loses no packets by it.
  if (problem !== undefined) return settled({ kind: 'not accepted', problem }, []);
  const endMs = endOf(tap);
  if (endMs !== undefined && nowMs >= endMs) return finished(view, endMs, settled);
  const destination = destinationOf(view);
  const targets = selectTargets(spec.targets, others(view), view.nodes);
  if (destination === undefined)
    return settled({ kind: 'no destination', targets, endMs }, removal(tapPods, vniList));
  const endpoints = endpointsOf(tap, targets.usable, destination, vniGiver(view), view.settings.namespace);
  const secondsLeft = endMs === undefined ? undefined : Math.ceil((endMs - nowMs) / 1000);
  const wanted = wantedPods(
    tap,
    withLingering(endpoints, tapPods),
    view.nodes,
    destination,
    view.settings,
    secondsLeft,
  );
  const { changes, againInMs } = planPods(wanted, tapPods, destination, nowMs);
  const list = wantedVniList(tap, endpoints, view.settings);
  const findings = {
    kind: 'running',
    targets,
    endpoints,
    destination,
    wanted,
    vniConfigMap: list.name,
    tapPods,
    endMs,
  } as const;
  return {
    changes: [...changes, ...planVniList(list, vniList)],
    status: statusOf(tap, findings, nowMs),
    vnis: endpoints.vnis,
    againInMs: least([againInMs, endMs === undefined ? undefined : endMs - nowMs]),
  };
}

/** Also of what a Tap has that is not there any more. */
export function removal(tapPods: readonly TapPod[], vniList: KnownVniList | undefined): Change[] {
  const pods = tapPods.filter(({ isEnding }) => !isEnding);
  return [
    ...pods.map(({ name, uid }) => ({ do: 'delete', name, uid }) as const),
    ...planVniList(undefined, vniList),
  ];
}

function finished(
  { tap, tapPods, vniList, nowMs }: View,
  endMs: number,
  settled: (findings: Findings, changes: readonly Change[], againInMs?: number) => Decision,
): Decision {
  const { ttlSecondsAfterFinished: ttl } = tap.spec;
  const goneMs = ttl === undefined ? undefined : endMs + ttl * 1000;
  const changes = removal(tapPods, vniList);
  if (goneMs !== undefined && nowMs >= goneMs && tapPods.length === 0)
    return settled({ kind: 'complete', endMs }, [{ do: 'delete tap', uid: tap.metadata.uid }]);
  return settled(
    { kind: 'complete', endMs },
    changes,
    goneMs === undefined ? undefined : Math.max(1000, goneMs - nowMs),
  );
}

function endOf({ spec, metadata }: TapResource): number | undefined {
  const seconds = secondsOf(spec);
  return seconds === undefined ? undefined : Date.parse(metadata.creationTimestamp) + seconds * 1000;
}

/** The pods of the namespace without the one that the copies go to. */
function others({ tap, pods }: View): TargetPod[] {
  const tool = tap.spec.destination.podRef?.name;
  return pods.filter(({ name }) => name !== tool);
}

/** Undefined: there is none, or none that can have a mirror interface now. */
function destinationOf({ tap, nodes, pods }: View): Destination | undefined {
  const { nodeName, address, podRef } = tap.spec.destination;
  if (address !== undefined) {
    const parsed = parseAddress(address);
    return parsed && { address: parsed };
  }
  const pod = podRef && pods.find(({ name }) => name === podRef.name);
  if (podRef !== undefined && (pod === undefined || pod.hasEnded || pod.hostNetwork)) return undefined;
  const node = nodes.get(nodeName ?? pod?.node ?? '');
  return node && { node, pod };
}

/** The VNI that an endpoint has in the list of any of the Tap's pods, unless somebody else has it; else a free one. */
function vniGiver({ tapPods, isVniTaken }: View): (endpointId: string) => number {
  const own = new Map(tapPods.flatMap(({ vnis }) => [...vnis]));
  const given = new Set<number>();
  return (endpointId) => {
    const isTaken = (vni: number) => given.has(vni) || isVniTaken(vni, endpointId);
    const before = own.get(endpointId);
    const vni = before === undefined || isTaken(before) ? freeVni(endpointId, isTaken) : before;
    given.add(vni);
    return vni;
  };
}

/** Senders whose last target has just gone stay for a while, with an empty list: its successor may come to the same node. */
function withLingering(
  endpoints: Endpoints,
  tapPods: readonly TapPod[],
): Pick<Endpoints, 'senders' | 'receivers'> {
  const senders = new Map(endpoints.senders);
  for (const { role, node, isEnding, hasEnded } of tapPods)
    if (role === 'sender' && !isEnding && !hasEnded && !senders.has(node)) senders.set(node, []);
  return { senders, receivers: endpoints.receivers };
}

function least(times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}
