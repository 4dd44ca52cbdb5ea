import { expect, test } from 'vitest';
import { command } from './support/kokotap.ts';

const POD = '--pod=web';
const NODE = '--dest-node=node-b';
const VNI_RANGE = 'give a whole number from 1 to 16777215, or a range of them such as 100-131';
const PORT_RANGE = 'give a whole number from 1 to 65535';
const IFNAME =
  '1 to 15 printable ASCII characters without blanks, "/", ":" or "%", and not ".", "..", "all" or "default"';
const IFNAMES = `give all, or names separated by commas, each of ${IFNAME.replace('15', '127')}`;
const SUBDOMAIN_RANGE =
  'give 1 to 253 lower-case letters, digits, "-" or ".", with a letter or digit at both ends of each part';
const LABEL_RANGE = 'give 1 to 63 lower-case letters, digits or "-", with a letter or digit at both ends';
const NO_ADDRESS = 'give one IPv4 or IPv6 address, without prefix length or zone';
const UNICAST = 'give the unicast address of a machine outside the cluster';
const AMOUNTS = 'give amounts of cpu, memory, ephemeral-storage, each once, such as cpu=100m,memory=128Mi';
const DURATION_RANGE =
  'give whole hours, minutes and seconds such as 30m, 1h30m or 90s, from 1s to 2147483647s';

