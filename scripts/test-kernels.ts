import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { z } from 'zod';

/**
 * Runs the kernel tests in virtual machines, one after the other, and prints what passed and what failed on each kernel.
 * Arguments: `--kernel=6.1` for that kernel only (may be given again; all by default), anything else goes to vitest.
 */
function main(args: readonly string[]): number {
  const chosen = args.flatMap((arg) => /^--kernel=(.+)$/.exec(arg)?.[1] ?? []);
  const rest = args.filter((arg) => !arg.startsWith('--kernel='));
  const results = (chosen.length > 0 ? chosen : kernels()).map((kernel) => testKernel(kernel, rest));
  const passed = results.reduce((sum, result) => sum + result.passed, 0);
  const failed = results.flatMap(({ failures }) => failures).length;
  process.stdout.write(`\n${results.map(table).join('\n')}\n`);
  process.stdout.write(`${passed} passed, ${failed} failed\n`);
  return failed === 0 ? 0 : 1;
}

interface Result {
  readonly kernel: string;
  readonly passed: number;
  readonly minutes: number;
  /** What failed, and why, each in one line. */
  readonly failures: readonly string[];
}

function kernels(): string[] {
  return readFileSync('vm/kernels.txt', 'utf8')
    .trim()
    .split('\n')
    .flatMap((line) => line.split(' ', 1));
}

function testKernel(kernel: string, args: readonly string[]): Result {
  process.stdout.write(`\n== Linux ${kernel}\n`);
  const folder = mkdtempSync(path.join(tmpdir(), 'kokotap-vm-results-'));
  const start = performance.now();
  try {
    const vitest = ['vitest', 'run', '--config=vitest.vm.ts', '--reporter=verbose', '--reporter=json'];
    const command = [...vitest, '--outputFile.json=/results/tests.json', ...args];
    const { status } = spawnSync(path.resolve('vm/boot'), [kernel, folder, ...command], { stdio: 'inherit' });
    const file = path.join(folder, 'tests.json');
    const minutes = (performance.now() - start) / 60_000;
    if (!existsSync(file)) return { kernel, passed: 0, minutes, failures: ['The tests did not end.'] };
    const report = reportSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
    const tests = report.testResults.flatMap(({ name, assertionResults }) =>
      assertionResults.map((test) => ({ ...test, file: path.basename(name, '.test.ts') })),
    );
    const failures = tests
      .filter((test) => test.status === 'failed')
      .map((test) => `${test.file}: ${test.fullName}: ${firstLine(test.failureMessages[0])}`);
    // A file that could not be loaded, or an error outside of a test.
    if (status !== 0 && failures.length === 0) failures.push('The run failed outside of a test.');
    return { kernel, passed: tests.filter((test) => test.status === 'passed').length, minutes, failures };
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

function table({ kernel, passed, minutes, failures }: Result): string {
  const head = `Linux ${kernel}: ${passed} passed, ${failures.length} failed, ${minutes.toFixed(1)} minutes`;
  return [head, ...failures.map((failure) => `  FAILED ${failure}`), ''].join('\n');
}

process.exitCode = main(process.argv.slice(2));
