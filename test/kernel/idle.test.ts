import { expect } from 'vitest';
import { addresses, second } from './support/addresses.ts';
import { type Net, test } from './support/net.ts';
import { sendUdp } from './support/traffic.ts';
import { soon } from './support/wait.ts';

test("an eth0 that is down, as a virtual machine's pod may have it, is told with what carries the traffic", async ({
  net,
}) => {
  await net.exec('pod', 'ip link set eth0 down');
  await net.exec('pod', 'ip link set eth0 name eth0-nic');
  await net.exec('pod', 'ip link add eth0 type veth peer name tap0');
  await net.exec('pod', 'ip link set eth0-nic up');
  await sendUdp(net, 'nodeA', addresses.pod, { count: 10 });
  const { sender } = await net.tap();
  const said = 'eth0 is down, while packets pass eth0-nic: if that is meant, give it with --pod-ifname';
  await sender.logged(`"level":40`);
  expect(sender.log.findLast(({ state }) => state === 'ready')?.msg).toBe(
    `mirror is in place at both ends; but ${said}`,
  );
  expect(await idle(net)).toBe(said);
  for (const name of ['tap0', 'eth0']) await net.exec('pod', `ip link set ${name} up`);
  await sender.logged('"state":"ready","msg":"mirror is in place at both ends"');
});

test('an interface that carries nothing while another does is told, until it carries something', async ({
  net,
}) => {
  await net.quiet();
  await net.addSecondInterface('veth');
  const { sender } = await net.tap();
  await sender.logged('the largest copies get to the receiver');
  await sendUdp(net, 'nodeA', second.pod, { count: 200 });
  await sender.logged('mirror is in place at both ends; but eth0 carries nothing, while packets pass net1');
  expect(sender.isReady()).toBe(true);
  const told = sender.output.length;
  await sendUdp(net, 'nodeA', addresses.pod, { count: 1 });
  await expect
    .poll(() => sender.output.slice(told), soon)
    .toContain('"msg":"mirror is in place at both ends"');
  expect(await idle(net)).toBe(undefined);
});

async function idle(net: Net): Promise<string | undefined> {
  return (await net.status('nodeA')).find(({ role }) => role === 'sender')?.idle;
}
