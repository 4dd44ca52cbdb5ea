import type { Logger } from 'pino';
import type { Table } from '#src/net/nftables.ts';
import type { Slots } from '#src/agent/slots.ts';
import type { StateReport } from './stateReport.ts';
import type { Timing } from '#src/agent/timing.ts';

/** What the loop of an endpoint is given. */
export interface Context {
  readonly log: Logger;
  readonly report: StateReport;
  readonly timing: Timing;
  readonly slots: Slots;
  /** Shared by the endpoints of an agent. */
  readonly readGuardTable: () => Promise<Table | undefined>;
  /** Ends the loop. */
  readonly signal: AbortSignal;
}
