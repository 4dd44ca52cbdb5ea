import { expect, test } from 'vitest';
import { Selection } from '#src/cli/targets/selection.ts';
import { listArgs } from '#src/pods/endpointAnnotation.ts';
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
