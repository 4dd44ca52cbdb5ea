import { describe, expect, test } from 'vitest';
import { loadAll } from 'js-yaml';
import { parseSelector } from '#src/cli/create/selectorText.ts';
import { command } from '../support/kokotap.ts';
import { startFakeApi } from '../support/fakeApi.ts';
import { commandAt } from '../support/kokotap.ts';

const persistent = ['create', '--to=node/node-b', '--persistent', '--dry-run', '--output=yaml'];

test('a Tap has what the flags say', async () => {
  await using api = await startFakeApi();
  const { stdout, stderr } = await commandAt(api.url, [
    ...persistent,
    'sts/db',
    '--namespace=shop',
    '--filter=tcp port 80',
    '--mirrortype=ingress',
    '--pod-ifname=eth0,net1',
    '--snaplen=128',
    '--sample=1/100',
    '--max-rate=8kbit',
    '--duration=1h30m',
    '--ifname=copies',
    '--name=payments',
  ]);
  expect(stderr).toBe('');
  expect(loadAll(stdout)).toEqual([
    {
      apiVersion: 'kokotap.dev/v1alpha1',
      kind: 'Tap',
      metadata: { name: 'payments', namespace: 'shop' },
      spec: {
        targets: { ref: { kind: 'StatefulSet', name: 'db' } },
        interfaces: ['eth0', 'net1'],
        direction: 'Ingress',
        filter: 'tcp port 80',
        snapLength: 128,
        sample: '1/100',
        maxRate: '8000bit',
        destination: { nodeName: 'node-b' },
        mirrorInterface: 'copies',
        duration: '5400s',
      },
    },
  ]);
  // Nothing is asked of the cluster.
  expect(api.requests).toEqual([]);
});

describe('no Tap can be', () => {
  test.each([
    [['web'], '"web" cannot be followed by --persistent: name a deploy, sts, ds, rs or job, or give -l'],
    [['node/node-a'], '"node-a" cannot be followed'],
    [['svc/web'], '"web" cannot be followed'],
    [['deploy/web', 'deploy/api'], '--persistent takes one workload'],
    [['deploy/web', '--selector=app=web'], '--persistent takes one workload'],
    [['deploy/web', '--vxlan-id=7'], '--vxlan-id does not go with --persistent'],
    [['deploy/web', '--image=x:1'], '--image does not go with --persistent'],
    [['deploy/web', '--to=pod/tools/suricata'], 'a destination pod is in the namespace of the targets'],
  ])('%o: %s', async (args, message) => {
    const { exitCode, stderr } = await command([...persistent, ...args]);
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 2, stderr: expect.stringContaining(message) });
  });

  test('named without being one', async () => {
    const { exitCode, stderr } = await command(['create', 'web', '--to=node/b', '--name=x']);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('--name is the name of a Tap: give --persistent too');
  });
});

describe('labels are read as kubectl reads them:', () => {
  test.each([
    ['app=web', { matchLabels: { app: 'web' } }],
    ['app==web, tier=', { matchLabels: { app: 'web', tier: '' } }],
    ['a.b/app!=web', { matchExpressions: [{ key: 'a.b/app', operator: 'NotIn', values: ['web'] }] }],
    [
      'app in (web, api),!old,new',
      {
        matchExpressions: [
          { key: 'app', operator: 'In', values: ['web', 'api'] },
          { key: 'old', operator: 'DoesNotExist' },
          { key: 'new', operator: 'Exists' },
        ],
      },
    ],
    ['app notin (web)', { matchExpressions: [{ key: 'app', operator: 'NotIn', values: ['web'] }] }],
  ])('%s', (text, selector) => {
    expect(parseSelector(text)).toEqual(selector);
  });

  test.each(['', ',', 'app=web,', 'app in web', 'app = = web', '!'])('%o is none', (text) => {
    expect(() => parseSelector(text)).toThrow('is not possible');
  });
});
