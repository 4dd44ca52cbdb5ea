import { afterAll, beforeAll, describe, expect } from 'vitest';
import { captureOnNode } from './support/capture.ts';
import { kubectl, kubectlWith, kubernetesMinor, nextTo } from './support/lab.ts';
import { pings } from './support/packets.ts';
import { podObject } from './support/pod.ts';
import { pair, type Sandbox, test } from './support/sandbox.ts';
import { until } from './support/until.ts';

const count = 10;
/** It lacks the policies. */
const isTooOld = kubernetesMinor < 30;
const kokotap = (...args: string[]) => kubectl('-n', 'kokotap', ...args);

/** A Tap of the sandbox's pods with the label app=web, on the node. */
function tapObject(sandbox: Sandbox, name: string, spec: object) {
  return {
    apiVersion: 'kokotap.dev/v1alpha1',
    kind: 'Tap',
    metadata: { name, namespace: sandbox.namespace },
    spec: {
      targets: { selector: { matchLabels: { app: 'web' } } },
      mirrorInterface: sandbox.ifname,
      ...spec,
    },
  };
}

/** The UID of a Tap's endpoint is not known here: what its pods' lists say is looked for on the nodes. */
async function watch(sandbox: Sandbox, tapUid: string): Promise<void> {
  const lists = await kokotap(
    'get',
    'pods',
    `--selector=kokotap.dev/tap-uid=${tapUid}`,
    '-o',
    String.raw`jsonpath={.items[*].metadata.annotations.kokotap\.dev/endpoints}`,
  );
  for (const [, id = ''] of lists.matchAll(/"tapId":"([0-9a-f]{12})"/g)) sandbox.watchTap(id);
}

describe.for(isTooOld ? [] : ['a Tap'])('%s', () => {
  beforeAll(async () => {
    await kubectl('apply', '-f', 'deploy/kokotap.yaml');
    await kokotap('rollout', 'status', 'deployment/kokotap-controller', '--timeout=150s');
  });

  afterAll(async () => {
    await kubectl('delete', '-f', 'deploy/kokotap.yaml', '--timeout=150s');
  });

  test('copies a pod with its labels, tells its state, and leaves nothing when it is deleted', async ({
    sandbox,
  }) => {
    const { web, peer } = await pair(sandbox);
    const before = await sandbox.snapshot(web);
    await kubectlWith(tapObject(sandbox, 'web', { destination: { nodeName: 'node-b' } }), 'apply');
    const condition = (type: string) =>
      sandbox.kubectl(
        'get',
        'tap',
        'web',
        '-o',
        `jsonpath={.status.conditions[?(@.type=="${type}")].reason}`,
      );
    await until('it is said that no pod is selected', async () => (await condition('Ready')) === 'NoTargets');
    await sandbox.label('web', { app: 'web' });
    await sandbox.condition('taps', 'Ready', 'True', 'web');
    expect(await sandbox.kubectl('get', 'tap', 'web', '--no-headers')).toMatch(
      /^web +1\/1 +node\/node-b +True /,
    );
    const uid = await sandbox.field('taps', 'web', '.metadata.uid');
    await watch(sandbox, uid);
    const address = await peer.address();
    const seen = await captureOnNode('node-b', sandbox.ifname, () => web.ping(address, count));
    const numbers = Array.from({ length: count }, (_, index) => index + 1);
    expect(pings(seen, 'request')).toEqual(numbers);
    expect(pings(seen, 'reply')).toEqual(numbers);
    expect(await sandbox.kubectl('get', 'events', '--field-selector=involvedObject.kind=Tap')).toContain(
      'AllCopied',
    );
    await sandbox.kubectl('delete', 'tap', 'web');
    await kokotap('wait', '--for=delete', 'pod', `--selector=kokotap.dev/tap-uid=${uid}`, '--timeout=60s');
    expect(await sandbox.traces()).toEqual([]);
    expect(await sandbox.snapshot(web)).toEqual(before);
  });

  test('that is not possible is refused by the API server, or says why it is not accepted', async ({
    sandbox,
  }) => {
    const refused = async (spec: object) => {
      const object = tapObject(sandbox, 'bad', spec);
      const { message } = await kubectlWith(object, 'apply').then(
        () => new Error('it was taken'),
        (error: Error) => error,
      );
      return message;
    };
    const destination = { nodeName: 'node-b' };
    expect(await refused({ destination: { ...destination, address: '192.0.2.1' } })).toContain(
      'give exactly one of nodeName, podRef and address',
    );
    expect(await refused({ destination, duration: '0s' })).toContain('give a time of a second or more');
    expect(await refused({ destination, interfaces: ['all', 'eth0'] })).toContain('give it alone');
    expect(await refused({ destination, mirrorInterface: 'eth0' })).toContain(
      'mirrorInterface is one of interfaces',
    );
    await kubectlWith(tapObject(sandbox, 'filter', { destination, filter: 'tcp prt 80' }), 'apply');
    await sandbox.condition('taps', 'Accepted', 'False', 'filter');
    expect(await sandbox.field('taps', 'filter', '.status.conditions[0].message')).toContain('syntax error');
  });

  test('takes a pod in that comes to a node with a sender, without a new sender', async ({ sandbox }) => {
    const { web } = await pair(sandbox);
    const node = nextTo('node-b');
    await sandbox.label('web', { app: 'web' });
    await kubectlWith(tapObject(sandbox, 'web', { destination: { nodeName: node } }), 'apply');
    await sandbox.condition('taps', 'Ready', 'True', 'web');
    const uid = await sandbox.field('taps', 'web', '.metadata.uid');
    const senders = () =>
      kokotap(
        'get',
        'pods',
        `--selector=kokotap.dev/tap-uid=${uid}`,
        '-o',
        'jsonpath={.items[*].metadata.uid}',
      );
    const before = await senders();
    await sandbox.delete('pods', web.name);
    const object = podObject({ name: 'web-2', node: 'node-a' });
    await sandbox.create({ ...object, metadata: { ...object.metadata, labels: { app: 'web' } } });
    await sandbox.ready('web-2');
    const next = sandbox.pod('web-2', 'node-a');
    await until('the pod is copied', async () =>
      (await next.inNetns('ip', '-brief', 'link')).includes('mirror'),
    );
    expect(await senders()).toBe(before);
    await watch(sandbox, uid);
    await sandbox.kubectl('delete', 'tap', 'web');
    await kokotap('wait', '--for=delete', 'pod', `--selector=kokotap.dev/tap-uid=${uid}`, '--timeout=60s');
    expect(await sandbox.traces()).toEqual([]);
  });
});

test.for(isTooOld ? ['a cluster that is too old says what it lacks'] : [])('%s', async () => {
  await expect(kubectl('apply', '--dry-run=server', '-f', 'deploy/kokotap.yaml')).rejects.toThrow(
    'no matches for kind "ValidatingAdmissionPolicy"',
  );
});
