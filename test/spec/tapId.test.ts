import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { nameHash, tapId, type TapIdentity } from '#src/spec/tapId.ts';

const name = fc.string({ minLength: 1, maxLength: 5 });

const identities: fc.Arbitrary<TapIdentity> = fc.record({
  targetNamespace: name,
  pod: name,
  podIfname: name,
  destination: fc.oneof(
    name.map((node) => ({ node }) as const),
    name.map((address) => ({ address }) as const),
    fc.record({ pod: fc.stringMatching(/^[a-z]{1,5}$/u), namespace: fc.stringMatching(/^[a-z]{1,5}$/u) }),
  ),
  ifname: name,
  tapNamespace: name,
});

test('the id of a tap never changes: it is in clusters and kernels', () => {
  const identity: TapIdentity = {
    targetNamespace: 'default',
    pod: 'centos',
    podIfname: 'eth0',
    destination: { node: 'kube-master' },
    ifname: 'mirror',
    tapNamespace: 'default',
  };
  expect(tapId(identity)).toBe('1b718cdae840');
  expect(nameHash(identity)).toBe('cdad7eb81b');
  expect(tapId({ ...identity, destination: { address: '192.0.2.7' } })).toBe('86395d27db94');
  expect(tapId({ ...identity, destination: { pod: 'suricata', namespace: 'tools' } })).toBe('f4eca11a346b');
});

test('12 hex digits, whatever the order of the fields', () => {
  fc.assert(
    fc.property(identities, (identity) => {
      expect(tapId(identity)).toMatch(/^[0-9a-f]{12}$/u);
      const { pod, ...rest } = identity;
      expect(tapId({ ...rest, pod })).toBe(tapId(identity));
    }),
  );
});

test('another identity has another id', () => {
  fc.assert(
    fc.property(identities, identities, (one, two) => {
      fc.pre(JSON.stringify(one) !== JSON.stringify(two));
      expect(tapId(one)).not.toBe(tapId(two));
    }),
  );
});

test('a node and an address of one name are two destinations', () => {
  fc.assert(
    fc.property(identities, name, (identity, end) => {
      const toNode = tapId({ ...identity, destination: { node: end } });
      expect(tapId({ ...identity, destination: { address: end } })).not.toBe(toNode);
    }),
  );
});
