/**
 * Why an eBPF program could not be loaded, in one line: of what tc and libbpf say (iproute2 6.1, libbpf 1.1) the reason,
 * and of the verifier's log, which can be of thousands of lines, the last three. Undefined when the program was loaded,
 * and tc failed to put it where it belongs: it says so itself when it could not be.
 */
export function loadFailure(stderr: string): string | undefined {
  if (!/^Unable to load program$/m.test(stderr)) return undefined;
  const lines = stderr
    .split('\n')
    .map((line) => line.replace(/^libbpf: /, '').trim())
    .filter((line) => line !== '');
  const begin = lines.findIndex((line) => line.includes('-- BEGIN PROG LOAD LOG --'));
  if (begin === -1) {
    const telling = lines.filter((line) => !afterthought.test(line));
    return (telling.length === 0 ? lines : telling).slice(0, 3).join('; ');
  }
  const end = lines.findIndex((line) => line.includes('-- END PROG LOAD LOG --'));
  const verifier = lines
    .slice(begin + 1, end === -1 ? undefined : end)
    .filter((line) => !verifierStatistics.test(line));
  return [...lines.slice(Math.max(0, begin - 1), begin), ...verifier.slice(-3)].join('; ');
}

const afterthought =
  /^(Unable to load program|failed to load object|prog '.*': failed to load|Failed to bump RLIMIT_MEMLOCK)/;
const verifierStatistics = /^(processed \d+ insns|verification time|stack depth)/;
