import { expect, test } from 'vitest';
import { parseCommandLine } from '#src/cli/commandLine.ts';
import { checkOptions, type Options } from '#src/cli/options.ts';
import type { Tap } from '#src/spec/tap.ts';
import { identityOf, type TapIdentity } from '#src/spec/tapId.ts';
import { VERSION } from '#src/version.ts';

/** What is meant by a line that has nothing wrong in it. */
function optionsOf(...flags: readonly string[]): Options {
  const hasDestination = flags.some((flag) => /^--dest-(?:ip|pod)=/u.test(flag));
  const line = parseCommandLine(['--pod=web', ...(hasDestination ? [] : ['--dest-node=b']), ...flags]);
  if (line.kind !== 'tap') throw new Error(line.kind);
  return checkOptions(line.given);
}

test('what is not said has a default or is left open', () => {
  expect(optionsOf()).toEqual({
    tap: {
      pod: 'web',
      namespace: undefined,
      interfaces: ['eth0'],
      direction: 'both',
      destination: { node: 'b' },
      mirrorInterface: 'mirror',
      vxlanPort: 4789,
      requests: {},
      limits: {},
      anyNode: false,
      image: `localhost/kokotap:${VERSION}`,
    },
    cluster: { kubectl: undefined, flags: [], timeoutMs: 8000, wantsNamespace: true },
  });
});

test.each<[string, Partial<Tap>]>([
  ['--pod-container=main', { container: 'main' }],
  [`--pod-container=${'x'.repeat(63)}`, { container: 'x'.repeat(63) }],
  ['--mirrortype=ingress', { direction: 'ingress' }],
  ['--mirrortype=egress', { direction: 'egress' }],
  ['--filter=tcp port 80', { filter: 'tcp port 80' }],
  ['--snaplen=64', { snapLengthBytes: 64 }],
  ['--snaplen=65535', { snapLengthBytes: 65_535 }],
  ['--sample=1/1', { sampleOneIn: 1 }],
  ['--sample=1/1000000', { sampleOneIn: 1_000_000 }],
  ['--max-rate=8kbit', { maxBytesPerSecond: 1000 }],
  ['--max-rate=8007bit', { maxBytesPerSecond: 1000 }],
  ['--max-rate=200mbit', { maxBytesPerSecond: 25_000_000 }],
  ['--max-rate=1000gbit', { maxBytesPerSecond: 125e9 }],
  ['--fast-path', { fastPath: true }],
  ['--vxlan-id=1', { vni: 1 }],
  ['--vxlan-id=16777215', { vni: 16_777_215 }],
  ['--vxlan-id=100-131', { vni: { first: 100, last: 131 } }],
  ['--vxlan-id=7-7', { vni: { first: 7, last: 7 } }],
  ['--vxlan-port=1', { vxlanPort: 1 }],
  ['--vxlan-port=65535', { vxlanPort: 65_535 }],
  ['--metrics-port=9400', { metricsPort: 9400 }],
  ['--duration=1s', { durationSeconds: 1 }],
  ['--duration=90s', { durationSeconds: 90 }],
  ['--duration=30m', { durationSeconds: 1800 }],
  ['--duration=1h30m5s', { durationSeconds: 5405 }],
  ['--duration=2147483647s', { durationSeconds: 2_147_483_647 }],
  ['--image=registry.example/kokotap:2', { image: 'registry.example/kokotap:2' }],
])('%s', (flag, tap) => {
  expect(optionsOf(flag).tap).toMatchObject(tap);
});

test('the cluster is the one that is named', () => {
  const flags = [
    '--kubeconfig=a',
    '--as=dev',
    '--as-group=ops',
    '--as-group=sre',
    '--insecure-skip-tls-verify',
  ];
  expect(optionsOf(...flags, '--kubectl=oc').cluster).toEqual({
    kubectl: 'oc',
    flags,
    timeoutMs: 8000,
    wantsNamespace: true,
  });
});

test.each([
  ['5', 5000],
  ['0', 0],
  ['1m30s', 90_000],
  ['1.5h', 5_400_000],
  ['250ms', 250],
])('--request-timeout=%s', (time, timeoutMs) => {
  const flag = `--request-timeout=${time}`;
  expect(optionsOf(flag).cluster).toEqual({
    kubectl: undefined,
    flags: [flag],
    timeoutMs,
    wantsNamespace: true,
  });
});

test.each(['', 'x', '5x', '-1', '1s1'])('--request-timeout=%j is no time', (time) => {
  expect(() => optionsOf(`--request-timeout=${time}`)).toThrow(
    /^--request-timeout ".*" is not possible: (?:give a time such as 30s, 2m or 1m30s, or 0 for no limit|it must not be empty)$/u,
  );
});

test.each<[string[], Partial<TapIdentity>]>([
  [['-n', 'team'], { targetNamespace: 'team', tapNamespace: 'team' }],
  [['-n=team'], { targetNamespace: 'team' }],
  [['--tap-namespace=taps'], { targetNamespace: 'of-context', tapNamespace: 'taps' }],
  [[`--pod=${'x'.repeat(253)}`], { pod: 'x'.repeat(253) }],
  [['--pod=a.b-c'], { pod: 'a.b-c' }],
  [['--dest-ip=192.0.2.7'], { destination: { address: '192.0.2.7' } }],
  [['--dest-ip=2001:DB8:0::7'], { destination: { address: '2001:db8::7' } }],
  [['--dest-pod=suricata'], { destination: { pod: 'suricata', namespace: 'of-context' } }],
  [
    ['--dest-pod=suricata', '-n', 'team'],
    { targetNamespace: 'team', destination: { pod: 'suricata', namespace: 'team' } },
  ],
  [
    ['--dest-pod=suricata', '--dest-namespace=tools', '-n=team'],
    { targetNamespace: 'team', destination: { pod: 'suricata', namespace: 'tools' } },
  ],
  [['--dest-pod=web', '--dest-namespace=tools'], { destination: { pod: 'web', namespace: 'tools' } }],
  [['--pod-ifname=all'], { podIfname: 'all' }],
  [['--pod-ifname=eth0,net1'], { podIfname: 'eth0,net1' }],
  ...['x'.repeat(15), 'all1', 'xall', 'default0', 'mydefault', '...', 'a.', '.a', '~', '!'].flatMap(
    (name): [string[], Partial<TapIdentity>][] => [
      [[`--ifname=${name}`], { ifname: name }],
      [[`--dest-ifname=${name}`], { ifname: name }],
      [[`--pod-ifname=${name}`], { podIfname: name }],
    ],
  ),
])('%j', (flags, identity) => {
  const { tap } = optionsOf(...flags);
  expect(identityOf({ ...tap, namespace: tap.namespace ?? 'of-context' })).toMatchObject(identity);
});
