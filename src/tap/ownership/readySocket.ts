import { loopback } from './lockSocket.ts';
import type { Role, TapId } from './mark.ts';

/** Where an agent of one endpoint listens, over TCP in its node's network namespace, while its pod is Ready. */
export interface ReadySocket {
  readonly address: string;
  readonly port: number;
}

const ports: Readonly<Record<Role, number>> = { sender: 27_400, receiver: 27_401 };

/** That of a tap: no two share one, as its loopback address spells the first half of the tap's id. */
export function readySocket(role: Role, id: TapId): ReadySocket {
  return { address: loopback(id.slice(0, 6)), port: ports[role] };
}
