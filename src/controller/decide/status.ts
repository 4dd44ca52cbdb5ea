import type { TapPod } from '#src/controller/model.ts';
import { MOST_FAILING, type TapCondition, type TapResource, type TapStatus } from '#src/spec/tapResource.ts';
import type { Destination, Endpoints } from './endpoints.ts';
import type { WantedPod } from './tapPods.ts';
import type { Failing, Targets } from './targets.ts';

/** What a status is made of. */
export type Findings =
  | { readonly kind: 'not accepted'; readonly problem: string }
  | { readonly kind: 'no destination'; readonly targets: Targets; readonly endMs: number | undefined }
  | { readonly kind: 'complete'; readonly endMs: number }
  | {
      readonly kind: 'running';
      readonly targets: Targets;
      readonly endpoints: Endpoints;
      readonly destination: Destination;
      readonly wanted: readonly WantedPod[];
      /** The name of the ConfigMap. */
      readonly vniConfigMap: string;
      readonly tapPods: readonly TapPod[];
      readonly endMs: number | undefined;
    };

type Verdict = Pick<TapCondition, 'status' | 'reason' | 'message'>;

/** The status of a Tap. What it says is told of the Tap's generation; times are those of changes. */
export function statusOf(tap: TapResource, findings: Findings, nowMs: number): TapStatus {
  const { targets, failing, ready } = progressOf(findings);
  const endMs = 'endMs' in findings ? findings.endMs : undefined;
  const conditions: [string, Verdict][] = [
    ['Accepted', acceptedOf(findings)],
    ['Ready', ready],
    ['Complete', completeOf(findings)],
  ];
  const { generation } = tap.metadata;
  return {
    observedGeneration: generation,
    conditions: conditions.map(([type, verdict]) =>
      conditionOf(type, verdict, tap.status.conditions, generation, nowMs),
    ),
    targets,
    destination: destinationText(tap.spec.destination),
    ...('vniConfigMap' in findings ? { vniConfigMap: findings.vniConfigMap } : {}),
    ...(endMs === undefined ? {} : { endsAt: new Date(endMs).toISOString().replace(/\.\d+/u, '') }),
    ...(failing.length === 0 ? {} : { failing: failing.slice(0, MOST_FAILING) }),
  };
}

/**
 * The status of a Tap some of whose pods the API server refuses to make.
 *
 * @param refused why, by the names of the pods
 */
export function withRefusals(status: TapStatus, refused: ReadonlyMap<string, string>): TapStatus {
  const [first] = refused;
  if (first === undefined) return status;
  const reason = 'PodRefused';
  const others = (status.failing ?? []).filter(({ pod }) => !refused.has(pod ?? ''));
  const failing = [...refused].map(([pod, message]) => ({ pod, reason, message }));
  const why = `${status.targets?.summary} pods are copied: ${first[0]}: ${first[1]}`;
  return {
    ...status,
    failing: [...failing, ...others].slice(0, MOST_FAILING),
    conditions: (status.conditions ?? []).map((each) =>
      each.type === 'Ready' && each.status === 'False'
        ? Object.assign(structuredClone(each), { reason, message: why })
        : each,
    ),
  };
}

function destinationText({ nodeName, podRef, address }: TapResource['spec']['destination']): string {
  if (nodeName !== undefined) return `node/${nodeName}`;
  return podRef === undefined ? `ip/${address}` : `pod/${podRef.name}`;
}

function conditionOf(
  type: string,
  verdict: Verdict,
  before: TapStatus['conditions'],
  observedGeneration: number,
  nowMs: number,
): TapCondition {
  const same = before?.find((each) => each.type === type && each.status === verdict.status);
  const lastTransitionTime = same?.lastTransitionTime ?? new Date(nowMs).toISOString().replace(/\.\d+/u, '');
  return { type, ...verdict, observedGeneration, lastTransitionTime };
}

function acceptedOf(findings: Findings): Verdict {
  if (findings.kind !== 'not accepted')
    return { status: 'True', reason: 'Accepted', message: 'the spec is possible' };
  return {
    status: 'False',
    reason: 'NotPossible',
    message: `${findings.problem}; what ran before goes on unchanged`,
  };
}

