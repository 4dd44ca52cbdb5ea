/** The agent's periods, in milliseconds. */
export interface Timing {
  /** Between two looks at an endpoint in place, and two hellos. */
  readonly checkMs: number;
  readonly longestRetryMs: number;
  /** Between two tries to load the eBPF programs that were refused. */
  readonly loadRetryMs: number;
  /** Between two readings of the underlay's MTU: the kernel does not report what it learns of a path. */
  readonly pathCheckMs: number;
  readonly guardCheckMs: number;
  /** Silence of the peer after which it counts as gone: five of its hellos. */
  readonly peerSilenceMs: number;
  /** Between two reports of the receiver. */
  readonly reportMs: number;
  /** At first the sender waits for reports, to know whether its largest copies get through. */
  readonly firstReports: { readonly forMs: number; readonly everyMs: number };
  /** Longer than {@link reportMs}, so that each look at lost copies finds a new report. */
  readonly lossCheckMs: number;
  /** Between two comparisons of what target interfaces carry with what the tap sees of it. */
  readonly sightMs: number;
  /** Between two looks whether target interfaces carry anything. */
  readonly idleMs: number;
  /** Longer than the receiver takes for two reports. */
  readonly probeTimeoutMs: number;
  readonly probeRetryMs: number;
  /** After probes that arrived. */
  readonly probeAgainMs: number;
  /** How long copies are made without their agent: longer than a kubelet waits at most before it starts one again, 5 minutes. */
  readonly leaseMs: number;
  /** Between two renewals of the lease: what is left of it is always enough for such a wait. */
  readonly renewMs: number;
  /** Between two searches for what taps without an agent left. */
  readonly sweepMs: number;
}

/**
 * How long to wait after so many failures before the next try. It is a little other each time, so that many endpoints that
 * fail for one reason do not come at once.
 */
export function retryMs({ checkMs, longestRetryMs }: Timing, failures: number): number {
  return Math.min(longestRetryMs, checkMs * 2 ** failures) * (0.9 + 0.2 * Math.random());
}

/**
 * How long to wait for the next look. All endpoints of an agent look at the same moments, multiples of the period: the agent
 * wakes up once for all of them, and they share what they read. It is at least a tenth of the period, for a timer may fire a
 * little early.
 *
 * @param nowMs by a clock that they share
 */
export function untilNextLookMs(periodMs: number, nowMs: number): number {
  const rest = periodMs - (nowMs % periodMs);
  return rest < periodMs / 10 ? rest + periodMs : rest;
}

/** What {@link timing} takes in production. */
export const defaultTickMs = 1000;
export const defaultLeaseMs = 600_000;
export const defaultRareMs = 300_000;

/**
 * All periods are multiples of one tick, or parts of the lease, so that their ratios stay whatever these are; but for what is
 * done rarely.
 *
 * @param tickMs tests shorten it
 * @param leaseMs tests shorten it
 * @param rareMs between two tries of what has failed for good or has succeeded; tests shorten it
 */
export function timing(tickMs: number, leaseMs = defaultLeaseMs, rareMs = defaultRareMs): Timing {
  return {
    checkMs: tickMs,
    longestRetryMs: 30 * tickMs,
    loadRetryMs: rareMs,
    pathCheckMs: 10 * tickMs,
    guardCheckMs: 10 * tickMs,
    peerSilenceMs: 5 * tickMs,
    reportMs: 5 * tickMs,
    firstReports: { forMs: 10 * tickMs, everyMs: tickMs },
    lossCheckMs: 10 * tickMs,
    sightMs: 10 * tickMs,
    idleMs: 10 * tickMs,
    probeTimeoutMs: 12 * tickMs,
    probeRetryMs: 10 * tickMs,
    probeAgainMs: rareMs,
    leaseMs,
    renewMs: leaseMs / 5,
    sweepMs: leaseMs / 10,
  };
}
