import { describe, expect, test } from 'vitest';
import { endpointKey, parseEndpointList } from '#src/spec/endpointList.ts';

const apiVersion = 'kokotap.dev/v1alpha1';

function sender(changes: object = {}, pathChanges: object = {}) {
  const path = {
    kind: 'vxlan',
    vni: 100,
    port: 4789,
    local: '192.0.2.1',
    remote: '192.0.2.2',
    ...pathChanges,
  };
  return { apiVersion, kind: 'Sender', tapId: '0123456789ab', podUid: 'uid-1', path, ...changes };
}

function receiver(changes: object = {}, pathChanges: object = {}) {
  const { podUid: _, ...document } = sender(changes, pathChanges);
  return { ...document, kind: 'Receiver' };
}

function list(...items: unknown[]): string {
  return JSON.stringify({ apiVersion, kind: 'EndpointList', items });
}

describe('a list of endpoints', () => {
  test('has each by the target pod and the VNI at a sender', () => {
    const text = list(sender(), sender({ tapId: 'ab0123456789' }, { vni: 101 }));
    const { endpoints, problems } = parseEndpointList('Sender', text);
    expect(problems).toEqual([]);
    expect([...endpoints.keys()]).toEqual(['uid-1, VNI 100', 'uid-1, VNI 101']);
  });

  test('has each by the VNI and the peer at a receiver', () => {
    const text = list(receiver(), receiver({ tapId: 'ab0123456789' }, { remote: '192.0.2.3' }));
    const { endpoints, problems } = parseEndpointList('Receiver', text);
    expect(problems).toEqual([]);
    expect([...endpoints.keys()]).toEqual(['VNI 100, 192.0.2.2', 'VNI 100, 192.0.2.3']);
  });

  test('may be empty', () => {
    expect(parseEndpointList('Sender', list())).toEqual({ endpoints: new Map(), problems: [] });
  });

  test.for([
    ['', 'The list of endpoints is no JSON: '],
    [
      list(sender()).slice(0, 40),
      'The list of endpoints is no JSON: {"apiVersion":"kokotap.dev/v1alpha1","k',
    ],
    ['[]', 'The list of endpoints is not possible: give a JSON object'],
    [
      JSON.stringify({ apiVersion: 'kokotap.dev/v2', kind: 'EndpointList', items: [] }),
      'The list of endpoints is not possible, field apiVersion: give kokotap.dev/v1alpha1, which is what kokotap 0.1.0 reads',
    ],
    [
      JSON.stringify({ apiVersion, kind: 'EndpointList', items: [], more: 1 }),
      'The list of endpoints is not possible: kokotap 0.1.0 does not know more: it is for another version',
    ],
  ] as const)('%j is refused', ([text, message]) => {
    expect(() => parseEndpointList('Sender', text)).toThrow(message);
  });

  test.for([
    ['a string', "items.1: The endpoint's document is not possible: give a JSON object"],
    [
      receiver({ tapId: 'ab0123456789' }),
      "items.1: The endpoint's document is not possible, field kind: give a sender here",
    ],
    [
      sender({ tapId: 'ab0123456789' }),
      'items.1: another item is of uid-1, VNI 100 too: give each its own VNI',
    ],
    [
      sender({}, { vni: 101 }),
      'items.1: the item of uid-1, VNI 100 has the tapId 0123456789ab too: give each its own',
    ],
    [
      sender({ tapId: 'ab0123456789', apiVersion: 'kokotap.dev/v2' }, { vni: 101 }),
      "items.1: The endpoint's document is not possible, field apiVersion: give kokotap.dev/v1alpha1, which is what kokotap 0.1.0 reads",
    ],
  ] as const)('takes the others where one is %j', ([bad, message]) => {
    const good = sender({ tapId: 'fedcba987654' }, { vni: 102 });
    const { endpoints, problems } = parseEndpointList('Sender', list(sender(), bad, good));
    expect([...endpoints.keys()]).toEqual(['uid-1, VNI 100', 'uid-1, VNI 102']);
    expect(problems).toEqual([message]);
  });

  test('leaves an endpoint as it was whose item is not possible any more', () => {
    const before = parseEndpointList('Sender', list(sender({ direction: 'ingress' })));
    const { endpoints, problems } = parseEndpointList(
      'Sender',
      list(sender({ direction: 'sideways' })),
      before.endpoints,
    );
    expect(endpoints).toEqual(before.endpoints);
    expect(problems).toHaveLength(1);
  });
});

test.for([
  ['Sender', sender({ path: { kind: 'same-node' } }), 'uid-1, tap 0123456789ab'],
  ['Receiver', receiver({ path: { kind: 'same-node' } }), 'tap 0123456789ab'],
  ['Sender', sender({ podUid: undefined, hostNetwork: true }), 'the node, VNI 100'],
] as const)('the key of a %s %j is %s', ([kind, document, key]) => {
  const { endpoints } = parseEndpointList(kind, list(document));
  expect(Array.from(endpoints.values(), endpointKey)).toEqual([key]);
});

describe('the endpoint of an item that is not possible any more', () => {
  const [id, otherId] = ['0123456789ab', 'ab0123456789'];
  const before = parseEndpointList('Sender', list(sender(), sender({ tapId: otherId }, { vni: 101 })));
  const bad = sender({ direction: 'sideways' });
  const keysOf = (...items: object[]) =>
    [...parseEndpointList('Sender', list(...items), before.endpoints).endpoints].map(
      ([key, { tapId }]) => `${tapId}: ${key}`,
    );

  test('goes where its tap has another item', () => {
    expect(keysOf(bad, sender({}, { vni: 102 }))).toEqual([`${id}: uid-1, VNI 102`]);
  });

  test('goes where another tap has its place', () => {
    expect(keysOf(bad, sender({ tapId: otherId }))).toEqual([`${otherId}: uid-1, VNI 100`]);
  });

  test('stays alone: the one of a tap without an item goes', () => {
    expect(keysOf(bad)).toEqual([`${id}: uid-1, VNI 100`]);
  });
});
