import { CommandError } from '#src/exec/command.ts';
import { readPath } from '#src/net/pathMtu.ts';
import { preferences } from '#src/tap/ownership/mark.ts';
import { fitOf } from '#src/tap/path/fit.ts';
import type { Link, Vxlan } from '#src/tap/state.ts';
import type { EndpointStatus } from './endpointStatus.ts';
import type { Placed, TargetHook } from './targetHooks.ts';

export async function describeFit(
  { vxlan }: Link,
  links: readonly Link[],
  targets: readonly TargetHook[],
  filters: readonly Placed[],
): Promise<Pick<EndpointStatus, 'fit' | 'degraded'>> {
  const object = filters.find(({ filter }) => filter.preference === preferences.copy)?.filter.program;
  const copied = new Set(targets.map((target) => target.interface));
  const mtus = links.filter(({ name }) => copied.has(name)).map(({ mtuBytes }) => mtuBytes);
  const pathMtuBytes = vxlan && (await readPathMtuIfAny(vxlan));
  return {
    ...(vxlan === undefined || pathMtuBytes === undefined || mtus.length === 0
      ? {}
      : { fit: fitOf(vxlan.remote, pathMtuBytes, Math.max(...mtus), object) }),
    ...(object === undefined ? { degraded: plain } : {}),
  };
}

/** Undefined while the node has no way to the other end; the rest of the status is worth telling then too. */
async function readPathMtuIfAny({ local, remote }: Vxlan): Promise<number | undefined> {
  try {
    return (await readPath(local, remote)).mtuBytes;
  } catch (error) {
    if (error instanceof CommandError) return undefined;
    throw error;
  }
}

/** Why some numbers are not there, and copies are not treated. */
const plain =
  'the eBPF programs are not loaded: copies are not made to fit the underlay, and counted only by the kernel';
