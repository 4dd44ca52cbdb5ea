import type { Totals } from '#src/capture/collector.ts';

export interface SummaryInput {
  readonly seconds: number;
  /** The file; undefined: none. */
  readonly name: string | undefined;
  readonly written: number;
}

/** Whether all packets that were to be captured came. */
export function isComplete({ dropped, lost, cutShort }: Totals): boolean {
  return dropped === 0 && lost === 0 && cutShort.length === 0;
}

/** The last line: what came, and what is missing, where, and what to do about it. */
export function summary(totals: Totals, { seconds, name, written }: SummaryInput): string {
  const { bytes, targets, dropped, lost, cutShort } = totals;
  const subject = name === undefined ? '' : `${name}: `;
  const came = `${counted(written, 'packet')} (${bytesText(bytes)}) of ${counted(targets, 'target')} in ${seconds.toFixed(0)} s`;
  const missing = [
    ...(dropped > 0
      ? [
          `${counted(dropped, 'packet')} lost in the kernel, which had no room: --filter and --snaplen=128 make less, --spool=1G keeps more`,
        ]
      : []),
    ...(lost > 0 ? [`${counted(lost, 'packet')} lost on the way`] : []),
    ...(cutShort.length > 0
      ? [`the stream of ${cutShort.map(nodeOf).join(', ')} was cut short: nobody knows what is missing`]
      : []),
  ];
  return `${subject}${came}, ${missing.length === 0 ? 'none lost' : missing.join('; ')}`;
}

function nodeOf(stream: string): string {
  return stream.split('#', 1)[0] ?? stream;
}

function counted(count: number, what: string): string {
  return `${count.toLocaleString('en-US')} ${what}${count === 1 ? '' : 's'}`;
}

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

function bytesText(bytes: number): string {
  const index = Math.min(UNITS.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  const value = bytes / 1000 ** index;
  return `${index === 0 ? value : value.toFixed(1)} ${UNITS[index]}`;
}
