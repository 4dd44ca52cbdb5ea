import type { Role, TapId } from './mark.ts';

/**
 * The socket that stands for a running agent: a UDP socket on the loopback of the node's network namespace that never sends
 * anything, whose two addresses spell the tap and the role. /proc/net/udp lists it with the user who made it, which of all
 * lists of sockets only those of UDP and TCP do without a netlink request. Anybody can make such a socket, but only root's
 * counts.
 */
export interface LockSocket {
  /** Own address; its port is any. */
  readonly address: string;
  readonly peer: { readonly address: string; readonly port: number };
}

/** `k`, in the first byte of the peer's port: the second one is the role's. */
const lead = 0x6b;
const roleBytes: Readonly<Record<Role, number>> = { sender: 1, receiver: 2 };

export function lockSocket(role: Role, id: TapId): LockSocket {
  return {
    address: loopback(id.slice(0, 6)),
    peer: { address: loopback(id.slice(6)), port: lead * 0x100 + roleBytes[role] },
  };
}

/** A lock socket that root has open. */
export interface FoundLock {
  readonly role: Role;
  readonly tap: TapId;
  /** Its port, by which several of one tap and role are told apart. */
  readonly port: number;
}

/**
 * The lock sockets of root.
 *
 * @param procNetUdp content of /proc/net/udp: an address is a number of the host's byte order in hexadecimal, here little
 *   endian; the eighth column is the user
 */
export function findLocks(procNetUdp: string): readonly FoundLock[] {
  return procNetUdp.split('\n').flatMap((line) => {
    const [, local = '', peer = '', , , , , user] = line.trim().split(/ +/);
    const [, low, port] = /^([0-9A-F]{6})7F:([0-9A-F]{4})$/.exec(local) ?? [];
    const [, high, role] = /^([0-9A-F]{6})7F:6B0([12])$/.exec(peer) ?? [];
    if (low === undefined || port === undefined || high === undefined || user !== '0') return [];
    return [
      {
        role: role === '1' ? ('sender' as const) : ('receiver' as const),
        tap: `${reversed(low)}${reversed(high)}`.toLowerCase(),
        port: Number.parseInt(port, 16),
      },
    ];
  });
}

function reversed(hex: string): string {
  return (hex.match(/../g) ?? []).toReversed().join('');
}

/** An address whose last three bytes are given as hexadecimal digits. */
export function loopback(hex: string): string {
  return `127.${[...Buffer.from(hex, 'hex')].join('.')}`;
}
