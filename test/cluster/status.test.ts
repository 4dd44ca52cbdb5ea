import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { scriptOnNode } from './support/lab.ts';
import { patient } from './support/patient.ts';
import { pair, test } from './support/sandbox.ts';
import { until } from './support/until.ts';

const pingBytes = 98;

/** Generous: what is measured depends on the machine. */
const firstPacketMs = 15_000;

test('the status tells from the kernel what was copied', async ({ sandbox }) => {
  const { web, peer } = await pair(sandbox);
  const [sender = '', receiver = ''] = await sandbox.tap(
    '--pod=web',
    '--dest-node=node-b',
    `--vxlan-id=${sandbox.vni}`,
  );
  const there = await peer.address();
  const tap = `--tap-id=${await sandbox.tapId(sender)}`;
  const status = async (name: string) =>
    JSON.parse(await sandbox.kubectl('exec', name, '--', 'kokotap-agent', 'status', tap)).observed;

  // A copy of before the receiver was there is lost: what is lost is compared with what was at the beginning.
  await until(
    'the receiver has reported',
    async () => (await status(sender))[0].reportedPackets !== undefined,
  );
  const [before] = await status(sender);
  await web.ping(there, 5);
  // Those who ask within a second share one reading, which may be of before the echoes.
  await expect
    .poll(async () => (await status(sender))[0].copies.ingress.copiedPackets, { timeout: patient(20_000) })
    .toBeGreaterThanOrEqual(before.copies.ingress.copiedPackets + 5);
  const [after, ...others] = await status(sender);
  expect(others).toEqual([]);
  expect(after).toMatchObject({
    role: 'sender',
    device: { name: sandbox.ifname, kind: 'vxlan', up: true, vni: sandbox.vni },
  });
  for (const hook of ['ingress', 'egress']) {
    const [then, now] = [before.copies[hook], after.copies[hook]];
    expect(now.copiedPackets - then.copiedPackets).toBeGreaterThanOrEqual(5);
    expect(now.copiedBytes - then.copiedBytes).toBeGreaterThanOrEqual(5 * pingBytes);
  }
  await expect
    .poll(async () => (await status(receiver))[0].receivedPackets, { timeout: patient(20_000) })
    .toBeGreaterThanOrEqual(10);
  const [received] = await status(receiver);
  expect(received).toMatchObject({
    role: 'receiver',
    device: { name: sandbox.ifname, up: true, mtuBytes: 1450 },
  });

  // What the receiver reports every five seconds, and what the sender asks for.
  await expect
    .poll(async () => (await status(sender))[0].lostPackets - before.lostPackets, {
      timeout: patient(60_000),
      interval: 1000,
    })
    .toBeLessThanOrEqual(0);
  expect(after).toMatchObject({ fit: { underlayMtuBytes: 1500 } });
  const { probes } = JSON.parse(await sandbox.kubectl('exec', sender, '--', 'kokotap-agent', 'probe', tap));
  expect(probes).toMatchObject([{ packetBytes: 1500, reached: true }]);
});

test('the first packet is there soon', async ({ sandbox }) => {
  const { web, peer } = await pair(sandbox);
  const pinging = web.exec('timeout', '40', 'ping', '-q', '-i', '0.02', await peer.address()).catch(() => '');
  await sleep(500);
  const startMs = Date.now();
  const seen = scriptOnNode(
    'node-b',
    'until tcpdump --immediate-mode -c 1 -i "$1" icmp &>/dev/null; do sleep 0.02; done; date +%s%3N',
    sandbox.ifname,
  );
  await sandbox.createTap('--pod=web', '--dest-node=node-b');
  const tookMs = Number(await seen) - startMs;
  process.stderr.write(
    `cluster tests: first packet seen ${(tookMs / 1000).toFixed(2)} s after kokotap was started\n`,
  );
  expect(tookMs).toBeLessThan(firstPacketMs);
  await web.exec(
    'bash',
    '-c',
    'for comm in /proc/[0-9]*/comm; do read -r name <"$comm"; [ "$name" != ping ] || kill "$(cut -d/ -f3 <<<"$comm")"; done',
  );
  await pinging;
});
