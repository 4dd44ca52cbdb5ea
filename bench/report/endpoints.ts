import type { EndpointFigures } from '../measures/endpoints.ts';
import { table } from './table.ts';

/** What is measured of one agent or both, in which unit, and what it is to be at most. */
interface Row {
  readonly what: string;
  readonly unit: string;
  readonly digits: number;
  readonly find: (figures: EndpointFigures) => number;
  /** By the number of endpoints. */
  readonly most: Readonly<Record<number, number>>;
}

const rows: readonly Row[] = [
  row('memory of the sender, resident, with its commands', 'MB', 0, { 100: 120 }, (figures) =>
    megabytes(figures, 'sender'),
  ),
  row('memory of the receiver', 'MB', 0, { 100: 120 }, (figures) => megabytes(figures, 'receiver')),
  row('CPU of the sender at rest', '%', 2, { 1: 0.2, 100: 0.5 }, ({ agents }) => agents.sender.cpuPercent),
  row(
    'CPU of the receiver at rest',
    '%',
    2,
    { 1: 0.2, 100: 0.5 },
    ({ agents }) => agents.receiver.cpuPercent,
  ),
  row('to make all', 's', 1, { 100: 15 }, ({ makeSeconds }) => makeSeconds),
  row('to change one', 's', 1, { 100: 1 }, ({ changeSeconds }) => changeSeconds),
  row('to remove all', 's', 1, { 100: 10 }, ({ removeSeconds }) => removeSeconds),
  row('to answer for all', 'ms', 0, {}, ({ statusMilliseconds }) => statusMilliseconds),
];

/** What agents of one and of many endpoints take, and whether it is as little as it is to be. */
export function endpointTable(all: readonly EndpointFigures[]): string {
  return table(
    ['', ...all.map(({ count }) => (count === 1 ? '1 endpoint' : `${count} endpoints`))],
    rows.map((each) => [each.what].concat(all.map((figures) => cell(each, figures)))),
  );
}

function cell({ unit, digits, find, most }: Row, figures: EndpointFigures): string {
  const value = find(figures);
  const goal = most[figures.count];
  const shown = `${value.toFixed(digits)} ${unit}`;
  return goal === undefined ? shown : `${shown} (≤ ${goal}: ${value <= goal ? 'reached' : 'missed'})`;
}

function row(
  what: string,
  unit: string,
  digits: number,
  most: Row['most'],
  find: (figures: EndpointFigures) => number,
): Row {
  return { what, unit, digits, most, find };
}

function megabytes({ agents }: EndpointFigures, role: 'sender' | 'receiver'): number {
  const { residentMegabytes, commandsMegabytes } = agents[role];
  return residentMegabytes + commandsMegabytes;
}
