import { copyFileSync, mkdtempSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'vitest';
import { addresses } from './support/addresses.ts';
import { Capture, isUdp } from './support/capture.ts';
import { test } from './support/net.ts';
import { scaled } from './support/speed.ts';
import { echoUdp, sendUdp } from './support/traffic.ts';

test('only what the filter matches is copied, both ways', async ({ net }) => {
  await net.quiet();
  await net.tap({ filter: `udp port 7000 and host ${addresses.gateway}` });
  await echoUdp(net, 'pod', 7000);
  await echoUdp(net, 'pod', 7001);
  const atMirror = await Capture.start(net, 'nodeB', 'mirror');
  await sendUdp(net, 'nodeA', addresses.pod, { port: 7000, count: 50 });
  await sendUdp(net, 'nodeA', addresses.pod, { port: 7001, count: 50 });
  const frames = await atMirror.frames();
  expect(frames.filter(isUdp)).toHaveLength(100);
  expect(frames).toHaveLength(100);
});

test('an agent that starts anew leaves the filter as it is, and another one takes its place', async ({
  net,
}) => {
  const { sender } = await net.tap({ filter: 'tcp port 80' });
  await sender.kill();
  const same = net.startSender({ filter: 'tcp port 80' });
  await same.ready();
  expect(same.log.flatMap(({ steps = [] }) => steps)).toEqual([]);
  await same.kill();
  const other = net.startSender({ filter: 'udp' });
  await other.ready();
  expect(other.log.flatMap(({ steps = [] }) => steps)).toEqual([
    'replace filter eth0',
    'replace filter eth0',
  ]);
});

test.for([
  ['tcp prt 80', "can't parse filter expression: syntax error"],
  ['-w /tmp/file', "can't parse filter expression: syntax error"],
  ['host nosuch.invalid', "unknown host 'nosuch.invalid'"],
])(
  'a wrong filter, %s, is refused with what the compiler says',
  async ([filter = '', message = ''], { net }) => {
    await net.quiet();
    const before = await net.snapshot('pod');
    const sender = net.startSender({ filter });
    await sender.logged(`--filter is not possible: ${message} (${JSON.stringify(filter)})`);
    expect(await sender.stop()).toBe(1);
    expect(await net.snapshot('pod')).toBe(before);
  },
);

test('the receiver blames no firewall for a sender whose filter is refused', async ({ net }) => {
  const receiver = net.startReceiver();
  await net.startSender({ filter: 'tcp prt 80' }).logged('--filter is not possible');
  await receiver.logged(
    /where no device is \(\w+ ECONNREFUSED\): it is not in place, and the log of its pod says/,
  );
  expect(receiver.log.at(-1)?.msg).not.toContain('firewall');
});

test('a name of a protocol is refused where there is no list of them', async ({ net }) => {
  const etc = mkdtempSync(net.file('etc-'));
  for (const file of ['passwd', 'group']) copyFileSync(path.join('/etc', file), path.join(etc, file));
  const sender = net.startSenderAfter(`mount --bind ${etc} /etc`, { filter: String.raw`ip proto \udp` });
  await sender.logged("--filter is not possible: unknown ip proto 'udp': there is no list of protocols here");
  expect(await sender.stop()).toBe(1);
});

test('SIGTERM ends an agent whose compiler is at work', async ({ net }) => {
  await net.quiet();
  const before = await net.snapshot('pod');
  const hosts = Array.from({ length: 5000 }, (_, at) => `host 10.0.${at >> 8}.${at & 255}`);
  const sender = net.startSender({ filter: hosts.join(' or '), 'log-level': 'debug' });
  await sender.logged('tcpdump');
  const beganAt = performance.now();
  expect(await sender.stop()).toBe(0);
  expect(performance.now() - beganAt).toBeLessThan(scaled(1000));
  expect(await net.snapshot('pod')).toBe(before);
});
