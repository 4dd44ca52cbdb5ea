/**
 * The settings of a tap's eBPF programs (bpf/mirror.bpf.c). The agent writes them into the object before it loads it, so that
 * the kernel takes them for constants, and into the object's name, which tc keeps with every filter.
 */

import type { Tunnel } from '#src/tap/state.ts';
import { settingsLayout } from './layouts.ts';

/** What is done to a copy on its way out of the mirror device. */
export interface CopySettings {
  /** Copies lose what is behind so many bytes; undefined: they stay whole. */
  readonly snaplenBytes: number | undefined;
  /** One conversation in so many is kept; undefined: all are. */
  readonly oneIn: number | undefined;
  /** Copies beyond it are shed; undefined: none are. */
  readonly maxBytesPerSecond: number | undefined;
  /**
   * The network under the VXLAN, which says what becomes of copies too large for it: over IPv4 the kernel sends
   * fragments, over IPv6 it drops them unless they are cut. Undefined: there is no network between the endpoints.
   */
  readonly underlay: 'IPv4' | 'IPv6' | undefined;
  /** Of the mirror device, on a kernel that programs cannot ask for it; undefined: they ask. */
  readonly mtuBytes: number | undefined;
  /** Copies may go past the node's IP stack, into this tunnel; undefined: none do. */
  readonly bypass?: Tunnel | undefined;
}

/** The first kernel that has all helpers which the programs call: bpf_check_mtu, and since 5.11 bpf_ktime_get_coarse_ns. */
export const KERNEL_WITH_ALL_HELPERS = '5.12';

/**
 * The first kernel on which copies may go past the node's IP stack: bpf_skb_adjust_room knows BPF_F_ADJ_ROOM_ENCAP_L2_ETH
 * (d01b59c9ae94), and since 5.12 bpf_fib_lookup says the route's MTU.
 */
export const KERNEL_WITH_BYPASS = '5.13';

/**
 * Writes the settings into a compiled object.
 *
 * @param seed 32 bits, of the hash that samples. It is not in the object's name: an agent that starts anew keeps the
 *   program that is there, and with it the sample.
 * @returns the object to load
 * @throws {Error} when it is not the object of bpf/mirror.bpf.c
 */
export function withSettings(object: Uint8Array, settings: CopySettings, seed: number): Uint8Array {
  const bytes = Buffer.from(object);
  const at = bytes.indexOf(magic);
  if (at === -1 || bytes.indexOf(magic, at + 1) !== -1)
    throw new Error(
      'The eBPF object does not have its settings in one place: it is not the one of this agent',
    );
  const { snaplenBytes = 0, oneIn = 0, maxBytesPerSecond = 0, underlay, mtuBytes = 0, bypass } = settings;
  bytes.writeBigUInt64LE(BigInt(maxBytesPerSecond), at + settingsLayout.bytes_per_second);
  bytes.writeBigUInt64LE(BigInt(burstNs(maxBytesPerSecond)), at + settingsLayout.burst_ns);
  bytes.writeUInt32LE(snaplenBytes, at + settingsLayout.snaplen);
  bytes.writeUInt32LE(oneIn, at + settingsLayout.one_in);
  bytes.writeUInt32LE(underlay === undefined ? 0 : 1, at + settingsLayout.fit);
  bytes.writeUInt32LE(underlay === 'IPv6' ? 1 : 0, at + settingsLayout.cut);
  bytes.writeUInt32LE(seed, at + settingsLayout.seed);
  bytes.writeUInt32LE(mtuBytes, at + settingsLayout.mtu);
  if (bypass !== undefined) {
    bytes.writeUInt32LE(1, at + settingsLayout.bypass);
    bytes.writeUInt32LE(bypass.vni, at + settingsLayout.vni);
    bytes.writeUInt32LE(bypass.port, at + settingsLayout.port);
    bytes.set(bytesOfIPv4(bypass.local), at + settingsLayout.local);
    bytes.set(bytesOfIPv4(bypass.remote), at + settingsLayout.remote);
  }
  return bytes;
}

function bytesOfIPv4(address: string): readonly number[] {
  return address.split('.').map(Number);
}

const magic = Buffer.from('!patokok'); // 0x6b6f6b6f74617021, little endian
const shortestBurstNs = 50_000_000;
/** The largest GSO packet that is usual: less would never let one through. */
const largestPacketBytes = 65_536;

function burstNs(bytesPerSecond: number): number {
  if (bytesPerSecond === 0) return 0;
  return Math.max(shortestBurstNs, Math.ceil((largestPacketBytes * 1e9) / bytesPerSecond));
}
