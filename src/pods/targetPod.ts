import { TAP_LABEL } from './labels.ts';
import type { TapId } from '#src/tap/ownership/mark.ts';

/** How the pods of a tap name its target to people; what they look for is its UID. */
export interface TargetPod {
  readonly uid: string;
  /** As `namespace/name`. */
  readonly name: string | undefined;
}

/** How people find the pods of a tap. */
export interface TapPods {
  readonly id: TapId;
  readonly namespace: string | undefined;
}

/** What a tap waits for while its target has no process on the node: it may have none at the moment, or be gone. */
export function awaitedPod({ uid, name }: TargetPod, tap: TapPods, isHere: boolean): string {
  const pod = `pod ${name === undefined ? '' : `${name} `}with UID ${uid}`;
  if (isHere) return `a running container of the ${pod} on this node`;
  const inNamespace = tap.namespace === undefined ? '' : ` -n ${tap.namespace}`;
  return `the ${pod}, which this node does not have: a pod made anew under its name, as a StatefulSet does, has another UID; to renew the tap: kubectl delete pod${inNamespace} -l ${TAP_LABEL}=${tap.id}, then the line that made it`;
}
