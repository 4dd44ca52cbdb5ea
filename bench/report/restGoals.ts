import { READINESS_SECONDS } from '#src/pods/podSpec.ts';
import type { AgentAtRest } from '../measures/agents.ts';
import { table } from './table.ts';

/**
 * CPU time that kubelet and runtime take for one readiness probe, a connection, in milliseconds. Measured once in the lab: of
 * ten pods probed every second, against the same time without, 350 ms for 400 probes.
 */
const PROBE_MS = 0.9;

/** What an agent is to take at rest, and whether it does. */
export function restGoalTable(agents: Readonly<Record<'sender' | 'receiver', AgentAtRest>>): string {
  const row = (
    what: string,
    most: number,
    unit: string,
    digits: number,
    find: (agent: AgentAtRest) => number,
  ) => [
    what,
    `≤ ${most.toFixed(digits)} ${unit}`,
    ...[agents.sender, agents.receiver].map(
      (agent) => `${find(agent).toFixed(digits)} ${unit} ${find(agent) <= most ? 'reached' : 'missed'}`,
    ),
  ];
  return table(
    ['', 'goal', 'sender', 'receiver'],
    [
      row('resident memory', 40, 'MB', 0, ({ residentMegabytes }) => residentMegabytes),
      row('CPU of the agent and its commands', 0.1, '%', 2, ({ cpuPercent }) => cpuPercent),
      row('the same with its readiness probe', 0.2, '%', 2, ({ cpuPercent }) => cpuPercent + probePercent),
    ],
  );
}

const probePercent = PROBE_MS / (READINESS_SECONDS * 10);
