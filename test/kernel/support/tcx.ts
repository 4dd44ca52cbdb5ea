import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { release } from 'node:os';
import type { Hook } from '#src/tap/state.ts';
import type { Net } from './net.ts';
import type { Where } from './network.ts';

const [major = 0, minor = 0] = release()
  .split('.')
  .map((part) => Number.parseInt(part, 10));
/** Whether the kernel has tcx, as Linux has since 6.6. */
export const hasTcx: boolean = major > 6 || (major === 6 && minor >= 6);

/** What a program says of a packet: the programs behind it are to see it, or classification ends. */
const verdicts = { next: -1, pass: 0 } as const;

/** Puts a program named `theirs` behind the tcx programs of a hook, or before them; it goes when the process is ended. */
export async function attachTcx(
  net: Net,
  where: Where,
  ifname: string,
  hook: Hook,
  verdict: keyof typeof verdicts,
  place: 'behind' | 'before' = 'behind',
): Promise<ChildProcess> {
  const script = `
    use Socket;
    my ($ifname, $type, $verdict, $flags) = @ARGV;
    my ($SYS_BPF, $LOAD, $LINK, $SCHED_CLS, $SIOCGIFINDEX) = (321, 5, 28, 3, 0x8933);
    sub bpf { my ($command, $attr) = @_; my $fd = syscall($SYS_BPF, $command, $attr, length $attr); $fd >= 0 or die $!; $fd }
    my ($code, $license) = (pack('C C s l C C s l', 0xb7, 0, 0, $verdict, 0x95, 0, 0, 0), "GPL\\0"); # r0 = verdict; exit
    my $program = bpf($LOAD, pack('L L P P L L Q L L a16', $SCHED_CLS, 2, $code, $license, 0, 0, 0, 0, 0, 'theirs'));
    socket(my $socket, AF_INET, SOCK_DGRAM, 0) or die $!;
    ioctl($socket, $SIOCGIFINDEX, my $request = pack('a16 x24', $ifname)) or die $!;
    my $link = bpf($LINK, pack('L L L L Q Q', $program, unpack('x16 l', $request), $type, $flags, 0, 0));
    $| = 1; print '!'; sleep`;
  const type = hook === 'ingress' ? 46 : 47;
  const args = [type, verdicts[verdict], place === 'before' ? 8 : 0].map(String);
  const child = net.spawn(where, 'perl', '-e', script, ifname, ...args);
  let said = '';
  child.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const ended = once(child, 'exit').then(() => Promise.reject(new Error(`no tcx program: ${said}`)));
  if (child.stdout) await Promise.race([once(child.stdout, 'data'), ended]);
  ended.catch(() => undefined); // it is ended by the test later
  return child;
}
