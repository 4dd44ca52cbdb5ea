import { once } from 'node:events';
import { expect } from 'vitest';
import { addresses } from './support/addresses.ts';
import { type Net, test } from './support/net.ts';

/** `ROUND_TRIPS=1000000 npx vitest run --project kernel test/kernel/order.test.ts` makes as many. */
const roundTrips = Number(process.env['ROUND_TRIPS'] ?? 5000);
const port = 7020;
const payloadBytes = 64;
/** Ethernet, IP, UDP, VXLAN, and the copy's own Ethernet, IP and UDP headers. */
const headerBytes = 14 + 20 + 8 + 8 + 14 + 20 + 8;

/** Sends its packets, `q` and a number, and waits for the answer to each. */
const asking = `
  use Socket;
  my ($to, $port, $count, $bytes) = @ARGV;
  socket(S, PF_INET, SOCK_DGRAM, 0) or die $!;
  connect(S, sockaddr_in($port, inet_aton($to))) or die $!;
  for (1 .. $count) {
    send(S, pack("a N x" . ($bytes - 5), 'q', $_), 0) or die $!;
    recv(S, my $answer, $bytes, 0);
    $answer eq pack("a N x" . ($bytes - 5), 'a', $_) or die "another answer to $_";
  }`;

/** Answers each packet with `a` and its number. */
const answering = `
  use Socket;
  my ($port, $bytes) = @ARGV;
  $| = 1;
  socket(S, PF_INET, SOCK_DGRAM, 0) or die $!;
  bind(S, sockaddr_in($port, INADDR_ANY)) or die $!;
  print 'ready';
  while (my $from = recv(S, my $data, $bytes, 0)) {
    substr($data, 0, 1) = 'a';
    send(S, $data, 0, $from) or die $!;
  }`;

/** Reads tcpdump's pcap, and says how many copies of each kind there were, and how many answers before their questions. */
const counting = `
  my ($at) = @ARGV;
  my ($last, $early, %seen) = (0, 0);
  read(STDIN, my $header, 24);
  while (read(STDIN, my $record, 16) == 16) {
    read(STDIN, my $frame, unpack('x8 V', $record));
    my ($kind, $number) = unpack('a N', substr($frame, $at));
    $seen{$kind}++;
    $last = $number if $kind eq 'q' && $number > $last;
    $early++ if $kind eq 'a' && $number > $last;
  }
  print "$seen{q} $seen{a} $early";`;

for (const [way, flags] of [
  ['by the VXLAN device', {}],
  ['past the IP stack of the node', { 'fast-path': '' }],
] as const)
  test(`the copy of an answer never leaves before that of its question: ${way}`, async ({ net }) => {
    await net.quiet();
    await net.forward();
    await net.tap({ filter: 'udp', ...flags });
    const server = onCpu(net, 'nodeA', '$(($(nproc) - 1))', answering, String(port), String(payloadBytes));
    if (server.stdout) await once(server.stdout, 'data');
    const count = net.spawn('nodeA', 'bash', '-c', countingOf(2 * roundTrips), counting, String(headerBytes));
    const said = { stdout: '', stderr: '' };
    count.stdout?.on('data', (chunk: Buffer) => (said.stdout += chunk.toString()));
    count.stderr?.on('data', (chunk: Buffer) => (said.stderr += chunk.toString()));
    await expect.poll(() => said.stderr).toContain('listening on');
    const ended = once(count, 'exit');
    const client = onCpu(
      net,
      'pod',
      '0',
      asking,
      addresses.gateway,
      String(port),
      String(roundTrips),
      String(payloadBytes),
    );
    const [code] = await once(client, 'exit');
    expect(code).toBe(0);
    await ended;
    expect(said.stdout).toBe(`${roundTrips} ${roundTrips} 0`);
  });

/** Copies of the round trips' packets, and nothing else, as they leave the node. */
function countingOf(packets: number): string {
  const filter = `udp dst port 4789 and len = ${headerBytes + payloadBytes}`;
  return `tcpdump -i underlay -n -B 65536 -Z root -c ${packets} -w - '${filter}' | perl -e "$0" "$1"`;
}

function onCpu(net: Net, where: 'nodeA' | 'pod', cpu: string, ...script: string[]) {
  return net.spawn(where, 'bash', '-c', `exec taskset -c ${cpu} perl -e "$0" "$@"`, ...script);
}
