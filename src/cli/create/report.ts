import type { PlannedTap } from './plan.ts';

/**
 * What was made, and how to read it.
 *
 * @param verb such as `created`
 */
export function report(taps: readonly PlannedTap[], verb: string): string {
  return taps.map((tap) => `tap/${tap.id} ${verb}: ${tap.target} to ${tap.destination}\n`).join('');
}

/** Where the copies are, how to read them, and how to remove the taps. */
export function advice(taps: readonly PlannedTap[], namespace: string): string {
  const names = taps.map(({ id }) => `tap/${id}`).join(' ');
  const places = [...new Set(taps.map(placeOf))];
  // A capture reads on nodes.
  const captured = taps.some(({ destination }) => destination.startsWith('node/'));
  const lines = [...places, ...(captured ? [`from here: kokotap capture ${names}`] : [])];
  return [
    '\nTo read the copies:\n',
    ...lines.map((line) => `  ${line}\n`),
    `To remove what was made:\n  kokotap delete -n ${namespace} ${names}\n`,
  ].join('');
}

function placeOf({ destination, tap, target, vni }: PlannedTap): string {
  const { mirrorInterface, vxlanPort } = tap;
  const [kind, first, second] = destination.split('/');
  switch (kind) {
    case 'node':
      return `on node ${first}: tcpdump -ni ${mirrorInterface}`;
    case 'pod':
      return `in pod ${second} of namespace ${first}: interface ${mirrorInterface}`;
    default:
      return `at ${first}: VXLAN with VNI ${vni} at UDP port ${vxlanPort} for ${target}; README says how to make its end`;
  }
}
