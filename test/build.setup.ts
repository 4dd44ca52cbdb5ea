import { run } from '#src/exec/command.ts';
import { build } from '../scripts/build.ts';

/** Tests of the command lines run the built programs, and the agent loads its eBPF object. */
export default async function buildAll(): Promise<void> {
  await Promise.all([build(), run('scripts/bpf', [], { timeoutMs: 60_000 })]);
}
