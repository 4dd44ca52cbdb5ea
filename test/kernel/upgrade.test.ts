import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'vitest';
import { run } from '#src/exec/command.ts';
import { addresses } from './support/addresses.ts';
import { Capture, isUdp } from './support/capture.ts';
import { type Net, test } from './support/net.ts';
import { sendUdp } from './support/traffic.ts';

test('an agent of another build replaces the programs in place, without a copy lost, and back', async ({
  net,
}) => {
  await net.quiet();
  const [own, others] = [readFileSync(path.resolve('dist/mirror.bpf.o')), await compileAnew(net)];
  expect(others.equals(own)).toBe(false);
  const { sender } = await net.tap();
  const first = await programs(net);
  const device = await deviceNumber(net);
  await sender.kill();
  const atMirror = await Capture.start(net, 'nodeB', 'mirror');
  const traffic = sendUdp(net, 'nodeA', addresses.pod, { count: 3000, maxBytes: 200 });

  const upgraded = net.startSenderWithObject(others);
  await upgraded.ready();
  const second = await programs(net);
  await upgraded.kill();
  const back = net.startSender();
  await back.ready();
  await traffic;
  expect((await atMirror.frames()).filter(isUdp)).toHaveLength(3000);

  expect(second.map(sectionOf)).toEqual(first.map(sectionOf));
  expect(second.filter((program) => first.includes(program))).toEqual([]);
  expect(await programs(net)).toEqual(first);
  expect(await deviceNumber(net)).toBe(device);

  // The account of the new programs begins anew, and adds up.
  const before = await account(net);
  await sendUdp(net, 'nodeA', addresses.pod, { count: 50, maxBytes: 200 });
  const after = await account(net);
  expect(after.seen - before.seen).toBe(50);
  expect(after.copied - before.copied).toBe(50);
});

test('a receiver of a version that reports otherwise gets copies, and the sender says what it does not know', async ({
  net,
}) => {
  await net.quiet();
  const receiver = net.startOtherReceiver(reportMark, String(Number(reportMark) + 1));
  const sender = net.startSender();
  await Promise.all([sender.ready(), receiver.ready()]);
  await sender.logged('sends no reports that this version reads');
  const atMirror = await Capture.start(net, 'nodeB', 'mirror');
  await sendUdp(net, 'nodeA', addresses.pod, { count: 50, maxBytes: 200 });
  expect((await atMirror.frames()).filter(isUdp)).toHaveLength(50);
});

/** By which a sender knows a report: `koko` in ASCII, as the bundle has it. */
const reportMark = String(0x6b6f6b6f);

/** The same source as another compiler would have it. */
async function compileAnew(net: Net): Promise<Buffer> {
  const object = net.file('other.bpf.o');
  // oxfmt-ignore
  await run('clang', ['-g', '-O2', '-mcpu=v2', '-target', 'bpf', '-I/usr/include/x86_64-linux-gnu', '-c', 'bpf/mirror.bpf.c', '-o', object]);
  return readFileSync(object);
}

/** The programs of the tap's filters as tc names them. */
async function programs(net: Net): Promise<string[]> {
  const shown = await Promise.all(
    ['eth0 ingress', 'eth0 egress', 'mirror ingress', 'mirror egress'].map((at) =>
      net.exec('pod', `tc filter show dev ${at}`),
    ),
  );
  return [...shown.join('\n').matchAll(/\S+\.o:\[\S+\]/g)].map(([program]) => program);
}

function sectionOf(program: string): string {
  return program.slice(program.indexOf(':'));
}

async function deviceNumber(net: Net): Promise<string> {
  return (await net.exec('pod', 'ip -oneline link show dev mirror')).split(':', 1)[0] ?? '';
}

async function account(net: Net): Promise<{ seen: number; copied: number }> {
  const end = (await net.status('nodeA')).find(({ role }) => role === 'sender');
  const { seenPackets = 0, copiedPackets = 0 } = end?.copies?.ingress ?? {};
  return { seen: seenPackets, copied: copiedPackets };
}