function completeOf({ kind }: Findings): Verdict {
  return kind === 'complete'
    ? {
        status: 'True',
        reason: 'DurationOver',
        message: 'the duration is over: the pods of the tap are gone',
      }
    : { status: 'False', reason: 'Running', message: 'the Tap has not ended' };
}

interface Progress {
  readonly targets: NonNullable<TapStatus['targets']>;
  readonly failing: readonly Failing[];
  readonly ready: Verdict;
}

function progressOf(findings: Findings): Progress {
  switch (findings.kind) {
    case 'not accepted':
      return {
        targets: count(0, 0),
        failing: [],
        ready: { status: 'False', reason: 'NotPossible', message: 'the spec is not possible: see Accepted' },
      };
    case 'complete':
      return {
        targets: count(0, 0),
        failing: [],
        ready: { status: 'False', reason: 'Complete', message: 'the duration is over' },
      };
    case 'no destination':
      return {
        targets: count(0, findings.targets.selected),
        failing: findings.targets.failing,
        ready: {
          status: 'False',
          reason: 'DestinationNotFound',
          message:
            'there is no such destination, or it is a pod with hostNetwork: the Tap copies as soon as there is one',
        },
      };
    case 'running':
      return runningOf(findings);
  }
}

function runningOf(findings: Extract<Findings, { kind: 'running' }>): Progress {
  const { targets, endpoints, destination, wanted, tapPods } = findings;
  const byName = new Map(tapPods.map((pod) => [pod.name, pod]));
  const late = wanted.filter((want) => !isInOrder(want, byName.get(want.name)));
  const lateSenders = new Set(late.filter(({ role }) => role === 'sender').map(({ node }) => node));
  const receiver = late.find(({ role }) => role === 'receiver');
  const copied = [...endpoints.senders].flatMap(([node, documents]) =>
    receiver !== undefined || lateSenders.has(node) ? [] : documents,
  );
  const failing = [
    ...targets.failing,
    ...endpoints.failing,
    ...late
      .filter(({ isEmpty, role }) => !isEmpty || role === 'receiver')
      .map((want) => failureOf(want, byName.get(want.name))),
  ];
  return {
    targets: count(copied.length, targets.selected),
    failing,
    ready: verdictOf(destination, targets, copied.length, failing),
  };
}

function verdictOf(
  destination: Destination,
  { selected }: Targets,
  copied: number,
  failing: readonly Failing[],
): Verdict {
  if ('node' in destination && !destination.node.isReady)
    return no('DestinationNotReady', `node ${destination.node.name} is not ready: the Tap waits for it`);
  if (selected === 0)
    return no(
      'NoTargets',
      'no pod of this namespace is one of spec.targets: the Tap copies as soon as there is one',
    );
  const [first] = failing;
  if (first === undefined && copied === selected)
    return {
      status: 'True',
      reason: 'AllCopied',
      message: `the packets of ${count(copied, selected).summary} pods are copied`,
    };
  const why = first === undefined ? '' : `: ${first.pod ?? first.node ?? ''}: ${first.message}`;
  return no(first?.reason ?? 'Starting', `${count(copied, selected).summary} pods are copied${why}`);
}

function no(reason: string, message: string): Verdict {
  return { status: 'False', reason, message };
}

function isInOrder(want: WantedPod, pod: TapPod | undefined): boolean {
  return (
    pod !== undefined &&
    !pod.isEnding &&
    pod.isReady &&
    pod.form === want.form &&
    pod.endpoints === want.endpoints
  );
}

function failureOf({ name, role, node }: WantedPod, pod: TapPod | undefined): Failing {
  if (pod?.trouble !== undefined) return { node, pod: name, ...pod.trouble };
  const reason = role === 'sender' ? 'SenderNotReady' : 'ReceiverNotReady';
  if (pod === undefined) return { node, pod: name, reason, message: 'the pod is being made' };
  return {
    node,
    pod: name,
    reason,
    message: pod.isEnding
      ? 'the pod is being replaced'
      : 'the pod is not Ready: its log says which of its endpoints is not, and why',
  };
}

function count(ready: number, selected: number) {
  return { selected, ready, summary: `${ready}/${selected}` };
}
