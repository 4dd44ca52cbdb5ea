import type { Logger } from 'pino';
import type { EndpointState, State } from './endpointState.ts';

const levels: Partial<Record<State, 'error' | 'warn'>> = { failing: 'error', blind: 'warn' };

/** Tells an endpoint's state to people (log) and to whoever asks the agent. */
export class StateReport {
  readonly #log: Logger;
  readonly #onState: (told: EndpointState) => void;
  #told: EndpointState | undefined;

  constructor(log: Logger, onState: (told: EndpointState) => void) {
    this.#log = log;
    this.#onState = onState;
  }

  get isReady(): boolean {
    return this.#told?.state === 'ready';
  }

  /** Tells the state; the same state with the same reason is told once. */
  tell(now: EndpointState): void {
    const { state, warning } = now;
    const reason = textOf(now);
    if (this.#told !== undefined && state === this.#told.state && reason === textOf(this.#told)) return;
    this.#told = now;
    this.#onState(now);
    this.#log[levels[state] ?? (warning === undefined ? 'info' : 'warn')]({ state }, reason);
  }
}

function textOf({ reason, warning }: EndpointState): string {
  return warning === undefined ? reason : `${reason}; but ${warning}`;
}
