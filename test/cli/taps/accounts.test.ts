import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { AgentStatus } from '#src/cli/agentStatus.ts';
import { accountOf, type AgentAnswer, fewerLost } from '#src/cli/taps/accounts.ts';
import { describeTap, isReady } from '#src/cli/taps/describe.ts';
import { bitsPerSecond, rateText } from '#src/cli/taps/rate.ts';
import { TAP_LIST_SCHEMA, tapListJsonSchema } from '../../../scripts/tapListSchema.ts';

const id = '270fe356c75e';
const pods = ['sender', 'receiver'].map((role) => ({
  name: `kokotap-web-${role}`,
  role,
  node: `node-of-${role}`,
  isRunning: true,
  endpoints: [{ id, vni: 100, target: 'pod/shop/web' }],
}));
const [senderPod, receiverPod] = pods;
if (senderPod === undefined || receiverPod === undefined) throw new Error('there are two');
const tap = {
  namespace: 'taps',
  id,
  targets: ['pod/shop/web'],
  destination: 'node/node-b',
  state: 'Ready',
  vnis: [100],
  created: new Date(Date.now() - 3 * 60_000).toISOString(),
  pods,
};

const ready = (of: string) => ({ tap: of, state: 'ready', reason: 'mirror is in place at both ends' });

const sender: AgentStatus = {
  endpoints: [ready('000000000000'), ready(id)],
  observed: [
    {
      tap: id,
      role: 'sender',
      device: { name: 'mirror' },
      copies: {
        ingress: {
          seenPackets: 20,
          notMatchingPackets: 5,
          shedPackets: 3,
          copiedPackets: 12,
          copiedBytes: 1200,
        },
        egress: { seenPackets: 10, copiedPackets: 10, copiedBytes: 800 },
      },
      sentPackets: 22,
      reportedPackets: 10,
      lostPackets: 12,
      turnedAwayPackets: 4,
      fit: { says: 'every copy fits the underlay' },
    },
  ],
};
const receiver: AgentStatus = {
  endpoints: [{ tap: id, state: 'no-peer', reason: 'nothing of the sender comes' }],
  observed: [{ tap: id, role: 'receiver', device: { name: 'mirror' }, receivedPackets: 21 }],
};
const both = accountOf([
  { pod: senderPod, status: sender },
  { pod: receiverPod, status: receiver },
]);

test('the receiver knows better what has arrived', () => {
  expect(both).toMatchObject({ copiedBytes: 2000, sentPackets: 22, receivedPackets: 21, lostPackets: 1 });
  expect(fewerLost(12, 22, undefined)).toBe(12);
  expect(fewerLost(12, 22, 30)).toBe(0);
  expect(fewerLost(undefined, 22, 30)).toBeUndefined();
});

test('a tap is ready when both agents say so, as far as they can be asked', () => {
  expect(isReady(tap, both)).toBe(false);
  const trouble = 'no right';
  const one = accountOf([
    { pod: senderPod, status: sender },
    { pod: receiverPod, status: undefined, trouble },
  ]);
  expect(one.endpoints.map(({ reason }) => reason)).toEqual(['mirror is in place at both ends', trouble]);
  expect(isReady(tap, one)).toBe(true);
  expect(isReady({ ...tap, state: 'NotReady' }, one)).toBe(false);
});

test('both ends are shown together', () => {
  expect(describeTap(tap, both)).toMatchInlineSnapshot(`
    "tap/270fe356c75e: pod/shop/web to node/node-b, Ready, VNI 100, 3m
      sender kokotap-web-sender on node-of-sender: ready: mirror is in place at both ends
      receiver kokotap-web-receiver on node-of-receiver: no-peer: nothing of the sender comes
                SEEN   NOT MATCHING   SAMPLED OUT   SHED   UNFIT   COPIED   BYTES
      ingress   20     5              ?             3      ?       12       1200
      egress    10     ?              ?             ?      ?       10       800
      sent 22, received 21, lost or under way 1
      path: every copy fits the underlay
      4 packets from strangers were turned away
      shed by --max-rate: 3; give more of it, or a --filter
    "
  `);
});

