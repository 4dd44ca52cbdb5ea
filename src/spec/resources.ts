import { compareQuantities } from './quantity.ts';

/** Quantities by the name of a resource, such as `{ cpu: '50m' }`. */
export type Quantities = Readonly<Record<string, string>>;

/** What the user asks for instead of the defaults, resource by resource. */
export interface ResourceWishes {
  readonly requests: Quantities;
  readonly limits: Quantities;
}

/**
 * On a node of two CPUs whose other pods ask for all of them and use them, a request for 25m gave an agent some 30 ms of CPU
 * time a second (measured), and a removal takes 70 ms. Limits are at most ten times the requests, which many a LimitRange asks for.
 */
export const DEFAULT_RESOURCES: ResourceWishes = {
  requests: { cpu: '50m', memory: '64Mi' },
  limits: { cpu: '500m', memory: '128Mi' },
};

/** Requests and limits of an agent. A default gives way to what is asked for: no request is above its limit by it. */
export function containerResources({ requests, limits }: ResourceWishes): ResourceWishes {
  return {
    requests: { ...yielding(DEFAULT_RESOURCES.requests, limits, 1), ...requests },
    limits: { ...yielding(DEFAULT_RESOURCES.limits, requests, -1), ...limits },
  };
}

/** Defaults, or in their place what was asked for at the other side where they are above (1) or below (-1) that. */
function yielding(defaults: Quantities, asked: Quantities, sign: 1 | -1): Quantities {
  return Object.fromEntries(
    Object.entries(defaults).map(([name, value]) => {
      const other = asked[name];
      return [name, other !== undefined && sign * compareQuantities(value, other) > 0 ? other : value];
    }),
  );
}
