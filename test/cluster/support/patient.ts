import { givenSlowness } from '../../support/slowness.ts';

/** A timeout of the cluster tests, multiplied where the machine is said to be slower than a usual one. */
export function patient(timeout: number): number {
  return timeout * (givenSlowness() ?? 1);
}
