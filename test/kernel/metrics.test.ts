import { once } from 'node:events';
import { expect } from 'vitest';
import { addresses } from './support/addresses.ts';
import { type Net, test } from './support/net.ts';
import { sendUdp } from './support/traffic.ts';
import { end, soon } from './support/wait.ts';

const port = '9400';

test('Prometheus gets the account of each end, from the loopback only', async ({ net }) => {
  await net.quiet();
  await net.tap({ filter: 'udp', 'metrics-port': port });
  await sendUdp(net, 'nodeA', addresses.pod, { count: 50 });
  const sender = await scrape(net, 'nodeA', '127.0.0.1');
  expect(sender).toContain('# TYPE kokotap_copied_packets_total counter');
  expect(sender).toContain(`kokotap_copied_packets_total{tap="${net.tapId}",direction="ingress"} 50\n`);
  expect(sender).toContain(`kokotap_shed_packets_total{tap="${net.tapId}",direction="egress"} 0\n`);
  expect(sender).toContain(`kokotap_sent_packets_total{tap="${net.tapId}"} 50\n`);
  expect(sender).toContain(`kokotap_device_up{tap="${net.tapId}",role="sender"} 1\n`);
  expect(sender).toContain(`kokotap_endpoint_state{tap="${net.tapId}",role="sender",state="ready"} 1\n`);
  const receiver = await scrape(net, 'nodeB', '127.0.0.1');
  expect(receiver).toContain(`kokotap_endpoint_state{tap="${net.tapId}",role="receiver",state="ready"} 1\n`);
  expect(receiver).toContain(`kokotap_received_packets_total{tap="${net.tapId}"} 50\n`);
  expect(receiver).not.toContain('kokotap_sent_packets_total{');
  await expect(scrape(net, 'nodeA', addresses.nodeA)).rejects.toThrow('ECONNREFUSED');
});

test.for([
  ['waiting', 'true', { 'pod-ifname': 'net9' }],
  ['failing', 'ip link add mirror type veth peer name other', {}],
  ['no-peer', 'true', {}],
] as const)('they say that an endpoint is %s', async ([state, before, changes], { net }) => {
  await net.exec('pod', before);
  const sender = net.startSender({ ...changes, 'metrics-port': port });
  await sender.logged(`"state":"${state}"`);
  const said = () => scrape(net, 'nodeA', '127.0.0.1');
  await expect.poll(said, soon).toContain(`${stateOf(net, state)} 1\n`);
  expect(await said()).toContain(`${stateOf(net, 'ready')} 0\n`);
});

test('they say that an endpoint is blind, and ready again', async ({ net }) => {
  await net.exec('pod', 'tc qdisc add dev eth0 clsact');
  await net.exec('pod', 'tc filter add dev eth0 ingress pref 1 protocol all u32 match u32 0 0 flowid 1:1');
  await net.tap({ 'metrics-port': port });
  const sentAndSaid = async () => {
    await sendUdp(net, 'nodeA', addresses.pod, { count: 60 });
    return scrape(net, 'nodeA', '127.0.0.1');
  };
  await expect.poll(sentAndSaid, soon).toContain(`${stateOf(net, 'blind')} 1\n`);
  await net.exec('pod', 'tc filter delete dev eth0 ingress pref 1');
  await expect.poll(sentAndSaid, soon).toContain(`${stateOf(net, 'ready')} 1\n`);
});

test('a port that is taken costs the metrics, not the tap', async ({ net }) => {
  const { sender } = await net.tap({ 'metrics-port': port });
  const other = net.startAgent(
    'nodeA',
    'receiver',
    '--tap-id=112233445566',
    '--ifname=other',
    '--vni=101',
    '--vxlan-port=4789',
    `--local=${addresses.nodeA}`,
    `--remote=${addresses.nodeB}`,
    `--metrics-port=${port}`,
  );
  await other.logged(
    'no metrics: listen EADDRINUSE: address already in use 127.0.0.1:9400; they are served when the port is free',
  );
  await other.logged('"state":"no-peer"');
  expect(sender.isReady()).toBe(true);
});

test('the metrics are there again after another agent took over, and when a taken port is free', async ({
  net,
}) => {
  const blocker = net.spawn('nodeA', process.execPath, '--input-type=module', '--eval', blockPort, port);
  if (blocker.stdout) await once(blocker.stdout, 'data');
  const first = net.startSender({ 'metrics-port': port });
  await first.logged('no metrics: listen EADDRINUSE');
  await end(blocker, 'SIGKILL');
  await first.logged('the metrics are served');
  const second = net.startSender({ 'metrics-port': port });
  await second.logged('waiting for another sender of this tap');
  expect(await first.stop()).toBe(0);
  await second.logged('"state":"no-peer"');
  await expect
    .poll(() => scrape(net, 'nodeA', '127.0.0.1').catch(String), soon)
    .toContain(`kokotap_device_up{tap="${net.tapId}",role="sender"} 1\n`);
  expect(second.output).not.toContain('no metrics');
});

test('many scrapes at once share readings or are refused at once, and the next one is answered', async ({
  net,
}) => {
  const { sender } = await net.tap({ 'metrics-port': port });
  const answers: Record<string, number> = JSON.parse(await storm(net, 400));
  const { 200: answered = 0, ...others } = answers;
  expect(answered).toBeGreaterThan(0);
  expect(Object.keys(others).filter((answer) => !['503', 'ECONNRESET'].includes(answer))).toEqual([]);
  expect(await scrape(net, 'nodeA', '127.0.0.1')).toContain('kokotap_device_up{');
  expect(await sender.stop()).toBe(0);
  expect(await net.exec('pod', 'tc qdisc show')).not.toContain('clsact');
});

function stateOf(net: Net, state: string): string {
  return `kokotap_endpoint_state{tap="${net.tapId}",role="sender",state="${state}"}`;
}

const blockPort = `
  const { createServer } = await import('node:net');
  createServer().listen(Number(process.argv[1]), '127.0.0.1', () => process.stdout.write('!'));`;

/** Scrapes so many times at once; how often which status, or error, was the answer. */
function storm(net: Net, count: number): Promise<string> {
  const script = `
    const { get } = await import('node:http');
    const answers = {};
    const add = (answer) => { answers[answer] = (answers[answer] ?? 0) + 1; };
    const ask = (done) => {
      const end = (answer) => { add(answer); done(); };
      get({ host: '127.0.0.1', port: ${port}, agent: false }, (response) => response.resume().on('end', () => end(response.statusCode)))
        .on('error', ({ code }) => end(code));
    };
    await Promise.all(Array.from({ length: ${count} }, () => new Promise(ask)));
    console.log(JSON.stringify(answers));`;
  return net.exec('nodeA', process.execPath, '--input-type=module', '--eval', script);
}

function scrape(net: Net, where: 'nodeA' | 'nodeB', address: string): Promise<string> {
  const script = `
    const { get } = await import('node:http');
    get('http://${address}:${port}/metrics', (response) => response.pipe(process.stdout));`;
  return net.exec(where, process.execPath, '--input-type=module', '--eval', script);
}
