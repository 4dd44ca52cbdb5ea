import { isIPv6 } from '#src/spec/address.ts';
import type { Role, TapId } from '#src/tap/ownership/mark.ts';
import { probeMark } from '#src/tap/packets/probe.ts';
import type { Tunnel } from '#src/tap/state.ts';

/**
 * The table of nftables in a node's network namespace that all taps of the node share. A VXLAN device takes packets of its
 * VNI from anyone; with the tap's entry here only from its other end. Each tap has an element of the map and a chain for its
 * copies, and the same for probes, with a counter, for no device shows them. So a packet that is no tap's is looked up
 * once, however many taps there are.
 */
export const guardTable = 'kokotap';

/** An endpoint that has an entry. */
export interface Guarded {
  readonly role: Role;
  readonly tap: TapId;
  /** A receiver's device is in a pod's network namespace. */
  readonly inPod?: boolean | undefined;
}

/** What of the table an agent has to know to change it. */
export interface GuardState {
  /** The chains of taps. */
  readonly chains: ReadonlySet<string>;
  readonly counters: ReadonlySet<string>;
  /** The chain that packets go to, by the map's key: `4789 . 25600`. */
  readonly elements: ReadonlyMap<string, string>;
}

export function chainOf(own: Guarded): string {
  return `tap-${nameOf(own)}`;
}

/** All chains of an endpoint's entry. */
export function chainsOf(own: Guarded): readonly string[] {
  return [chainOf(own), probeCounterOf(own)];
}

/** The endpoint that a chain is of; undefined when it is no tap's. */
export function guardedBy(chain: string): Guarded | undefined {
  return guarded(/^(?:tap|probes)-([0-9a-f]{12})-(sender|receiver)(-in-pod)?$/, chain);
}

/** The chain of probes in an endpoint's entry, and the counter of those that came. */
export function probeCounterOf(own: Guarded): string {
  return `probes-${nameOf(own)}`;
}

/** The table that an endpoint had to itself, before all shared one. */
export function formerTableOf({ role, tap }: Guarded): string {
  return `kokotap-${tap}-${role}`;
}

/** The endpoint that such a table is of; undefined when it is none. */
export function formerlyGuardedBy(table: string): Guarded | undefined {
  return guarded(/^kokotap-([0-9a-f]{12})-(sender|receiver)$/, table);
}

/** Deletes a table whether it is there or not. */
export function deletionOf(table: string): readonly string[] {
  return [`add table inet ${table}`, `delete table inet ${table}`];
}

/**
 * What nft is told to make an endpoint's entry, in one transaction, whatever there is of it, and nothing of the others'. It
 * makes what is shared as well, or repairs it. An element of another tap for the same packets is left over: the VNI is
 * this one's now.
 */
export function additionOf(own: Guarded, tunnel: Tunnel, { elements }: GuardState): readonly string[] {
  const fromPeer = `${isIPv6(tunnel.remote) ? 'ip6' : 'ip'} saddr ${tunnel.remote}`;
  const probes = probeCounterOf(own);
  const entry = [
    { chain: chainOf(own), key: keyOf(tunnel, 0), verdict: 'accept' },
    { chain: probes, key: keyOf(tunnel, probeMark), verdict: `counter name ${probes}` },
  ];
  const stale = [...elements].filter(
    ([from, to]) =>
      entry.some(({ key, chain }) => from === key || to === chain) &&
      !entry.some(({ key, chain }) => from === key && to === chain),
  );
  return [
    ...shared,
    `add counter ${at(probes)}`,
    ...stale.map(([key]) => deleteElement(key)),
    ...entry.flatMap(({ chain, key, verdict }) => [
      `add chain ${at(chain)}`,
      `flush chain ${at(chain)}`,
      `add rule ${at(chain)} ${fromPeer} ${verdict}`,
      `add rule ${at(chain)} goto ${strangers}`,
      `add element ${at(map)} { ${key} : goto ${chain} }`,
    ]),
    // The one that an agent of an earlier version may have left.
    ...deletionOf(formerTableOf(own)),
  ];
}

/**
 * What nft is told to make an entry that is without effect yet, before anything else of the endpoint is made: by it
 * another agent finds what this one leaves, when it is killed.
 */
export function announcementOf(own: Guarded): readonly string[] {
  return [...shared, `add chain ${at(chainOf(own))}`];
}

/** What nft is told to take endpoints' entries away: nothing when there are none. */
export function removalOf(
  gone: readonly Guarded[],
  { chains, counters, elements }: GuardState,
): readonly string[] {
  const theirs = new Set(gone.flatMap(chainsOf).filter((chain) => chains.has(chain)));
  return [
    ...[...elements].flatMap(([key, chain]) => (theirs.has(chain) ? [deleteElement(key)] : [])),
    ...[...theirs].map((chain) => `delete chain ${at(chain)}`),
    ...gone
      .map(probeCounterOf)
      .flatMap((counter) => (counters.has(counter) ? [`delete counter ${at(counter)}`] : [])),
  ];
}

/**
 * What nft is told to take the table away. The kernel refuses while any tap has an entry, for its chain goes to that of
 * strangers: a tap that came just now is safe.
 */
export const tableRemoval: readonly string[] = [
  `delete chain inet ${guardTable} strangers`,
  `delete table inet ${guardTable}`,
];

/** The parts that all taps share. */
export const sharedChains: readonly string[] = ['input', 'strangers'];
const [hooked, strangers] = ['input', 'strangers'];
const map = 'taps';

/**
 * The packets of a tap: of a port and a VNI, which is 24 bits of the packet, 96 bits behind the beginning of its UDP header
 * (RFC 7348, section 5). The byte behind it is 0 in what a device takes, and with it the kernel reads a whole word.
 */
const packets = 'udp dport . @th,96,32';

const shared: readonly string[] = [
  `add table inet ${guardTable}`,
  `add map ${at(map)} { typeof ${packets} : verdict; }`,
  `add chain ${at(strangers)}`,
  `flush chain ${at(strangers)}`,
  `add rule ${at(strangers)} drop`,
  `add chain ${at(hooked)} { type filter hook input priority raw; }`,
  `flush chain ${at(hooked)}`,
  `add rule ${at(hooked)} ${packets} vmap @${map}`,
];

/** Of a tap's packets, as {@link GuardState} has it. */
function keyOf({ vni, port }: Tunnel, reserved: number): string {
  return `${port} . ${vni * 0x100 + reserved}`;
}

function deleteElement(keyOfIt: string): string {
  return `delete element ${at(map)} { ${keyOfIt} }`;
}

function at(name: string): string {
  return `inet ${guardTable} ${name}`;
}

function guarded(pattern: RegExp, name: string): Guarded | undefined {
  const [, tap, role, inPod] = pattern.exec(name) ?? [];
  if (tap === undefined) return undefined;
  return {
    tap,
    role: role === 'sender' ? 'sender' : 'receiver',
    ...(inPod === undefined ? {} : { inPod: true }),
  };
}

function nameOf({ role, tap, inPod }: Guarded): string {
  return `${tap}-${role}${inPod === true ? '-in-pod' : ''}`;
}
