import type { AgentAtRest } from '../measures/agents.ts';
import { EMPTY_PROGRAM } from '../measures/commandLine.ts';
import type { Results } from '../results.ts';
import { spread } from '../statistics.ts';
import { table } from './table.ts';
import { shown } from './traffic.ts';

/** How long what a user types takes, and its ratio to an empty program in the same run. */
export function commandLineTable({ commandLineMilliseconds: times }: Results): string {
  const empty = times[EMPTY_PROGRAM] ?? [];
  const rows = Object.entries(times).map(([name, all]) => [
    `\`${name}\``,
    milliseconds(all),
    shown(spread(all.map((time, index) => time / (empty[index] ?? Number.NaN))), 2),
  ]);
  return table(['', 'wall time', `ratio to \`${EMPTY_PROGRAM}\``], rows);
}

/** What a clsact qdisc costs the interface on which it comes or goes. */
export function pauseTable({ pauses }: Results): string {
  const { idle, busy } = pauses;
  const rows = [
    ['clsact comes', shownPause(idle.add), shownPause(busy.add)],
    ['qdiscs are listed', shownPause(idle.list), shownPause(busy.list)],
    ['clsact goes', shownPause(idle.delete), shownPause(busy.delete)],
  ];
  return table(['', 'idle machine', 'all CPUs busy'], rows);
}

function shownPause(microseconds: readonly number[]): string {
  const { median, max } = spread(microseconds);
  const lossy = microseconds.filter((each) => each > 0).length;
  if (lossy === 0) return `nothing lost in ${microseconds.length}`;
  return `${(median / 1000).toFixed(2)} ms, at most ${(max / 1000).toFixed(1)}; lost in ${lossy} of ${microseconds.length}`;
}

/** What is no ratio. */
export function otherTable({ firstPacketMilliseconds, agents, imageMegabytes }: Results): string {
  return table(
    ['', ''],
    [
      ['`kubectl create` to the first copy on node-b', milliseconds(firstPacketMilliseconds)],
      ['sender at rest', atRest(agents.sender)],
      ['receiver at rest', atRest(agents.receiver)],
      ['image, compressed', `${imageMegabytes.toFixed(1)} MB`],
    ],
  );
}

function milliseconds(values: readonly number[]): string {
  const { median, min, max } = spread(values);
  return `${median.toFixed(0)} ms (${min.toFixed(0)}–${max.toFixed(0)})`;
}

function atRest(agent: AgentAtRest): string {
  const [resident, anonymous, commands] = [
    agent.residentMegabytes,
    agent.anonymousMegabytes,
    agent.commandsMegabytes,
  ].map((megabytes) => `${megabytes.toFixed(1)} MB`);
  const memory = `${resident} resident, ${anonymous} of it its own, and ${commands} in its commands`;
  return `${memory}; ${agent.cpuPercent.toFixed(2)} % of a CPU`;
}
