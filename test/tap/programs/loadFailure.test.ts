import { expect, test } from 'vitest';
import { loadFailure } from '#src/tap/programs/loadFailure.ts';

const verifierLog = `libbpf: prog 'copy': BPF program load failed: Permission denied
libbpf: prog 'copy': -- BEGIN PROG LOAD LOG --
0: R1=ctx() R10=fp0
${'1: (07) r2 += 4\n'.repeat(5000)}; return *(int*)d; @ mirror.bpf.c:3
5001: (61) r0 = *(u32 *)(r1 +0)
invalid access to packet, off=0 size=4, R1(id=0,off=0,r=0)
R1 offset is outside of the packet
processed 2 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
-- END PROG LOAD LOG --
libbpf: prog 'copy': failed to load: -13
libbpf: failed to load object 'mirror.bpf.o'
Unable to load program`;

test.for([
  [
    'of a program that the verifier refuses, its last lines',
    verifierLog,
    "prog 'copy': BPF program load failed: Permission denied; 5001: (61) r0 = *(u32 *)(r1 +0); " +
      'invalid access to packet, off=0 size=4, R1(id=0,off=0,r=0); R1 offset is outside of the packet',
  ],
  [
    'of a missing right, what the kernel says',
    `libbpf: Failed to bump RLIMIT_MEMLOCK (err = -1), you might need to do it explicitly!
libbpf: Error in bpf_object__probe_loading():Operation not permitted(1). Couldn't load trivial BPF program.
libbpf: failed to load object 'mirror.bpf.o'
Unable to load program`,
    "Error in bpf_object__probe_loading():Operation not permitted(1). Couldn't load trivial BPF program.",
  ],
  [
    'of what is no object, what tc says',
    'Cannot initialize ELF context!\nUnable to load program\n',
    'Cannot initialize ELF context!',
  ],
  ['all there is, if that is nothing else', 'Unable to load program', 'Unable to load program'],
  [
    'three lines at most of what was said, without spaces around',
    'libbpf:   one \n two\nthree\nfour\nUnable to load program\n',
    'one; two; three',
  ],
  [
    'the end of a log without an end, and the line before it',
    'first\nsecond\n-- BEGIN PROG LOAD LOG --\na\nb\nc\nd\nUnable to load program',
    'second; c; d; Unable to load program',
  ],
  [
    'a log that nothing is said before',
    '-- BEGIN PROG LOAD LOG --\na\n-- END PROG LOAD LOG --\nUnable to load program',
    'a',
  ],
  ['nothing, if that is said in another sentence', 'Unable to load program of yours\n', undefined],
  ['nothing, if another is said not to be able to', 'tc: Unable to load program\n', undefined],
  ['nothing, if nothing is said', '', undefined],
  ['nothing, if the interface is gone', 'Cannot find device "net1"\n', undefined],
  [
    'nothing, if the qdisc is gone, whatever libbpf had said before',
    `libbpf: Failed to bump RLIMIT_MEMLOCK (err = -1), you might need to do it explicitly!
Error: Parent Qdisc doesn't exists.
We have an error talking to the kernel`,
    undefined,
  ],
] as const)('a load error tells %s', ([, stderr, reason]) => {
  expect(loadFailure(stderr)).toBe(reason);
});
