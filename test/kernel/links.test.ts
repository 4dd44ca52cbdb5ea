import { once } from 'node:events';
import { expect } from 'vitest';
import * as z from 'zod';
import { readClassifiers } from '#src/net/classifiers.ts';
import { listLinks, readLink } from '#src/net/links.ts';
import { type Visited, Netns } from '#src/net/netns.ts';
import { addresses } from './support/addresses.ts';
import { type Net, test } from './support/net.ts';

test('no device is missing from a list that others change while it is read', async ({ net }) => {
  const lasting = Array.from({ length: 200 }, (_, index) => `d${index}`);
  const make = lasting.map((name) => `ip link add ${name} type bridge`).join('\n');
  const churn =
    'while ip link add c0 type bridge && ip link delete d0 && ip link add d0 type bridge && ip link delete c0; do :; done';
  const child = net.spawn('nodeB', 'bash', '-c', `${make}\necho made\n${churn}`);
  if (child.stdout !== null) await once(child.stdout, 'data');
  const netns = new Netns(`/run/netns/${net.netns('nodeB')}`);
  let interrupted = 0;
  const onTry = () => interrupted++;
  const rounds = 40;
  try {
    for (let round = 0; round < rounds; round++) {
      const names = new Set((await listLinks(netns, { onTry })).map(({ name }) => name));
      expect(lasting.slice(1).filter((name) => !names.has(name))).toEqual([]);
    }
  } finally {
    netns.close();
  }
  // Lists were interrupted, and read again.
  expect(interrupted).toBeGreaterThan(rounds);
});

test('devices are as ip shows them', async ({ net }) => {
  await net.exec('nodeB', 'bash', '-ec', devices);
  const nodeB = visited(net);
  const shown = listing.parse(JSON.parse(await net.exec('nodeB', 'ip -json -details link show')));
  const links = await listLinks(nodeB);
  expect(links.map(({ name }) => name)).toEqual(shown.map(({ ifname }) => ifname));
  for (const [at, link] of shown.entries()) {
    const data = link.linkinfo?.info_data;
    expect(links[at]).toMatchObject({
      index: link.ifindex,
      altNames: link.altnames,
      kind: link.linkinfo?.info_kind ?? '',
      type: link.link_type,
      alias: link.ifalias ?? '',
      up: link.flags.includes('UP'),
      carrier: link.flags.includes('LOWER_UP'),
      mtuBytes: link.mtu,
      hasQueue: link.txqlen !== undefined,
      ...(link.link_type === 'ether' ? { mac: link.address } : {}),
    });
    if (data?.local !== undefined || data?.local6 !== undefined)
      expect(links[at]?.vxlan ?? {}).toEqual({
        vni: data.id,
        port: data.port,
        local: data.local ?? data.local6,
        remote: data.remote ?? data.remote6,
        udpChecksum: data.udp_csum,
      });
    expect(await readLink(nodeB, link.ifname)).toMatchObject({ index: link.ifindex, mtuBytes: link.mtu });
  }
  const silent = links.filter((each) => each.silent).map(({ name }) => name);
  expect(silent).toEqual(['d0']);
  await expect(readLink(nodeB, 'nosuch')).rejects.toThrow('No such device');
});

const devices = `
  ip link add d0 type bridge
  ip link property add dev d0 altname other altname another
  ip link set d0 up alias 'two words' mtu 1400 arp off multicast off addrgenmode none
  ip link add v4 type vxlan id 7 local 10.0.0.1 remote 10.0.0.2 dstport 4790 noudpcsum
  ip link add v6 type vxlan id 8 local fd00::1 remote fd00:0:0:1::2 dstport 4789
  ip link add e0 type vxlan external dstport 4791
  ip link add i0 type ifb
  ip link add m0 link d0 type macvlan mode private
  ip link add pair0 type veth peer name pair1
  ip link set pair0 txqueuelen 0
  ip link set pair1 down
`;

