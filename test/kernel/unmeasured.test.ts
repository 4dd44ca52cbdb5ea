import { describe, expect, vi } from 'vitest';
import { readAccount } from './support/account.ts';
import { addresses } from './support/addresses.ts';
import { ethernet, ipv4, tcpData, udp } from './support/frames.ts';
import { type Net, test } from './support/net.ts';
import { patienceMs } from './support/wait.ts';
import { sendUnfinished } from './support/traffic.ts';

const port = 7000;
const filter = `dst port ${port}`;
const bytes = 3000;
/** Of Ethernet and IP. */
const transportAt = 34;
const settled = { timeout: patienceMs, interval: 200 };

describe('a packet of a virtual machine, which does not say how many segments it becomes', () => {
  test.for([
    ['that fit', 500, 6],
    ['that are too large for the underlay', 1460, 3],
  ] as const)('is copied and accounted for, with segments %s', async ([, segmentBytes, count], { net }) => {
    await net.quiet();
    await net.tap({ filter });
    await sendTcpOf(net, segmentBytes);
    await vi.waitFor(async () => {
      const { egress, sentPackets, receivedPackets } = await readAccount(net);
      expect(egress).toMatchObject({ copiedPackets: count, unfitPackets: 0 });
      expect([sentPackets, receivedPackets]).toEqual([count, count]);
    }, settled);
  });

  test('is copied on the same node', async ({ net }) => {
    await net.quiet();
    await net.tapSameNode({ filter });
    await sendTcpOf(net, 500);
    await vi.waitFor(async () => {
      const { egress, sentPackets, receivedPackets } = await readAccount(net, 'nodeA');
      expect(egress).toMatchObject({ copiedPackets: 6 });
      expect([sentPackets, receivedPackets]).toEqual([6, 6]);
    }, settled);
  });

  test('is not matching where the filter leaves it out', async ({ net }) => {
    await net.quiet();
    await net.tap({ filter: 'icmp' });
    await sendTcpOf(net, 500);
    const { egress, sentPackets } = await readAccount(net);
    expect(egress.notMatchingPackets).toBeGreaterThanOrEqual(6); // ARP may be seen too
    expect([egress.copiedPackets, sentPackets]).toEqual([0, 0]);
  });
});

test('a copy that cannot be made to fit is counted as that', async ({ net }) => {
  await net.quiet();
  await net.addIPv6();
  await net.tapOverIPv6({ filter });
  // The kernel does not cut a packet in front of the place of a checksum that it still has to fill in.
  await sendUnfinished(net, 'pod', 'eth0', await frameOf(net, 17, udp(port, '5a'.repeat(1472))), {
    checksum: { from: 1490, at: 6 },
  });
  await vi.waitFor(async () => {
    const { egress, sentPackets } = await readAccount(net);
    expect(egress).toMatchObject({ unfitPackets: 1, copiedPackets: 0, copiedBytes: 0 });
    expect(sentPackets).toBe(0);
  }, settled);
});

async function sendTcpOf(net: Net, segmentBytes: number): Promise<void> {
  const payload = '5a'.repeat(bytes);
  const frame = await frameOf(net, 6, tcpData(addresses.pod, addresses.gateway, port, payload));
  const segments = { of: 'TCP over IPv4', bytes: segmentBytes } as const;
  await sendUnfinished(net, 'pod', 'eth0', frame, { segments, checksum: { from: transportAt, at: 16 } });
}

async function frameOf(net: Net, protocol: number, body: string): Promise<string> {
  const [to, from] = [await net.mac('nodeA', 'vethpod'), await net.mac('pod', 'eth0')];
  return ethernet(to, from, '0800', ipv4(protocol, addresses.pod, addresses.gateway, body));
}
