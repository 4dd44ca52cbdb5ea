import { expect, test } from 'vitest';
import { reasonAlone, type Silence } from '#src/tap/path/peerSilence.ts';
import type { Desired } from '#src/tap/state.ts';

const tunnel = { kind: 'vxlan', vni: 100, port: 4789, local: '192.0.2.1', remote: '192.0.2.2' } as const;

function end(device: Desired['device'], role: Desired['role'] = 'sender'): Desired {
  return {
    id: '0123456789ab',
    role,
    ifname: 'mirror',
    mac: '',
    device,
    mtuBytes: undefined,
    object: undefined,
    needsObject: false,
    copies: undefined,
    ownQdiscs: new Set(),
  };
}

const silence: Silence = { trouble: undefined, sendsOthers: false, kernelRelease: '6.1.0-44-amd64' };

test.each<[string, Desired, Silence | undefined, string]>([
  [
    'without a sign',
    end({ ...tunnel, udpChecksum: false }),
    silence,
    'mirror is in place here, but nothing of the receiver comes from 192.0.2.2 by UDP port 4789: it is not in place, or its packets are dropped on the way; the log of its pod says which',
  ],
  [
    'refused by the network',
    end({ ...tunnel, udpChecksum: false }, 'receiver'),
    { ...silence, trouble: 'send ECONNREFUSED' },
    'mirror is in place here, but nothing of the sender comes from 192.0.2.2 by UDP port 4789, where no device is (send ECONNREFUSED): it is not in place, and the log of its pod says why',
  ],
  [
    'never asked',
    end({ ...tunnel, udpChecksum: false }),
    undefined,
    'mirror is in place here, but nothing of the receiver comes from 192.0.2.2 by UDP port 4789: it is not in place, or its packets are dropped on the way; the log of its pod says which',
  ],
  [
    'that sends packets without hellos',
    end({ ...tunnel, udpChecksum: false }, 'receiver'),
    { ...silence, sendsOthers: true },
    "mirror is in place here, but of the sender's packets from 192.0.2.2 by UDP port 4789 none is counted as a hello: its agent has ended and only its copies go on, something on the way drops small packets, or this node's kernel 6.1.0-44-amd64 does not count hellos as Linux 6.10 does",
  ],
  [
    'on the same node',
    end({ kind: 'veth' }),
    undefined,
    "mirror is in place here, but the receiver's half of it is not up",
  ],
])('a peer %s', (_, desired, known, reason) => {
  expect(reasonAlone(desired, known)).toBe(reason);
});