const vxlan = z.object({
  id: z.number().optional(),
  port: z.number().optional(),
  local: z.string().optional(),
  local6: z.string().optional(),
  remote: z.string().optional(),
  remote6: z.string().optional(),
  udp_csum: z.boolean().optional(),
});
const listing = z.array(
  z.object({
    ifindex: z.number(),
    ifname: z.string(),
    altnames: z.array(z.string()).optional(),
    ifalias: z.string().optional(),
    link_type: z.string(),
    address: z.string().optional(),
    flags: z.array(z.string()),
    mtu: z.number(),
    txqlen: z.number().optional(),
    linkinfo: z.object({ info_kind: z.string().optional(), info_data: vxlan.optional() }).optional(),
  }),
);

test('filters of any kind, and what they counted, are as tc shows them', async ({ net }) => {
  await net.exec('nodeB', 'bash', '-ec', filters);
  const nodeB = visited(net);
  const before = (await listLinks(nodeB)).find(({ name }) => name === 'underlay')?.counters;
  await net.exec('nodeB', 'bash', '-ec', packets);
  const links = await listLinks(nodeB);
  const { sent, received } = links.find(({ name }) => name === 'underlay')?.counters ?? {};
  expect(sent?.packets).toBeGreaterThanOrEqual((before?.sent.packets ?? 0) + 3);
  expect(sent?.bytes).toBeGreaterThanOrEqual((before?.sent.bytes ?? 0) + 3 * 48);
  expect(received?.packets).toBeGreaterThan(before?.received.packets ?? 0);

  const names = ['underlay', 'd1', 'd2', 'lo'];
  const found = await readClassifiers(nodeB, links, names);
  const underlay = found.get('underlay');
  expect(underlay).toMatchObject({
    qdisc: 'clsact',
    blackhole: false,
    filters: [
      { hook: 'ingress', preference: 7, kind: 'bpf', handle: 0x6b00_0001, program, action: { copyTo: 'd1' } },
      { hook: 'ingress', preference: 9, kind: 'u32' }, // its table
      { hook: 'ingress', preference: 9, kind: 'u32' },
      { hook: 'egress', preference: 8, kind: 'bpf', handle: 2, program, action: 'direct' },
    ],
  });
  expect(underlay?.filters[0]?.packets).toBeGreaterThan(0);
  expect(underlay?.packets).toBeGreaterThan(underlay?.filters[0]?.packets ?? 0);
  expect(found.get('d1')).toEqual({ qdisc: 'none', blackhole: true, packets: 0, filters: [] });
  expect(found.get('d2')).toMatchObject({
    qdisc: 'ingress',
    filters: [{ hook: 'ingress', preference: 4, action: { redirectTo: 'd1' } }],
  });
  expect(found.get('lo')).toEqual({ qdisc: 'none', blackhole: false, packets: 0, filters: [] });

  await net.exec('nodeB', 'ip link delete d1');
  const later = await readClassifiers(nodeB, await listLinks(nodeB), names);
  expect([...later.keys()].toSorted()).toEqual(['d2', 'lo', 'underlay']);
  expect(later.get('d2')?.filters).toMatchObject([{ action: { redirectTo: '*' } }]);
});

/** Nobody waits for them, which node A answers. */
const packets = `for port in 1 2 3; do echo hello >/dev/udp/${addresses.nodeA}/$port; done; sleep 0.2`;

/** Matches everything. */
const program = '1,6 0 0 4294967295';
const filters = `
  ip link add d1 up type bridge
  ip link add d2 up type bridge
  tc qdisc replace dev d1 root blackhole
  tc qdisc add dev d2 ingress
  tc filter add dev d2 ingress pref 4 bpf bytecode '${program}' action mirred ingress redirect dev d1
  tc qdisc add dev underlay clsact
  tc filter add dev underlay ingress pref 7 handle 0x6b000001 bpf bytecode '${program}' action mirred egress mirror dev d1 continue
  tc filter add dev underlay ingress pref 9 protocol ip u32 match u32 0 0 flowid 1:1
  tc filter add dev underlay egress pref 8 handle 2 bpf direct-action bytecode '${program}'
`;

/** Node B for who reads it from elsewhere. */
function visited(net: Net): Visited {
  return { monitorPath: `/run/netns/${net.netns('nodeB')}` };
}
