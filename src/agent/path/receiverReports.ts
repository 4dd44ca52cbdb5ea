import { findProgram } from '#src/net/classifiers.ts';
import { type LastReport, readCounts, readLastReport } from '#src/net/counts.ts';
import type { Netns } from '#src/net/netns.ts';
import { preferences } from '#src/tap/ownership/mark.ts';

/** What the receiver reported to a sender's device; undefined: nothing yet, or there is no program to hear it. */
export async function readReceiverReport(netns: Netns, ifname: string): Promise<LastReport | undefined> {
  const id = await findProgram(netns, ifname, 'ingress', preferences.readReport);
  const report = id === undefined ? undefined : await readLastReport(id);
  return report !== undefined && report.reports > 0 ? report : undefined;
}

/** The copies that a sender's device was given, as it cuts them; undefined without the program that counts them. */
export async function readSent(netns: Netns, ifname: string): Promise<number | undefined> {
  const id = await findProgram(netns, ifname, 'egress', preferences.copy);
  const counts = id === undefined ? undefined : await readCounts(id);
  return counts && counts.ingress.sent + counts.egress.sent;
}
