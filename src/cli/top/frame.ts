import { targetsText } from '#src/pods/labels.ts';
import { describeTap } from '../taps/describe.ts';
import { type Flow, rateText } from '../taps/rate.ts';
import type { Account } from '../taps/accounts.ts';
import type { ListedTap } from '../taps/taps.ts';
import { table } from '../table.ts';
import { escapeControls } from '../text.ts';

/** A tap, and how it fares. */
export interface TopRow {
  readonly tap: ListedTap;
  /** Undefined: its agents have not been asked yet. */
  readonly account: Account | undefined;
  readonly flow: Flow;
}

export interface View {
  readonly rows: readonly TopRow[];
  /** The index of the row that is described. */
  readonly selected: number;
  /** Why the rows are not of now. */
  readonly trouble: string | undefined;
}

/** What there is to draw on. */
export interface Canvas {
  readonly columns: number;
  readonly lines: number;
  readonly hasColour: boolean;
}

const HEAD = ['TAP', 'TARGET', 'DESTINATION', 'STATE', 'IN', 'OUT', 'LOST'];
const KEYS = 'j, k or arrows: select   q: quit';
/** Title, head of the table, and the line above the description. */
const OTHER_LINES = 3;
/** Of the table, whatever is described below. */
const LEAST_ROWS = 3;

/** The lines of the screen: all taps, as far as there is room, and below them the selected one. */
export function frame({ rows, selected, trouble }: View, { columns, lines, hasColour }: Canvas): string[] {
  const chosen = rows[selected];
  const described =
    chosen?.account === undefined ? [] : describeTap(chosen.tap, chosen.account).trimEnd().split('\n');
  const room = Math.max(LEAST_ROWS, lines - OTHER_LINES - described.length);
  const first = Math.max(0, Math.min(selected - room + 1, rows.length - room));
  const [head = '', ...body] = table([HEAD, ...rows.map(cells)])
    .trimEnd()
    .split('\n');
  const paint = (code: number, text: string) => (hasColour ? `\u001B[${code}m${text}\u001B[0m` : text);
  const fit = (text: string) => escapeControls(text).slice(0, columns);
  const count = `${rows.length} ${rows.length === 1 ? 'tap' : 'taps'}`;
  const title =
    trouble === undefined ? fit(`${count}   ${KEYS}`) : paint(RED, fit(`${count}, not of now: ${trouble}`));
  const shown = body.slice(first, first + room).map((line, at) => {
    const index = first + at;
    const text = fit(`${index === selected ? '>' : ' '} ${line}`);
    if (index === selected) return paint(INVERSE, text);
    return isTroubled(rows[index]) ? paint(RED, text) : text;
  });
  return [title, fit(`  ${head}`), ...shown, '', ...described.map(fit)].slice(0, lines);
}

const RED = 31;
const INVERSE = 7;

function cells({ tap, flow }: TopRow): string[] {
  const { id, targets, destination, state } = tap;
  const { ingress, egress } = flow.bitsPerSecondOf;
  const lost = String(flow.lostPackets ?? '?');
  return [id, targetsText(targets), destination, state, rateText(ingress), rateText(egress), lost];
}

function isTroubled(row: TopRow | undefined): boolean {
  return row !== undefined && (row.tap.state !== 'Ready' || (row.flow.lostPackets ?? 0) > 0);
}
