import type { PlannedTap } from './plan.ts';

/**
 * What was made.
 *
 * @param verb such as `created`
 */
export function report({ id, targets, destination }: PlannedTap, verb: string): string {
  const [first, ...others] = targets.map(({ name }) => name);
  if (others.length === 0) return `tap/${id} ${verb}: ${first} to ${destination}\n`;
  const names = targets.map(({ name }) => `  ${name}\n`).join('');
  return `tap/${id} ${verb}: ${targets.length} targets to ${destination}\n${names}`;
}

/** Where the copies are, how to read them, and how to remove the tap. */
export function advice(tap: PlannedTap, namespace: string): string {
  const { id, destination } = tap;
  // A capture reads on nodes.
  const isCaptured = destination.startsWith('node/');
  const lines = [...placesOf(tap), ...(isCaptured ? [`from here: kokotap capture tap/${id}`] : [])];
  return [
    '\nTo read the copies:\n',
    ...lines.map((line) => `  ${line}\n`),
    `To remove what was made:\n  kokotap delete -n ${namespace} tap/${id}\n`,
  ].join('');
}

function placesOf({ destination, mirrorInterface, vxlanPort, targets }: PlannedTap): string[] {
  const [kind, first, second] = destination.split('/');
  switch (kind) {
    case 'node':
      return [`on node ${first}: tcpdump -ni ${mirrorInterface}`];
    case 'pod':
      return [`in pod ${second} of namespace ${first}: interface ${mirrorInterface}`];
    default:
      return targets.map(
        ({ name, vni }) =>
          `at ${first}: VXLAN with VNI ${vni} at UDP port ${vxlanPort} for ${name}; README says how to make its end`,
      );
  }
}
