import { expect, test } from 'vitest';
import { compareQuantities } from '#src/spec/quantity.ts';
import { containerResources, type Quantities } from '#src/spec/resources.ts';

const requests = { cpu: '50m', memory: '64Mi' };
const limits = { cpu: '500m', memory: '128Mi' };

test.each<[string, Quantities, Quantities, Quantities, Quantities]>([
  ['nothing asked for', {}, {}, requests, limits],
  ['a request', { cpu: '100m' }, {}, { ...requests, cpu: '100m' }, limits],
  ['a limit', {}, { cpu: '200m' }, requests, { ...limits, cpu: '200m' }],
  [
    'a limit below the default request',
    {},
    { cpu: '20m' },
    { ...requests, cpu: '20m' },
    { ...limits, cpu: '20m' },
  ],
  ['a limit that is the default request', {}, { cpu: '0.05' }, requests, { ...limits, cpu: '0.05' }],
  [
    'a request above the default limit',
    { memory: '1Gi' },
    {},
    { ...requests, memory: '1Gi' },
    { ...limits, memory: '1Gi' },
  ],
  [
    'another resource',
    { 'ephemeral-storage': '1Mi' },
    { 'ephemeral-storage': '2Mi' },
    { ...requests, 'ephemeral-storage': '1Mi' },
    { ...limits, 'ephemeral-storage': '2Mi' },
  ],
])('with %s', (_, askedRequests, askedLimits, expectedRequests, expectedLimits) => {
  expect(containerResources({ requests: askedRequests, limits: askedLimits })).toEqual({
    requests: expectedRequests,
    limits: expectedLimits,
  });
});

test('by default a limit is at most ten times its request', () => {
  const { requests: asked, limits: most } = containerResources({ requests: {}, limits: {} });
  const tenfold = { cpu: '500m', memory: '640Mi' };
  expect(asked).toEqual({ cpu: '50m', memory: '64Mi' });
  for (const [name, value] of Object.entries(tenfold))
    expect(compareQuantities(most[name] ?? '', value)).toBeLessThanOrEqual(0);
});
