import { expect, test } from 'vitest';
import { command } from '../support/kokotap.ts';
import { parseCommandLine } from '#src/cli/commandLine.ts';
import { readCreateOptions } from '#src/cli/create/options.ts';

function optionsOf(...argv: string[]) {
  const line = parseCommandLine(['create', ...argv]);
  if (line.kind !== 'command') throw new Error(`"${argv.join(' ')}" is no command`);
  return readCreateOptions(line);
}

test('a target and a destination are enough', () => {
  expect(optionsOf('web', '--to=node/node-b')).toMatchObject({
    words: [{ kind: 'pod', name: 'web' }],
    namespace: undefined,
    settings: { destination: { node: 'node-b' }, interfaces: ['eth0'], mirrorInterface: 'mirror' },
    namesMirror: false,
    wait: true,
    timeoutMs: 60_000,
    dryRun: false,
    form: undefined,
  });
});

test('flags of a tap, and those of the command', () => {
  const argv =
    'deploy/web svc/api -n shop --to pod/tools/suricata --ifname=tap0 --snaplen=128 --vxlan-id=100-131';
  const more = '--no-wait --timeout 2m --dry-run -o yaml -q --tap-namespace=taps';
  expect(optionsOf(...`${argv} ${more}`.split(' '))).toMatchObject({
    words: [{ kind: 'workload', resource: 'deployments' }, { resource: 'services' }],
    namespace: 'shop',
    settings: {
      destination: { pod: 'suricata', namespace: 'tools' },
      mirrorInterface: 'tap0',
      snapLengthBytes: 128,
      vni: { first: 100, last: 131 },
      tapNamespace: 'taps',
    },
    namesMirror: true,
    wait: false,
    timeoutMs: 120_000,
    dryRun: true,
    form: 'yaml',
    quiet: true,
  });
});

test.each([
  ['pod/suricata', { pod: 'suricata' }],
  ['ip/2001:db8::0:9', { address: '2001:db8::9' }],
])('--to %s', (to, destination) => {
  expect(optionsOf('web', '--to', to).settings.destination).toStrictEqual(destination);
});

const forms = 'give node/NAME, pod/NAME, pod/NAMESPACE/NAME or ip/ADDRESS';

test.each([
  [['--to=node/b'], 'Name the target, such as pod/web or deploy/web, or give -l with labels'],
  [['web'], 'The destination is missing: give --to=node/NAME, --to=pod/NAME or --to=ip/ADDRESS'],
  [['web', '--to=node-b'], `--to "node-b" is not possible: ${forms}`],
  [['web', '--to=node/a/b'], `--to "node/a/b" is not possible: ${forms}`],
  [['web', '--to=svc/b'], `--to "svc/b" is not possible: ${forms}`],
  [
    ['web', '--to=ip/127.0.0.1'],
    '--to "ip/127.0.0.1" is not possible: that is a loopback address; give the unicast address of a machine outside the cluster',
  ],
  [
    ['web', '--to=ip/x'],
    '--to "ip/x" is not possible: give one IPv4 or IPv6 address, without prefix length or zone',
  ],
  [['tap/0123', '--to=node/b'], 'Target "tap/0123" is a tap already: name pods, workloads or nodes'],
  [
    ['web', '--to=ip/192.0.2.1', '--dest-address=192.0.2.2'],
    "--dest-address is an address of the destination's node: leave it out, for the destination is outside the cluster",
  ],
  [['web', '--to=node/b', '-o', 'wide'], '--output "wide" is not possible: give one of name, yaml, json'],
  [
    ['web', '--to=node/b', '--timeout=5'],
    '--timeout "5" is not possible: give whole hours, minutes and seconds such as 90s or 1h30m',
  ],
  [['web', '--to=node/b', '--dest-node=c'], 'Unknown flag "--dest-node", see kokotap create --help'],
  [
    ['web', '--to=node/b', '--ifname=eth0'],
    '--ifname and --pod-ifname both name "eth0", but both interfaces are in the pod: give another --ifname',
  ],
])('create %j is refused', async (argv, message) => {
  expect(await command(['create', ...argv])).toEqual({
    exitCode: 2,
    stdout: '',
    stderr: `kokotap: ${message}\n`,
  });
});
