import type { Logger } from 'pino';

/** Where an endpoint stands. Only `ready` makes the pod ready. */
export type State =
  /** Something that is not the agent's to make is not there: the target, its interface, the other agent's lock. */
  | 'waiting'
  /** A step failed, or something foreign is in the way; tried again. */
  | 'failing'
  /** In place, but the peer has not shown itself, or copies do not get to it. */
  | 'alone'
  /** In place, and so is the peer, but the tap does not see what the target interface carries. */
  | 'blind'
  | 'ready'
  | 'stopped';

/** A state and why it is so. */
export interface Told {
  readonly state: State;
  readonly reason: string;
}

const levels: Partial<Record<State, 'error' | 'warn'>> = { failing: 'error', blind: 'warn' };

/** Tells an endpoint's state to people (log) and to whoever asks the agent. */
export class StateReport {
  readonly #log: Logger;
  readonly #onState: (told: Told) => void;
  #told: Told | undefined;

  constructor(log: Logger, onState: (told: Told) => void) {
    this.#log = log;
    this.#onState = onState;
  }

  get isReady(): boolean {
    return this.#told?.state === 'ready';
  }

  /**
   * Tells the state; the same state with the same reason is told once.
   *
   * @param warning what people should know though the state is good
   */
  tell(state: State, cause: string, warning?: string): void {
    const reason = warning === undefined ? cause : `${cause}; but ${warning}`;
    if (state === this.#told?.state && reason === this.#told.reason) return;
    this.#told = { state, reason };
    this.#onState(this.#told);
    this.#log[levels[state] ?? (warning === undefined ? 'info' : 'warn')]({ state }, reason);
  }
}
