import { expect, test } from 'vitest';
import { redirectedPath } from '#src/kube/redirect.ts';

const describe = async () => ({ url: 'https://api:6443/' });

test.each([
  ['/k8s/api/v1/pods?a=b', '/k8s/api/v1/pods?a=b'],
  ['https://api:6443/x?y', '/x?y'],
  ['nodes', '/api/v1/nodes'],
  ['https://login/', undefined],
  ['//login/x', undefined],
  ['http://api:6443/x', undefined],
  ['https://', undefined],
  [undefined, undefined],
])('to %s', async (location, path) => {
  const headers = location === undefined ? {} : { location };
  for (const status of [301, 302, 307, 308])
    expect(await redirectedPath({ status, headers }, '/api/v1/pods', describe)).toBe(path);
});

test.each([200, 304, 404])('%i is no redirection', async (status) => {
  expect(await redirectedPath({ status, headers: { location: '/x' } }, '/', describe)).toBeUndefined();
});
