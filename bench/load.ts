import * as z from 'zod/mini';
import { CLIENT, inPod, ROUND_TRIP, ROUND_TRIP_PORT } from './pods.ts';

const failure = z.object({ error: z.string() });

const tcpReport = z.object({ end: z.object({ sum_received: z.object({ bits_per_second: z.number() }) }) });

const udpReport = z.object({
  end: z.object({ sum: z.object({ packets: z.number(), lost_packets: z.number(), seconds: z.number() }) }),
});

const roundTripReport = z.object({ medianMicroseconds: z.number(), p99Microseconds: z.number() });

/** The throughput of one TCP connection from the client to the target, after half a second to get going. */
export async function loadTcp(target: string): Promise<{ tcpBitsPerSecond: number }> {
  const report = await iperf(target, '--time=2', '--omit=0.5');
  return { tcpBitsPerSecond: z.parse(tcpReport, report).end.sum_received.bits_per_second };
}

/** The rate at which the target gets UDP packets of 64 bytes from a client that sends as fast as it can. */
export async function loadUdp(
  target: string,
): Promise<{ udpPacketsPerSecond: number; udpSent: number; udpLost: number }> {
  const report = await iperf(target, '--time=2', '--udp', '--length=64', '--bitrate=0');
  const { packets, lost_packets: lost, seconds } = z.parse(udpReport, report).end.sum;
  return { udpPacketsPerSecond: (packets - lost) / seconds, udpSent: packets, udpLost: lost };
}

/** Request and response of 64 bytes each over one TCP connection, one after the other for a second. */
export async function loadRoundTrips(
  target: string,
): Promise<{ roundTripMedianMicroseconds: number; roundTripP99Microseconds: number }> {
  const json = await inPod(CLIENT, ...ROUND_TRIP, 'measure', target, String(ROUND_TRIP_PORT), '1');
  const { medianMicroseconds, p99Microseconds } = z.parse(roundTripReport, JSON.parse(json));
  return { roundTripMedianMicroseconds: medianMicroseconds, roundTripP99Microseconds: p99Microseconds };
}

/** Runs iperf3 and returns its report, in which some errors are told with exit code 0. */
async function iperf(target: string, ...args: string[]): Promise<unknown> {
  const report: unknown = JSON.parse(await inPod(CLIENT, 'iperf3', '--json', `--client=${target}`, ...args));
  const failed = failure.safeParse(report);
  if (failed.success) throw new Error(`iperf3 ${args.join(' ')}: ${failed.data.error}`);
  return report;
}
