import type { Machine } from './machine.ts';
import type { AgentAtRest } from './measures/agents.ts';
import type { EndpointFigures } from './measures/endpoints.ts';
import type { Pauses } from './measures/pause.ts';
import type { Sample } from './measures/traffic.ts';

/** All that one run has measured: docs/performance.json. */
export interface Results {
  readonly date: string;
  readonly machine: Machine;
  readonly rounds: number;
  readonly traffic: readonly Sample[];
  readonly pauses: Readonly<Record<'idle' | 'busy', Pauses>>;
  readonly firstPacketMilliseconds: readonly number[];
  readonly commandLineMilliseconds: Readonly<Record<string, readonly number[]>>;
  readonly agents: Readonly<Record<'sender' | 'receiver', AgentAtRest>>;
  /** Of one endpoint, and of many. */
  readonly endpoints: readonly EndpointFigures[];
  readonly imageMegabytes: number;
}
