import { expect, test } from 'vitest';
import { Selection } from '#src/cli/targets/selection.ts';
import { listArgs } from '#src/pods/endpointAnnotation.ts';
import { tapResourceId } from '#src/spec/tapResource.ts';
import { startFakeApi } from '../support/fakeApi.ts';
import { clusterAt } from '../support/kokotap.ts';
import { pod } from '../support/objects.ts';

const id = '0123456789ab';
const receiver = {
  apiVersion: 'kokotap.dev/v1alpha1',
  kind: 'Receiver',
  tapId: id,
  path: { kind: 'vxlan', vni: 100, port: 4789, local: '192.0.2.2', remote: '192.0.2.1' },
  mirrorInterface: 'mirror2',
};

function list(...items: object[]): string {
  return JSON.stringify({ apiVersion: 'kokotap.dev/v1alpha1', kind: 'EndpointList', items });
}

/** A pod of the tap, of the agent with these arguments. */
function tapPod(args: readonly string[], endpoints?: string) {
  const annotations = endpoints === undefined ? {} : { 'kokotap.dev/endpoints': endpoints };
  return pod(`kokotap-${args[0]}`, {
    namespace: 'taps',
    metadata: { labels: { 'kokotap.dev/tap': id }, annotations },
    spec: { nodeName: 'node-b', containers: [{ name: 'agent', args }] },
  });
}

test.for([
  ['a tap is at its mirror interface', ['receiver', JSON.stringify(receiver)], undefined, ['mirror2']],
  [
    'a tap that is joined with others is at its own device',
    ['receiver', JSON.stringify({ ...receiver, joined: true })],
    undefined,
    [`kt-${id}`],
  ],
  [
    'the resource Tap is at the interface into which all its targets are joined',
    listArgs('receiver'),
    list({ ...receiver, joined: true }, { ...receiver, tapId: 'ab0123456789', joined: true }),
    ['mirror2'],
  ],
  ['a Tap without targets is nowhere yet', listArgs('receiver'), list(), []],
  ['a sender shows nothing', ['sender', '{}'], undefined, []],
] as const)('%s', async ([, args, endpoints, interfaces]) => {
  await using api = await startFakeApi({ objects: [tapPod(args, endpoints)] });
  const selection = await Selection.of(clusterAt(api.url).api, {
    namespace: 'default',
    words: [{ kind: 'tap', name: id }],
    labels: undefined,
    interfaces: [],
  });
  const found = await selection.find();
  expect(found).toEqual(
    interfaces.map((ifname) => ({ node: 'node-b', target: { name: `tap/${id}`, interfaces: [ifname] } })),
  );
});

test('the resource Tap is found by its name in its namespace', async () => {
  const uid = 'b2c6';
  const tap = {
    metadata: { name: 'payments', namespace: 'shop', uid, creationTimestamp: '2026-01-01T00:00:00Z' },
    spec: { targets: { selector: {} }, destination: { nodeName: 'node-b' } },
  };
  const answers = new Map([
    ['/apis/kokotap.dev', '{"kind":"APIGroup"}'],
    ['/apis/kokotap.dev/v1alpha1/namespaces/shop/taps/payments', JSON.stringify(tap)],
  ]);
  const made = tapPod(listArgs('receiver'), list({ ...receiver, joined: true }));
  const labels = { 'kokotap.dev/tap': tapResourceId(uid) };
  await using api = await startFakeApi({
    objects: [{ ...made, metadata: { ...made.metadata, labels } }],
    override: ({ path }) => {
      const body = answers.get(path);
      return body === undefined ? undefined : { code: 200, body };
    },
  });
  const found = async (namespace: string) => {
    const words = [{ kind: 'tap', name: 'payments' }] as const;
    const input = { namespace, words, labels: undefined, interfaces: [] };
    return (await Selection.of(clusterAt(api.url).api, input)).find();
  };
  expect(await found('shop')).toMatchObject([
    { node: 'node-b', target: { name: 'tap/payments', interfaces: ['mirror2'] } },
  ]);
  expect(await found('default')).toEqual([]);
});