/** Two targets on two nodes, by the agents of one tap. */
function ofTwo(received: readonly number[]) {
  const held = ['a', 'b'].map((each) => ({ id: each, vni: undefined, target: `pod/shop/${each}` }));
  const answers = held.map((endpoint, index): AgentAnswer => ({
    pod: {
      name: `sender-${index}`,
      role: 'sender',
      node: `node-${index}`,
      isRunning: true,
      endpoints: [endpoint],
    },
    status: {
      endpoints: [ready(endpoint.id)],
      observed: [
        {
          tap: endpoint.id,
          role: 'sender',
          device: { name: 'mirror' },
          copies: { ingress: { copiedPackets: 5, copiedBytes: 500 }, egress: { copiedPackets: 1 } },
          sentPackets: 10,
          lostPackets: 10,
          degraded: 'no eBPF',
        },
      ],
    },
  }));
  const receiving = {
    name: 'receiver',
    role: 'receiver',
    node: 'node-b',
    isRunning: true,
    endpoints: held.map((endpoint) => ({ ...endpoint, target: undefined })),
  };
  const observed = received.flatMap((receivedPackets, index) => {
    const tapped = held[index]?.id;
    return tapped === undefined
      ? []
      : [{ tap: tapped, role: 'receiver' as const, device: { name: `kt-${tapped}` }, receivedPackets }];
  });
  return accountOf([
    ...answers,
    { pod: receiving, status: { endpoints: [ready('a'), { tap: 'b', state: 'waiting' }], observed } },
  ]);
}

test('of several targets there are the sums', () => {
  const account = ofTwo([9, 12]);
  expect(account).toMatchObject({
    directions: { ingress: { copiedPackets: 10, copiedBytes: 1000 }, egress: { copiedPackets: 2 } },
    copiedBytes: 1000,
    sentPackets: 20,
    receivedPackets: 21,
    lostPackets: 1,
    degraded: 'no eBPF',
  });
  // Where one receiver is silent, its sender is believed.
  expect(ofTwo([9])).toMatchObject({ receivedPackets: undefined, lostPackets: 11 });
});

test('each target of a pod of several has a line', () => {
  const account = ofTwo([9, 12]);
  const several = { ...tap, targets: ['pod/shop/a', 'pod/shop/b'], vnis: [100, 101] };
  expect(describeTap(several, account).split('\n').slice(0, 6)).toEqual([
    'tap/270fe356c75e: pod/shop/a +1 to node/node-b, Ready, VNIs 100, 101, 3m',
    '  sender sender-0 on node-0: ready: mirror is in place at both ends',
    '  sender sender-1 on node-1: ready: mirror is in place at both ends',
    '  receiver receiver on node-b:',
    '    pod/shop/a: ready: mirror is in place at both ends',
    '    pod/shop/b: waiting',
  ]);
  expect(isReady(several, account)).toBe(false);
});

function at(copiedBytes: number | undefined, atMs: number) {
  return { account: { ...both, copiedBytes }, atMs };
}

test('a rate is that of two readings', () => {
  expect(bitsPerSecond(at(1000, 0), at(3000, 2000))).toBe(8000);
  expect(bitsPerSecond(at(3000, 0), at(1000, 2000))).toBeUndefined();
  expect(bitsPerSecond(at(undefined, 0), at(1000, 2000))).toBeUndefined();
});

test.each([
  [undefined, '?'],
  [0, '0 bit/s'],
  [999, '999 bit/s'],
  [1000, '1.00 kbit/s'],
  [35_421, '35.4 kbit/s'],
  [12_345_678, '12.3 Mbit/s'],
  [1.5e9, '1.50 Gbit/s'],
  [2e15, '2.00e+3 Tbit/s'],
])('%d bits a second are %s', (bits, text) => {
  expect(rateText(bits)).toBe(text);
});

test('the documents have the schema of lists of taps', () => {
  expect(JSON.parse(readFileSync(TAP_LIST_SCHEMA, 'utf8'))).toEqual(JSON.parse(tapListJsonSchema()));
});
