import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { z } from 'zod';

/**
 * Runs tests in virtual machines, one after the other, and prints what passed and what failed in each: the kernel tests on
 * each kernel, then a node of the lab on the newest, with each cgroup driver. Arguments: `--kernel=6.1` for that kernel only
 * (may be given again), `--lab` for the nodes only; anything else goes to vitest, and without `--lab` no node is tested then.
 */
function main(args: readonly string[]): number {
  const chosen = args.flatMap((arg) => /^--kernel=(.+)$/.exec(arg)?.[1] ?? []);
  const rest = args.filter((arg) => !arg.startsWith('--kernel=') && arg !== '--lab');
  const onlyLab = args.includes('--lab');
  const all = kernels();
  const machines = [
    ...(onlyLab ? [] : (chosen.length > 0 ? chosen : all).map(kernelTests)),
    ...(onlyLab || rest.length === 0 ? (chosen.length > 0 ? chosen : all.slice(0, 1)).flatMap(nodes) : []),
  ];
  const results = machines.map((machine) => testIn(machine, rest));
  const passed = results.reduce((sum, result) => sum + result.passed, 0);
  const failed = results.flatMap(({ failures }) => failures).length;
  process.stdout.write(`\n${results.map(table).join('\n')}\n`);
  process.stdout.write(`${passed} passed, ${failed} failed\n`);
  return failed === 0 ? 0 : 1;
}

/** What a virtual machine is to do. */
interface Machine {
  readonly title: string;
  readonly kernel: string;
  /** Of vitest. */
  readonly config: string;
  /** The environment of vm/boot. */
  readonly boot?: Readonly<Record<string, string>>;
  /** The environment of the tests. */
  readonly tests?: Readonly<Record<string, string>>;
}

function kernelTests(kernel: string): Machine {
  return { title: `Linux ${kernel}`, kernel, config: 'vitest.vm.ts' };
}

function nodes(kernel: string): Machine[] {
  return ['systemd', 'cgroupfs'].map((driver) => ({
    title: `Linux ${kernel}, a node with the cgroup driver ${driver}`,
    kernel,
    config: 'vitest.vm-lab.ts',
    boot: { LAB_PARTS: 'kubernetes etcd root images', MEMORY_MIB: '5120' },
    tests: { NODES: 'node-a', RUNTIMES: 'containerd', CGROUP_DRIVER: driver },
  }));
}

function kernels(): string[] {
  return readFileSync('vm/kernels.txt', 'utf8')
    .trim()
    .split('\n')
    .flatMap((line) => line.split(' ', 1));
}

interface Result {
  readonly title: string;
  readonly passed: number;
  readonly minutes: number;
  /** What failed, and why, each in one line. */
  readonly failures: readonly string[];
}

function testIn({ title, kernel, config, boot, tests = {} }: Machine, args: readonly string[]): Result {
  process.stdout.write(`\n== ${title}\n`);
  const folder = mkdtempSync(path.join(tmpdir(), 'kokotap-vm-results-'));
  const start = performance.now();
  try {
    const environment = Object.entries(tests).map(([name, value]) => `${name}=${value}`);
    const vitest = ['vitest', 'run', `--config=${config}`, '--reporter=verbose', '--reporter=json'];
    const command = ['env', ...environment, ...vitest, '--outputFile.json=/results/tests.json', ...args];
    const env = { ...process.env, ...boot };
    const { status } = spawnSync(path.resolve('vm/boot'), [kernel, folder, ...command], {
      stdio: 'inherit',
      env,
    });
    const file = path.join(folder, 'tests.json');
    const minutes = (performance.now() - start) / 60_000;
    if (!existsSync(file)) return { title, passed: 0, minutes, failures: ['The tests did not end.'] };
    const report = reportSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
    const ended = report.testResults.flatMap(({ name, assertionResults }) =>
      assertionResults.map((test) => ({ ...test, file: path.basename(name, '.test.ts') })),
    );
    const failures = ended
      .filter((test) => test.status === 'failed')
      .map((test) => `${test.file}: ${test.fullName}: ${firstLine(test.failureMessages[0])}`);
    // A file that could not be loaded, or an error outside of a test.
    if (status !== 0 && failures.length === 0) failures.push('The run failed outside of a test.');
    return { title, passed: ended.filter((test) => test.status === 'passed').length, minutes, failures };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const reportSchema = z.object({
  testResults: z.array(
    z.object({
      name: z.string(),
      assertionResults: z.array(
        z.object({
          fullName: z.string(),
          status: z.string(),
          failureMessages: z.array(z.string()).default([]),
        }),
      ),
    }),
  ),
});

function firstLine(message = ''): string {
  return message.split('\n', 1)[0]?.slice(0, 300) ?? '';
}

function table({ title, passed, minutes, failures }: Result): string {
  const head = `${title}: ${passed} passed, ${failures.length} failed, ${minutes.toFixed(1)} minutes`;
  return [head, ...failures.map((failure) => `  FAILED ${failure}`), ''].join('\n');
}

process.exitCode = main(process.argv.slice(2));
