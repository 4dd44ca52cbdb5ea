import { reasonAlone } from '#src/tap/path/peerSilence.ts';
import type { Fit } from '#src/tap/path/fit.ts';
import type { Desired, Observed, Vxlan } from '#src/tap/state.ts';
import { followDelivery } from './delivery.ts';
import type { Endpoint } from '#src/agent/endpoint/endpoint.ts';
import type { Place } from '#src/agent/pod/place.ts';
import type { Context } from '#src/agent/endpoint/loopContext.ts';
import type { Facts } from '#src/agent/endpoint/endpointState.ts';
import { IdleWatch } from '#src/agent/endpoint/idleWatch.ts';
import type { PathFacts, PathWatch } from './pathWatch.ts';
import { netDevCounts } from '#src/tap/proc/netDev.ts';
import { Peer } from './peer.ts';
import { sendReports } from './sendReports.ts';
import { BlindWatch } from '#src/agent/endpoint/blindWatch.ts';
import type { Guard } from './sourceGuard.ts';

/** What is known of an endpoint in place. */
export interface InPlace {
  readonly place: Place;
  readonly observed: Observed | undefined;
  readonly fit: Fit | undefined;
  /** See the outcome of a convergence. */
  readonly carrier: boolean;
  /** Where the VXLAN device is, if that is not the mirror device. */
  readonly tunnel: Pick<PathFacts, 'netns' | 'netDev' | 'ifname'> | undefined;
}

type Watched = Pick<Facts, 'peerAbsence' | 'pathTrouble' | 'unseen' | 'idle'>;

/** Says hello while an endpoint is in place, and watches whether its peer is there, copies get to it, and what they are of. */
export class PeerWatch {
  readonly #endpoint: Endpoint;
  readonly #peer: Peer | undefined;
  readonly #pathWatch: PathWatch | undefined;
  readonly #sight: BlindWatch | undefined;
  readonly #idle: IdleWatch | undefined;

  constructor(endpoint: Endpoint, context: Context, guard: Guard | undefined) {
    this.#endpoint = endpoint;
    const { desired, peerSaysHello } = endpoint;
    if (desired.role === 'sender') {
      this.#sight = new BlindWatch(desired, context.timing);
      this.#idle = new IdleWatch(desired, context.timing);
    }
    if (desired.device.kind !== 'vxlan' || guard === undefined || !peerSaysHello) return;
    this.#peer = new Peer(desired.device, context.timing);
    this.#pathWatch = pathWatchOf(desired, desired.device, guard, context);
  }

  /**
   * Looks once; called every second.
   *
   * @throws {CommandError}
   */
  async check({ place, observed, fit, carrier, tunnel }: InPlace): Promise<Watched> {
    const { desired } = this.#endpoint;
    const { ifname } = desired;
    this.#peer?.sayHello();
    const netDev = place.netDev();
    const at = tunnel ?? { netns: place.netns, netDev, ifname };
    if (!this.#isPeerThere(at, carrier)) return { peerAbsence: reasonAlone(desired, this.#peer?.silence) };
    const facts = { ...at, deviceSent: netDevCounts(netDev, ifname).sentPackets, fit };
    const pathTrouble = this.#peer && (await this.#pathWatch?.({ ...facts, peer: this.#peer }));
    const unseen = observed && (await this.#sight?.check(place, netDev, observed));
    const isGood = pathTrouble === undefined && unseen === undefined;
    const idle = isGood && observed !== undefined ? this.#idle?.check(netDev, observed) : undefined;
    return { pathTrouble, unseen, idle };
  }

  close(): void {
    this.#peer?.close();
  }

  #isPeerThere({ netDev, ifname }: Pick<PathFacts, 'netDev' | 'ifname'>, carrier: boolean): boolean {
    const { device } = this.#endpoint.desired;
    if (this.#peer === undefined) return device.kind === 'vxlan' || carrier;
    return this.#peer.isThere(netDev, ifname);
  }
}

function pathWatchOf({ role }: Desired, device: Vxlan, guard: Guard, { log, timing }: Context): PathWatch {
  return role === 'sender' ? followDelivery(device, log, timing) : sendReports(device, guard, log, timing);
}