test.each<[string[], string]>([
  [[NODE], '--pod is missing: name the pod whose packets are copied'],
  [[POD], 'The destination is missing: give --dest-node, --dest-pod or --dest-ip'],
  [[POD, NODE, '--dest-pod=suricata'], '--dest-node and --dest-pod exclude each other: give one of them'],
  [
    [POD, '--dest-pod=suricata', '--dest-ip=192.0.2.1'],
    '--dest-pod and --dest-ip exclude each other: give one of them',
  ],
  [[POD, NODE, '--dest-namespace=tools'], '--dest-namespace is the namespace of --dest-pod: give that too'],
  [
    ['--pod=web', '-n=team', '--dest-pod=web'],
    '--dest-pod and --pod both name "web": give another --dest-pod, or capture in the pod itself',
  ],
  [[POD, NODE, '--dest-ip=192.0.2.1'], '--dest-node and --dest-ip exclude each other: give one of them'],
  [[POD, NODE, 'stray'], 'Unexpected argument "stray": it is no command, see kokotap --help'],
  [['lits'], 'Unexpected argument "lits": did you mean list?, see kokotap --help'],
  [['list', 'x'], 'kokotap list takes flags only, not "x"'],
  [['ls', '-o', 'x'], '--output "x" is not possible: give one of wide, json, yaml, name'],
  [['list', '--zzzzzzzz'], 'Unknown flag "--zzzzzzzz", see kokotap list --help'],
  [
    ['list', '--al-namespaces'],
    'Unknown flag "--al-namespaces", did you mean --all-namespaces?, see kokotap list --help',
  ],
  [['delete'], 'Which taps? Give their names (see kokotap list), their targets, -l or --all'],
  [['delete', 'x', '--all'], 'Which taps? Give their names (see kokotap list), their targets, -l or --all'],
  [['--pod'], "Option '--pod <name>' argument missing, see kokotap --help"],
  [['--pdo=web'], 'Unknown flag "--pdo", did you mean --pod?, see kokotap --help'],
  [['--mirror-type', 'in'], 'Unknown flag "--mirror-type", did you mean --mirrortype?, see kokotap --help'],
  [['--dest-ifnam=x'], 'Unknown flag "--dest-ifnam", did you mean --dest-ifname?, see kokotap --help'],
  [['--zzzzzzzz'], 'Unknown flag "--zzzzzzzz", see kokotap --help'],
  [['-x'], 'Unknown flag "-x", see kokotap --help'],
  ...[
    '0',
    '16777216',
    '-1',
    'abc',
    '1e3',
    '0x10',
    '',
    ' 5',
    '5 ',
    '1.5',
    '٣',
    '0-5',
    '5-',
    '-5',
    '5-16777216',
  ].map(wrong('--vxlan-id', VNI_RANGE)),
  ...['9-5', '5-9-12', '5 - 9', '5,9'].map(wrong('--vxlan-id', VNI_RANGE)),
  ...['0', '65536', '', '-1'].map(wrong('--vxlan-port', PORT_RANGE)),
  wrong('--ifname', `give ${IFNAME}`)('1234567890123456'),
  wrong('--pod-ifname', IFNAMES)('e'.repeat(128)),
  ...['a/b', 'a\nb', '', 'a b', '.', '..', 'a:b', 'eth%d', 'é', 'a\u0007'].flatMap((name) => [
    wrong('--ifname', `give ${IFNAME}`)(name),
    wrong('--pod-ifname', IFNAMES)(name),
  ]),
  ...['all', 'default'].map(wrong('--ifname', `give ${IFNAME}`)),
  ...['default', 'eth0,', ',', 'eth0,,net1', 'eth0, net1', 'eth0,a/b'].map(wrong('--pod-ifname', IFNAMES)),
  wrong('--pod-ifname', '"eth0" is there twice; name each interface once')('eth0,net1,eth0'),
  wrong('--pod-ifname', '"all" says every interface; give it alone')('eth0,all'),
  [
    [POD, NODE, '--pod-ifname=eth0,net1', '--ifname=net1'],
    '--ifname and --pod-ifname both name "net1", but both interfaces are in the pod: give another --ifname',
  ],
  wrong('--mirrortype', 'give one of ingress, egress, both')('in'),
  wrong('--mirrortype', 'give one of ingress, egress, both')(''),
  ...['Web', 'a_b', '', '-a', 'a-', 'a..b', 'a.', 'a/b', 'a\nb', 'x'.repeat(254)].flatMap((name) => [
    wrong('--pod', SUBDOMAIN_RANGE)(name),
    wrong('--dest-node', SUBDOMAIN_RANGE)(name),
    wrong('--dest-pod', SUBDOMAIN_RANGE)(name),
    wrong('--image-pull-secret', SUBDOMAIN_RANGE)(name),
  ]),
  ...['Web', 'a.b', 'a=b', '', 'x'.repeat(64)].flatMap((name) => [
    wrong('--namespace', LABEL_RANGE)(name),
    wrong('--tap-namespace', LABEL_RANGE)(name),
    wrong('--dest-namespace', LABEL_RANGE)(name),
    wrong('--pod-container', LABEL_RANGE)(name),
  ]),
  ...[
    'node-b',
    '10.0.0.0/8',
    '10.0.0',
    '010.0.0.1',
    '256.0.0.1',
    'fe80::1%eth0',
    '::g',
    '',
    '[::1]',
    '1',
  ].map(wrong('--dest-ip', NO_ADDRESS)),
  wrong('--dest-ip', `that is the unspecified address; ${UNICAST}`)('0.0.0.0'),
  wrong('--dest-ip', `that is the unspecified address; ${UNICAST}`)('::'),
  wrong('--dest-ip', `that is a loopback address; ${UNICAST}`)('127.1.2.3'),
  wrong('--dest-ip', `that is a loopback address; ${UNICAST}`)('0:0::1'),
  wrong('--dest-ip', `that is a loopback address; ${UNICAST}`)('::ffff:127.0.0.1'),
  wrong('--dest-ip', `that is a multicast address; ${UNICAST}`)('239.0.0.1'),
  wrong('--dest-ip', `that is a multicast address; ${UNICAST}`)('FF02::1'),
  wrong('--dest-ip', `that is the broadcast address; ${UNICAST}`)('255.255.255.255'),
  wrong('--dest-ip', `that is a link-local address; ${UNICAST}`)('fe80::1'),
  ...['node-b', '10.0.0.0/8', ''].flatMap((address) => [
    wrong('--source-address', NO_ADDRESS)(address),
    wrong('--dest-address', NO_ADDRESS)(address),
  ]),
  wrong(
    '--source-address',
    'that is a loopback address; give the unicast address of the node that the other node reaches it by',
  )('127.0.0.1'),
  [
    [POD, '--dest-ip=192.0.2.1', '--dest-address=192.0.2.2'],
    "--dest-address is an address of the destination's node: leave it out, for the destination is outside the cluster",
  ],
  ...['', '30', '1.5h', '0s', '-5m', '1d', '500ms', 'x30m', '30mx', '2147483648s'].map(
    wrong('--duration', DURATION_RANGE),
  ),
  ...['', 'a b', 'a\nb', ' a', 'a '].map(
    wrong('--image', 'give an image reference without blanks, such as localhost/kokotap:1.0.0'),
  ),
  wrong('--filter', 'it must not be empty')(''),
  ...['', '63', '65536', '1e3', '-1', '100B'].map(wrong('--snaplen', 'give a whole number from 64 to 65535')),
  ...['', '0', '65536'].map(wrong('--metrics-port', 'give a whole number from 1 to 65535')),
  ...['', '100', '1/0', '2/100', '1/1000001', '1/', '0.01', '1/100x', 'x1/100'].map(
    wrong('--sample', 'give 1/N, such as 1/100 for one conversation in a hundred, with N up to 1000000'),
  ),
  ...[
    '',
    '200',
    '7kbit',
    '1001gbit',
    '1.5mbit',
    '200MBit',
    '200mbps',
    '-1mbit',
    '200mbitx',
    '7999bit',
    '1000000000008bit',
  ].map(
    wrong(
      '--max-rate',
      'give whole bit, kbit, mbit or gbit a second, from 8kbit to 1000gbit, such as 200mbit',
    ),
  ),
  ...['', 'cpu', 'cpu=', 'cpu=0', 'cpu=-1', 'cpu=1x', 'gpu=1', 'cpu=1,cpu=2', 'cpu=1,', 'cpu=1 '].flatMap(
    (list) => [wrong('--requests', AMOUNTS)(list), wrong('--limits', AMOUNTS)(list)],
  ),
  [
    [POD, NODE, '--requests=cpu=2', '--limits=memory=1Gi,cpu=1500m'],
    '--requests cpu=2 is more than --limits cpu=1500m: give at most that',
  ],
  wrong('--kubeconfig', 'it must not be empty')(''),
  wrong('--context', 'it must not be empty')(''),
  [
    [POD, NODE, '--ifname=eth0'],
    '--ifname and --pod-ifname both name "eth0", but both interfaces are in the pod: give another --ifname',
  ],
])('%j', async (args, message) => {
  expect(await command(args)).toEqual({ exitCode: 2, stdout: '', stderr: `kokotap: ${message}\n` });
});

/** A command line that is right but for this value. */
function wrong(flag: string, advice: string) {
  return (value: string): [string[], string] => [
    [
      ...(flag === '--pod' ? [] : [POD]),
      ...(['--dest-node', '--dest-pod', '--dest-ip'].includes(flag) ? [] : [NODE]),
      `${flag}=${value}`,
    ],
    `${flag} ${JSON.stringify(value)} is not possible: ${advice}`,
  ];
}
