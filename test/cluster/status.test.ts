import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { scriptOnNode } from './support/lab.ts';
import { pair, test } from './support/sandbox.ts';

/** As IP packets: the kernel counts no Ethernet header at ingress. */
const pingBytes = 84;

/** Generous: what is measured depends on the machine. */
const firstPacketMs = 15_000;

test('the status tells from the kernel what was copied', async ({ sandbox }) => {
  const { web, peer } = await pair(sandbox);
  const [sender = '', receiver = ''] = await sandbox.tap('--pod=web', '--dest-node=node-b', '--vxlan-id=100');
  const there = await peer.address();
  const tap = `--tap-id=${await sandbox.tapId(sender)}`;
  const status = async (name: string) =>
    JSON.parse(await sandbox.kubectl('exec', name, '--', 'kokotap-agent', 'status', tap)).ends;

  const [before] = await status(sender);
  await web.ping(there, 5);
  const [after, ...others] = await status(sender);
  expect(others).toEqual([]);
  expect(after).toMatchObject({
    role: 'sender',
    device: { name: 'mirror', kind: 'vxlan', up: true, vni: 100 },
  });
  for (const hook of ['ingress', 'egress']) {
    expect(after.copied[hook].packets - before.copied[hook].packets).toBeGreaterThanOrEqual(5);
    expect(after.copied[hook].bytes - before.copied[hook].bytes).toBeGreaterThanOrEqual(5 * pingBytes);
  }
  const [received] = await status(receiver);
  expect(received).toMatchObject({ role: 'receiver', device: { name: 'mirror', up: true, mtuBytes: 1450 } });
  expect(received.received.packets).toBeGreaterThanOrEqual(10);
});

test('the first packet is there soon', async ({ sandbox }) => {
  const { web, peer } = await pair(sandbox);
  const pinging = web.exec('timeout', '40', 'ping', '-q', '-i', '0.02', await peer.address()).catch(() => '');
  await sleep(500);
  const startMs = Date.now();
  const seen = scriptOnNode(
    'node-b',
    'until tcpdump --immediate-mode -c 1 -i mirror icmp &>/dev/null; do sleep 0.02; done; date +%s%3N',
  );
  await sandbox.pipe('create', '--pod=web', '--dest-node=node-b');
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
