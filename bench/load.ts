import * as z from 'zod/mini';
import { inPod, ROUND_TRIP, ROUND_TRIP_PORT } from './pods.ts';
import type { LoadName, Target } from './terms.ts';
import { socketFullPackets } from './podCounters.ts';

const failure = z.object({ error: z.string() });

const rate = z.object({ bits_per_second: z.number() });
const tcpReport = z.object({
  end: z.object({ sum_received: rate, sum_received_bidir_reverse: z.optional(rate) }),
});

const udpReport = z.object({
  end: z.object({ sum: z.object({ packets: z.number(), lost_packets: z.number(), seconds: z.number() }) }),
});

const roundTripReport = z.object({ medianMicroseconds: z.number(), p99Microseconds: z.number() });

/** The most that Linux usually grants (net.core.rmem_max), so that a program may be late to read. */
const SOCKET_BUFFER_BYTES = 212_992;

/** What a load showed, by name and unit. */
export type Figures = Readonly<Partial<Record<Figure, number>>>;

export type Figure =
  | 'bitsPerSecond'
  | 'packetsPerSecond'
  | 'sentPackets'
  | 'lostPackets'
  | 'socketFullPackets'
  | 'medianMicroseconds'
  | 'p99Microseconds';

/**
 * Loads the target.
 *
 * @param client the pod that does it
 * @param halfRate of UDP packets of 64 bytes a second, for the load of that name
 */
export function runLoad(name: LoadName, client: string, target: Target, halfRate: number): Promise<Figures> {
  switch (name) {
    case 'tcp':
      return loadTcp(client, target);
    case 'tcpBoth':
      return loadTcp(client, target, '--bidir');
    case 'udp64':
      return loadUdp(client, target, 64, 0);
    case 'udp1400':
      return loadUdp(client, target, 1400, 0);
    case 'halfLoad':
      return loadUdp(client, target, 64, halfRate);
    case 'roundTrip':
      return loadRoundTrips(client, target);
  }
}

/** The throughput of one TCP connection to the target, or of one each way together, after half a second to get going. */
async function loadTcp(client: string, target: Target, ...more: string[]): Promise<Figures> {
  const report = await iperf(client, target, '--time=2', '--omit=0.5', ...more);
  const { sum_received: there, sum_received_bidir_reverse: back } = z.parse(tcpReport, report).end;
  return { bitsPerSecond: there.bits_per_second + (back?.bits_per_second ?? 0) };
}

/**
 * The rate at which the target gets UDP packets, and what became of them. Those that its socket had no room for, because
 * its program was late, did arrive.
 *
 * @param packetsPerSecond of the client; 0: as fast as it can
 */
async function loadUdp(
  client: string,
  target: Target,
  payloadBytes: number,
  packetsPerSecond: number,
): Promise<Figures> {
  const full = socketFullPackets(target);
  const bitrate = Math.round(packetsPerSecond * payloadBytes * 8);
  const size = [`--length=${payloadBytes}`, `--window=${SOCKET_BUFFER_BYTES}`];
  const report = await iperf(client, target, '--time=2', '--udp', `--bitrate=${bitrate}`, ...size);
  const { packets, lost_packets: lost, seconds } = z.parse(udpReport, report).end.sum;
  return {
    packetsPerSecond: (packets - lost) / seconds,
    sentPackets: packets,
    lostPackets: lost,
    socketFullPackets: socketFullPackets(target) - full,
  };
}

/** Request and response of 64 bytes each over one TCP connection, one after the other for a second. */
async function loadRoundTrips(client: string, { address }: Target): Promise<Figures> {
  const json = await inPod(client, ...ROUND_TRIP, 'measure', address, String(ROUND_TRIP_PORT), '1');
  return z.parse(roundTripReport, JSON.parse(json));
}

/** Runs iperf3 and returns its report, in which some errors are told with exit code 0. */
async function iperf(client: string, { address }: Target, ...args: string[]): Promise<unknown> {
  const report: unknown = JSON.parse(await inPod(client, 'iperf3', '--json', `--client=${address}`, ...args));
  const failed = failure.safeParse(report);
  if (failed.success) throw new Error(`iperf3 ${args.join(' ')}: ${failed.data.error}`);
  return report;
}
