import { expect } from 'vitest';
import { addresses } from './support/addresses.ts';
import { type Net, test } from './support/net.ts';
import { sendUdp } from './support/traffic.ts';

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
  const receiver = await scrape(net, 'nodeB', '127.0.0.1');
  expect(receiver).toContain(`kokotap_received_packets_total{tap="${net.tapId}"} 50\n`);
  expect(receiver).not.toContain('kokotap_sent_packets_total{');
  await expect(scrape(net, 'nodeA', addresses.nodeA)).rejects.toThrow('ECONNREFUSED');
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
  await other.logged('no metrics: listen EADDRINUSE: address already in use 127.0.0.1:9400; choose another');
  await other.logged('"state":"alone"');
  expect(sender.isReady()).toBe(true);
});

function scrape(net: Net, where: 'nodeA' | 'nodeB', address: string): Promise<string> {
  const script = `
    const { get } = await import('node:http');
    get('http://${address}:${port}/metrics', (response) => response.pipe(process.stdout));`;
  return net.exec(where, process.execPath, '--input-type=module', '--eval', script);
}
