/** Where an endpoint stands. Only `ready` makes the pod ready. */
export const states = ['waiting', 'failing', 'no-peer', 'blind', 'ready', 'stopped'] as const;
export type State = (typeof states)[number];

/** A state and why it is so. */
export interface EndpointState {
  readonly state: State;
  readonly reason: string;
  /** What people should know though the state is good. */
  readonly warning?: string;
}

/** What is known of an endpoint. What is not known yet, or not so, is undefined. */
export interface Facts {
  /** What was removed from the kernel; no more is done. */
  readonly removed?: string | undefined;
  /** Why the last step failed; it is tried again. */
  readonly failure?: string | undefined;
  /** What is not the agent's to make and has to be there first: the target, its interface, the end of another agent. */
  readonly awaited?: string | undefined;
  /** The mirror device, whose endpoint is in place; undefined: it is not. */
  readonly inPlace?: string | undefined;
  /** The peer is outside the cluster and says no hello. */
  readonly hasForeignPeer?: boolean | undefined;
  /** Why the peer counts as absent. */
  readonly peerAbsence?: string | undefined;
  /** Why copies do not get to the peer. */
  readonly pathTrouble?: string | undefined;
  /** What passes target interfaces without being seen. */
  readonly unseen?: string | undefined;
  /** What target interfaces carry nothing. */
  readonly idle?: string | undefined;
}

/** The state that follows from what is known; docs/architecture.md has the states and what leads from one to another. */
export function endpointState(facts: Facts): EndpointState {
  const { removed, failure, awaited, inPlace, hasForeignPeer, peerAbsence, pathTrouble, unseen, idle } =
    facts;
  if (removed !== undefined) return { state: 'stopped', reason: `the tap is taken away: ${removed}` };
  if (failure !== undefined) return { state: 'failing', reason: failure };
  if (awaited !== undefined) return { state: 'waiting', reason: `waiting for ${awaited}` };
  if (inPlace === undefined) return { state: 'waiting', reason: 'waiting for the first look at the kernel' };
  if (peerAbsence !== undefined) return { state: 'no-peer', reason: peerAbsence };
  const both = `${inPlace} is in place ${hasForeignPeer === true ? "here; the other end is not kokotap's" : 'at both ends'}`;
  if (pathTrouble !== undefined) return { state: 'no-peer', reason: `${both}, but ${pathTrouble}` };
  if (unseen !== undefined) return { state: 'blind', reason: `${both}, but ${unseen}` };
  return { state: 'ready', reason: both, ...(idle === undefined ? {} : { warning: idle }) };
}
