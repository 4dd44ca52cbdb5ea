import { expect, test } from 'vitest';
import { type AgentSaid, probeFindings } from '#src/cli/doctor/probeFindings.ts';
import type { Destination } from '#src/spec/tap.ts';

const to = { node: 'node-b' } as const;
const device = { name: 'kokotap-probe' };

function senderOn(node: string, changes: object = {}, state = 'ready'): AgentSaid {
  return {
    role: 'sender',
    node,
    status: {
      endpoints: [{ tap: 'a', state, reason: `it is ${state}` }],
      observed: [
        {
          tap: 'a',
          role: 'sender',
          device,
          fit: { says: 'every copy fits the underlay', underlayMtuBytes: 1550, largestCopyBytes: 1550 },
          ...changes,
        },
      ],
    },
    merging: undefined,
    trouble: undefined,
  };
}

const receiver: AgentSaid = {
  role: 'receiver',
  node: 'node-b',
  status: {
    endpoints: [{ tap: 'a', state: 'ready' }],
    observed: [{ tap: 'a', role: 'receiver', device }],
  },
  merging: undefined,
  trouble: undefined,
};

function levels(said: readonly AgentSaid[], trouble?: string, destination: Destination = to) {
  const findings = probeFindings(said, trouble, destination);
  return findings.map(({ code, level, reason }) => `${level} ${code} ${reason}`);
}

test('where all is well each finding is ok', () => {
  expect(levels([senderOn('node-a'), receiver])).toEqual([
    'ok KT0801 A tap was made on node-a and node-b, and taken away',
    'ok KT0802 Packets get to the other end, and back',
    'ok KT0803 Packets of 1550 bytes get through from node-a, and the largest copy has 1550: every copy fits the underlay',
    'ok KT0804 eBPF programs can be loaded on node-a',
    "ok KT0805 No program precedes a tap's in the targets on node-a",
    'ok KT0806 Packets are captured on node-b as they were sent',
  ]);
});

test('what spoils a tap is a warning', () => {
  const spoiled = senderOn('node-a', {
    fit: { says: 'TCP is cut', underlayMtuBytes: 1500, largestCopyBytes: 1550 },
    degraded: 'no memory',
    inFront: [{ interface: 'eth0', hook: 'ingress', programs: ['tcx other'] }],
  });
  expect(levels([spoiled, { ...receiver, merging: 'eth1' }]).slice(2)).toEqual([
    'warn KT0803 Packets of 1500 bytes get through from node-a, and the largest copy has 1550: TCP is cut',
    'warn KT0804 Taps on node-a are without eBPF: no memory',
    'warn KT0805 Programs of others see packets on node-a before a tap does: tcx other at the ingress of eth0',
    'warn KT0806 eth1 of node-b merges packets that it receives (GRO): captures see frames of up to 64 KiB. On that node',
  ]);
});

test('packets that do not get through fail', () => {
  expect(levels([senderOn('node-a', {}, 'no-peer'), receiver], 'not ready')[1]).toBe(
    'fail KT0802 UDP does not get through between the nodes. node-a: it is no-peer',
  );
});

test('a tap that cannot be made fails with the reason, and nothing else is said', () => {
  expect(levels([senderOn('node-a', {}, 'failing'), receiver], 'not ready')).toEqual([
    'fail KT0801 The tap cannot be made on node-a: it is failing',
  ]);
  const silent = { ...receiver, status: undefined, trouble: 'it does not run' };
  expect(levels([senderOn('node-a'), silent], 'no image')).toEqual(['fail KT0801 no image']);
  expect(levels([senderOn('node-a'), silent])).toEqual(['fail KT0801 it does not run']);
});

test('of an address outside nothing is known', () => {
  expect(levels([senderOn('node-a')], undefined, { address: '192.0.2.9' })[1]).toBe(
    'warn KT0802 Whether UDP gets to 192.0.2.9, outside the cluster, is not known',
  );
});
