import { findProgram } from '#src/net/classifiers.ts';
import { type Heard, readCounts, readHeard } from '#src/net/counts.ts';
import type { Netns } from '#src/net/netns.ts';
import { preferences } from '#src/tap/ownership/mark.ts';

/** What the receiver reported to a sender's device; undefined: nothing yet, or there is no program to hear it. */
export async function hearReceiver(netns: Netns, ifname: string): Promise<Heard | undefined> {
  const id = await findProgram(netns, ifname, 'ingress', preferences.heard);
  const heard = id === undefined ? undefined : await readHeard(id);
  return heard !== undefined && heard.reports > 0 ? heard : undefined;
}

/** The copies that a sender's device was given, as it cuts them; undefined without the program that counts them. */
export async function readSent(netns: Netns, ifname: string): Promise<number | undefined> {
  const id = await findProgram(netns, ifname, 'egress', preferences.copy);
  const counts = id === undefined ? undefined : await readCounts(id);
  return counts && counts.ingress.sent + counts.egress.sent;
}
