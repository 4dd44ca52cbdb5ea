/** Counts of a device since it was made, as cheap to read as a file. */
export interface NetDevCounts {
  readonly receivedPackets: number;
  /** Received packets of a wrong form: of a mirror device the peer's hellos. Lengths, CRC and overruns together. */
  readonly malformedPackets: number;
  readonly sentPackets: number;
}

/** Whether a device is in the content of /proc/net/dev. */
export function isInNetDev(netDev: string, ifname: string): boolean {
  return lineOf(netDev, ifname) !== undefined;
}

/**
 * Reads the counts of a device; all are 0 when there is none of that name.
 *
 * @param netDev content of /proc/net/dev
 */
export function netDevCounts(netDev: string, ifname: string): NetDevCounts {
  const line = lineOf(netDev, ifname) ?? '';
  // Without a regular expression, which is slow in an agent: it is done for each endpoint every second.
  const columns = line
    .slice(line.indexOf(':') + 1)
    .split(' ')
    .filter(Boolean);
  const [receivedPackets = 0, malformedPackets = 0, sentPackets = 0] = [1, 5, 9].map((at) =>
    Number(columns[at] ?? 0),
  );
  return { receivedPackets, malformedPackets, sentPackets };
}

/** The last content, parsed: many endpoints look at the same one, each for its own device. */
let last: { readonly netDev: string; readonly lines: ReadonlyMap<string, string> } | undefined;

function lineOf(netDev: string, ifname: string): string | undefined {
  if (last?.netDev !== netDev) last = { netDev, lines: linesOf(netDev) };
  return last.lines.get(ifname);
}

function linesOf(netDev: string): ReadonlyMap<string, string> {
  return new Map(
    netDev.split('\n').map((line) => {
      const text = line.trimStart();
      return [text.slice(0, Math.max(0, text.indexOf(':'))), text];
    }),
  );
}
