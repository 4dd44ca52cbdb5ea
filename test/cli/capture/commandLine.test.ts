import { expect, test } from 'vitest';
import { readCaptureOptions } from '#src/cli/capture/readOptions.ts';
import { parseCommandLine } from '#src/cli/commandLine.ts';
import { clusterOptions } from '#src/cli/options.ts';
import { UsageError } from '#src/errors.ts';

function optionsOf(...argv: string[]) {
  const line = parseCommandLine(['capture', ...argv]);
  if (line.kind !== 'command') throw new Error(`"${argv.join(' ')}" is no command`);
  return { options: readCaptureOptions(line), cluster: clusterOptions(line.given) };
}

test('a target is enough', () => {
  expect(optionsOf('web').options).toMatchObject({
    words: [{ kind: 'pod', name: 'web' }],
    interfaces: ['eth0'],
    direction: 'both',
    maxPods: 50,
    spoolBytes: 0,
    timeoutSeconds: 60,
    noFollow: false,
    allowLoss: false,
  });
});

test('flags may stand anywhere, and those of kubectl go to it', () => {
  const { options, cluster } = optionsOf(
    ...'-n shop deploy/web -w web.pcapng svc/api -i eth0,net1 --snaplen=128 -C 100M -W 5 -G 60 -c 7'.split(
      ' ',
    ),
    ...'--duration=1h30m --spool=2G --no-follow --direction=ingress'.split(' '),
    ...'--context=prod --as-group=a --as-group=b'.split(' '),
    '--filter',
    'tcp port 80',
  );
  expect(options).toMatchObject({
    namespace: 'shop',
    words: [{ name: 'web' }, { name: 'api' }],
    file: 'web.pcapng',
    interfaces: ['eth0', 'net1'],
    snapLengthBytes: 128,
    fileBytes: 100_000_000,
    fileCount: 5,
    fileSeconds: 60,
    packetCount: 7,
    durationSeconds: 5400,
    spoolBytes: 2_000_000_000,
    noFollow: true,
    direction: 'ingress',
    filter: 'tcp port 80',
  });
  expect(cluster.flags).toStrictEqual(['--context=prod', '--as-group=a', '--as-group=b']);
});

test.for([
  [[], 'Name what to capture, such as deploy/web, or give -l with labels'],
  [['web', '--bogus'], 'Unknown flag "--bogus", see kokotap capture --help'],
  [['web', '-c', '0'], '--count "0" is not possible: give a whole number from 1 to 9007199254740991'],
  [
    ['web', '-C', '1T'],
    '--file-size "1T" is not possible: give a whole number of bytes, or with k, M or G behind it, such as 100M',
  ],
  [
    ['web', '--duration', '5'],
    '--duration "5" is not possible: give whole hours, minutes and seconds such as 30s or 1h30m',
  ],
  [['web', '--direction', 'in'], '--direction "in" is not possible: give one of ingress, egress, both'],
  [['web', '--filter='], '--filter "" is not possible: it must not be empty'],
  [['web', '--snaplen', '10'], '--snaplen "10" is not possible: give a whole number from 64 to 65535'],
  [
    ['web', '-i', 'eth0,eth0'],
    '--interface "eth0,eth0" is not possible: "eth0" is there twice; name each interface once',
  ],
  [['web', '-C', '1M'], '-C and -G need a file: give its name with -w'],
  [['web', '-w', 'x', '-W', '3'], '-W needs -C or -G, which say when a file ends'],
  [['web', '-w', 'x', '--wireshark'], '--wireshark and -w exclude each other: give one of them'],
] as const)('%j is refused', ([argv, message]) => {
  expect(() => optionsOf(...argv)).toThrow(new UsageError(message));
});

test('help', () => {
  expect(parseCommandLine(['capture', '--help'])).toMatchSnapshot();
});
