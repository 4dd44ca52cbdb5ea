import { describe, expect, test } from 'vitest';
import { compilePcapFilter } from '#src/net/pcapFilter.ts';
import { compileUserFilter } from '#src/net/userFilter.ts';

test.each([
  ['tcp port http', 'tcp port 80'],
  ['not port ssh', 'not tcp port 22'],
  ['udp port domain', 'udp port 53'],
  [String.raw`ip proto \udp`, 'ip proto 17'],
  [String.raw`ip proto (ospf or \tcp)`, 'ip proto (89 or 6)'],
  ['ip proto hopopt', 'ip proto 0'],
])('the names in %s mean %s', async (names, numbers) => {
  expect(await compileUserFilter(names)).toEqual(await compileUserFilter(numbers));
});

const otherFlag = 'which another flag chooses: leave it out and give';
const ethernet = 'leave it out, for a tap copies frames of Ethernet as they are on the interface';

describe('a filter is refused with the reason and what to do', () => {
  test.each([
    ['tcp prt 80', "can't parse filter expression: syntax error"],
    ['port nosuch', "unknown port 'nosuch'"],
    [String.raw`ip proto \nosuch`, "unknown ip proto 'nosuch'"],
    ['ip and ip6', 'expression rejects all packets'],
    ['inbound', `'inbound' asks for the direction, ${otherFlag} --mirrortype=ingress`],
    ['tcp and not outbound', `'outbound' asks for the direction, ${otherFlag} --mirrortype=ingress`],
    ['ifindex 3', `'ifindex' asks for the interface, ${otherFlag} --pod-ifname`],
    ['ip broadcast', "'ip broadcast' needs the netmask of the network: say 'ether broadcast', or"],
    ['udp and not (ip  broadcast)', "'ip broadcast' needs the netmask"],
    ['gateway localhost', "'gateway' not supported in this configuration: say 'ether host'"],
    ['ip6 protochain 6', "'protochain' makes a loop, which the kernel takes in no filter"],
    [String.raw`ip protochain \tcp`, "'protochain' makes a loop"],
    ['ifname eth0', 'ifname supported only on PF linktype: leave it out and name the interface with --pod-'],
    ['rset x', `ruleset supported only on PF linktype: ${ethernet}`],
    ['rnr 1', `rnr supported only on PF linktype: ${ethernet}`],
    ['srnr 1', `srnr supported only on PF linktype: ${ethernet}`],
    ['reason match', `reason supported only on PF linktype: ${ethernet}`],
    ['action pass', `action supported only on PF linktype: ${ethernet}`],
    ['type mgt', `802.11 link-layer types supported only on 802.11: ${ethernet}`],
    ['wlan addr1 00:11:22:33:44:55', `'addr1' and 'address1' are only supported on 802.11`],
    ['radio[0] = 1', `radio information not present in capture: ${ethernet}`],
  ])('%s', async (expression, reason) => {
    const refused = `--filter is not possible: ${reason}`;
    await expect(compileUserFilter(expression)).rejects.toThrow(refused);
    await expect(compileUserFilter(expression)).rejects.toThrow(`(${JSON.stringify(expression)})`);
  });
});

test.each(['broadcast', 'ether broadcast', 'multicast', 'ip multicast', 'wlan host 02:00:00:00:00:01'])(
  '%s needs no device and is taken',
  async (expression) => {
    expect(await compileUserFilter(expression)).toEqual({
      classic: expect.stringMatching(/,6 0 0 0$/),
    });
  },
);

test('of a long filter that is refused only the beginning is shown, behind the reason', async () => {
  const hosts = Array.from({ length: 100 }, (_, at) => `host 10.0.0.${at}`).join(' or ');
  const expected = `--filter is not possible: can't parse filter expression: syntax error ("${hosts.slice(0, 200)}"… of ${hosts.length + 4} characters)`;
  await expect(compileUserFilter(`${hosts} or `)).rejects.toThrow(expected);
});

test('a compiler that takes too long is told as that', async () => {
  const hosts = Array.from({ length: 3000 }, (_, at) => `host 10.0.${at >> 8}.${at & 255}`).join(' or ');
  await expect(compilePcapFilter(hosts, { timeoutMs: 300 })).rejects.toThrow(
    '--filter is not possible: the compiler works on it for more than 0.3 s: shorten it, and give addresses',
  );
});
