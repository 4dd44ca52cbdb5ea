import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { capinfos, fields, packetBytes } from '../pcapng/support/tshark.ts';
import { CapturingCommand, NodeDump } from './support/capturing.ts';
import { Flow } from './support/flow.ts';
import { flowPort } from './support/flowProgram.ts';
import { nextTo, runtimes } from './support/lab.ts';
import { type Sandbox, test } from './support/sandbox.ts';
import { until } from './support/until.ts';

const filter = `udp port ${flowPort}`;
const datagrams = 300;

test.for(runtimes)('$runtime: a file has what tcpdump has in the pod', async ({ node }, { sandbox }) => {
  const [web, peer] = await Promise.all([
    sandbox.startPod({ name: 'web', node }),
    sandbox.startPod({ name: 'peer', node: nextTo(node) }),
  ]);
  const name = fileOf(sandbox);
  const capturing = new CapturingCommand(
    sandbox.namespace,
    'web',
    'pod/peer',
    '-w',
    name,
    '--filter',
    filter,
  );
  for (const pod of ['web', 'peer']) await capturing.said(`+ ${sandbox.namespace}/${pod} eth0`);
  const dump = await NodeDump.start(web, filter);
  const { sent, gaps } = await Flow.send(web, peer, datagrams);
  expect(gaps).toEqual([]);
  await sleep(2000); // tcpdump writes once a second
  const other = await dump.end();
  expect(await capturing.end('SIGINT')).toBe(0);
  expect(capturing.stderr).toMatch(/web\.pcapng: [\d,]+ packets \(.*\) of 2 targets in \d+ s, none lost/u);

  const file = readFileSync(name);
  const bytes = await packetBytes(file);
  const rows = await fields(file, 'frame.interface_name', 'frame.packet_flags_direction');
  expect(rows).toHaveLength(4 * sent);
  const ofWeb = (direction: 'in' | 'out') => {
    const wanted = [`${sandbox.namespace}/web:eth0`, direction === 'in' ? '0x00000001' : '0x00000002'];
    return bytes.filter((_, index) => rows[index]?.join() === wanted.join());
  };
  const [sender] = ofWeb('out').map((frame) => frame.slice(12, 24));
  const dumped = await packetBytes(other);
  expect(ofWeb('out')).toEqual(dumped.filter((frame) => frame.startsWith(sender ?? '', 12)));
  expect(ofWeb('in')).toEqual(dumped.filter((frame) => !frame.startsWith(sender ?? '', 12)));
  expect(await capinfos(file)).toContain('Number of resolved IPv4 addresses in file');
  await nothingLeft(sandbox);
});

test('pods that start later join, and those that end leave', async ({ sandbox }) => {
  await sandbox.startPod({ name: 'web', node: 'node-a' });
  await sandbox.label('web', { app: 'web' });
  const capturing = new CapturingCommand(sandbox.namespace, '-l', 'app=web', '-w', fileOf(sandbox));
  await capturing.said(`+ ${sandbox.namespace}/web eth0 (node-a)`);
  await sandbox.startPod({ name: 'later', node: 'node-b' });
  await sandbox.label('later', { app: 'web' });
  await capturing.said(`+ ${sandbox.namespace}/later eth0 (node-b)`);
  await sandbox.delete('pods', 'web');
  await capturing.said(`- ${sandbox.namespace}/web eth0`);
  expect(await capturing.end('SIGINT')).toBe(0);
  await nothingLeft(sandbox);
});

test('the pods end by themselves when the command is killed, and the next capture removes them', async ({
  sandbox,
}) => {
  await sandbox.startPod({ name: 'web', node: 'node-a' });
  const killed = new CapturingCommand(sandbox.namespace, 'web', '-w', fileOf(sandbox));
  await killed.said('+ ');
  await killed.end('SIGKILL');
  const phases = () => sandbox.fields('pods', selector, '.status.phase');
  await until('the pod has ended', async () => (await phases()).join() === 'Succeeded', 60_000);
  const next = new CapturingCommand(sandbox.namespace, 'web', '-w', fileOf(sandbox));
  await next.said('+ ');
  expect(await next.end('SIGINT')).toBe(0);
  await nothingLeft(sandbox);
});

test('a filter that is wrong ends the capture with the words of the compiler', async ({ sandbox }) => {
  await sandbox.startPod({ name: 'web', node: 'node-a' });
  const capturing = new CapturingCommand(
    sandbox.namespace,
    'web',
    '-w',
    fileOf(sandbox),
    '--filter=tcp prot 80',
  );
  await capturing.said('--filter is not possible: ');
  expect(capturing.stderr).toContain('syntax error');
  await nothingLeft(sandbox);
});

const selector = 'app.kubernetes.io/name=kokotap-capture';

/** Waits until the capture's pods are gone. */
async function nothingLeft(sandbox: Sandbox): Promise<void> {
  await until('no pod of the capture is left', async () => {
    return (await sandbox.fields('pods', selector, '.metadata.name')).length === 0;
  });
}

function fileOf(sandbox: Sandbox): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'kokotap-capture-'));
  sandbox.defer(async () => rmSync(folder, { recursive: true }));
  return path.join(folder, 'web.pcapng');
}
