import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { isDnsSubdomain } from '#src/spec/kubeNames.ts';
import { receiverName, senderName } from '#src/spec/names.ts';
import type { TapIdentity } from '#src/spec/tapId.ts';

const PLAIN: TapIdentity = {
  targetNamespace: 'default',
  pod: 'web',
  podIfname: 'eth0',
  destination: { node: 'node-b' },
  ifname: 'mirror',
  tapNamespace: 'default',
};

/** Names made of the very words that tap names are made of, and a few dull ones: the hard cases. */
const trickyName = fc
  .array(fc.constantFrom('a', 'b', 'sender', 'receiver', 'kokotap', '0123456789', 'x.y', 'z'.repeat(120)), {
    minLength: 1,
    maxLength: 6,
  })
  .map((words) => words.join('-'))
  .filter(isDnsSubdomain);

const anyName = fc.oneof(trickyName, fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?$/u));

const identities: fc.Arbitrary<TapIdentity> = fc.record({
  targetNamespace: fc.constantFrom('default', 'team'),
  pod: anyName,
  podIfname: fc.constantFrom('eth0', 'net1'),
  destination: fc.oneof(
    anyName.map((node) => ({ node }) as const),
    fc.record({ pod: anyName, namespace: fc.constantFrom('default', 'team') }),
  ),
  ifname: fc.constantFrom('mirror', 'tap0'),
  tapNamespace: fc.constantFrom('default', 'team'),
});

function names(identity: TapIdentity): string[] {
  const receiver = receiverName(identity);
  const all = [senderName(identity), ...(receiver === undefined ? [] : [receiver])];
  return all.map((name) => `${identity.tapNamespace}/${name}`);
}

test('plain names', () => {
  expect(names(PLAIN)).toEqual(['default/kokotap-web-sender', 'default/kokotap-web-receiver-node-b']);
  expect(names({ ...PLAIN, pod: 'a.b', destination: { node: 'n.example.org' } })).toEqual([
    'default/kokotap-a.b-sender',
    'default/kokotap-a.b-receiver-n.example.org',
  ]);
  expect(names({ ...PLAIN, pod: 'web-5d4f8c9b7d-x2x9z' })[0]).toBe(
    'default/kokotap-web-5d4f8c9b7d-x2x9z-sender',
  );
});

test('the receiver of a destination pod has its name', () => {
  expect(names({ ...PLAIN, destination: { pod: 'suricata', namespace: 'tools' } })).toEqual([
    'default/kokotap-web-sender',
    'default/kokotap-web-receiver-suricata',
  ]);
});

test.each<[string, Partial<TapIdentity>]>([
  ['another namespace', { tapNamespace: 'taps' }],
  ['another interface of the pod', { podIfname: 'net1' }],
  ['another mirror interface', { ifname: 'tap0' }],
  ['a name that would be too long', { pod: 'x'.repeat(240) }],
  ["a pod whose sender could be another pod's receiver", { pod: 'a-receiver-b' }],
  ['a pod whose plain name looks hashed', { pod: 'web-0123456789' }],
])('%s makes the sender a name with a hash', (_, change) => {
  const identity = { ...PLAIN, ...change };
  expect(senderName(identity)).toMatch(/^kokotap-[a-z0-9-]+-[0-9a-f]{10}-sender$/u);
  expect(senderName(identity)).not.toBe(`kokotap-${identity.pod}-sender`);
});

test.each([
  ['a', 'b-sender'],
  ['a-receiver', 'b'],
  ['a', 'receiver-b'],
  ['a-receiver-b', 'c'],
])('the receiver of pod %s on node %s gets a name with a hash', (pod, node) => {
  expect(receiverName({ ...PLAIN, pod, destination: { node } })).toMatch(/-[0-9a-f]{10}-receiver-/u);
});

// Names that could be read in two ways if what has no valid name were one.
test.each([
  ['a', 'x--sender'],
  ['a--receiver-b', 'x'],
  ['a-receiver--b', 'x'],
])('the names of a tap of pod %s to node %s stay plain', (pod, node) => {
  expect(names({ ...PLAIN, pod, destination: { node } })).toEqual([
    `default/kokotap-${pod}-sender`,
    `default/kokotap-${pod}-receiver-${node}`,
  ]);
});

test('a destination outside the cluster has no receiver', () => {
  expect(receiverName({ ...PLAIN, destination: { address: '192.0.2.7' } })).toBeUndefined();
});

test.each([
  'a-0123456789-b',
  'a0123456789',
  'a-012345678',
  'a-01234567890',
  'a-0123456789x',
  'a-0123456789-sender-b',
  'a-ghijklmnop',
])('a plain name with no hash where names have one stays plain: %s', (pod) => {
  expect(names({ ...PLAIN, pod })).toEqual([
    `default/kokotap-${pod}-sender`,
    `default/kokotap-${pod}-receiver-node-b`,
  ]);
});

test('a plain name is no longer than one for which the kubelet can make a folder', () => {
  const [longest, tooLong] = [139, 140].map((length) => senderName({ ...PLAIN, pod: 'x'.repeat(length) }));
  expect(longest).toBe(`kokotap-${'x'.repeat(139)}-sender`);
  expect(longest).toHaveLength(154);
  expect(tooLong).toMatch(/-[0-9a-f]{10}-sender$/u);
});

test.each([
  ['x'.repeat(61), 'x'.repeat(60)],
  [`${'x'.repeat(59)}.y`, 'x'.repeat(59)],
  ['a..b.c', 'a-b-c'],
  ['.Ab.', 'ab'],
])('a name with a hash has of %s what a label can have: %s', (full, short) => {
  const identity = { ...PLAIN, pod: full, podIfname: 'net1', destination: { node: full } };
  const hash = /[0-9a-f]{10}/u.exec(senderName({ ...identity }).replace(short, ''))?.[0];
  expect(senderName(identity)).toBe(`kokotap-${short}-${hash}-sender`);
  expect(receiverName(identity)).toBe(`kokotap-${short}-${hash}-receiver-${short}`);
});

test('any name is one that a pod can have', () => {
  fc.assert(
    fc.property(identities, (identity) => {
      expect(names(identity).map((name) => isDnsSubdomain(name.split('/')[1] ?? ''))).toEqual([true, true]);
    }),
  );
});

test('even names that no object has become valid', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.string(), (pod, node) => {
      const identity = { ...PLAIN, pod: `p${pod}`, destination: { node: `n${node}` } } as const;
      expect(names(identity).map((name) => isDnsSubdomain(name.split('/')[1] ?? ''))).toEqual([true, true]);
    }),
  );
});

test('the same identity has the same names', () => {
  fc.assert(
    fc.property(identities, (identity) => {
      expect(names({ ...identity })).toEqual(names(identity));
    }),
  );
});

test('two taps share no name, except that a pod has one plain sender', () => {
  fc.assert(
    fc.property(identities, identities, fc.boolean(), (one, other, samePod) => {
      const two = samePod ? { ...other, pod: one.pod } : other;
      fc.pre(JSON.stringify(one) !== JSON.stringify(two));
      const shared = names(one).filter((name) => names(two).includes(name));
      const onlyDestinationDiffers =
        JSON.stringify({ ...one, destination: 0 }) === JSON.stringify({ ...two, destination: 0 });
      const allowed = onlyDestinationDiffers ? names(one).slice(0, 1) : [];
      expect(allowed).toEqual(expect.arrayContaining(shared));
    }),
    { numRuns: 2000 },
  );
});
