import { expect, test } from 'vitest';
import { parseTarget } from '#src/cli/targets/targetWord.ts';

test.for([
  ['web', { kind: 'pod', name: 'web' }],
  ['web.1', { kind: 'pod', name: 'web.1' }],
  ['po/web', { kind: 'pod', name: 'web' }],
  ['Deployments/web', { kind: 'workload', resource: 'deployments', name: 'web' }],
  ['sts/db', { kind: 'workload', resource: 'statefulsets', name: 'db' }],
  ['ds/agent', { kind: 'workload', resource: 'daemonsets', name: 'agent' }],
  ['rs/web-1', { kind: 'workload', resource: 'replicasets', name: 'web-1' }],
  ['job/once', { kind: 'workload', resource: 'jobs', name: 'once' }],
  ['svc/web', { kind: 'workload', resource: 'services', name: 'web' }],
  ['node/node-a', { kind: 'node', name: 'node-a' }],
  ['tap/0123456789ab', { kind: 'tap', name: '0123456789ab' }],
] as const)('%s', ([word, target]) => {
  expect(parseTarget(word)).toStrictEqual(target);
});

test.for(['cm/web', 'deploy/web/main', '/web'])('%s has no pods', (word) => {
  expect(() => parseTarget(word)).toThrow(
    `Target "${word}" is not possible: give the name of a pod, or one of pod, deploy, sts, ds, rs, job, svc, node or tap with a name, such as deploy/web`,
  );
});

test.for([
  ['Web', 'Web'],
  ['deploy/', ''],
  ['', ''],
])('%s is no name', ([word = '', name]) => {
  expect(() => parseTarget(word)).toThrow(
    `Target "${word}" is not possible: nothing in Kubernetes can be called "${name}"`,
  );
});
