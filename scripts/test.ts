import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/**
 * Runs the checks and the tests and closes with a line `N passed, N failed`, in which every check counts as one.
 * `check` as the only argument: the checks alone; `matrix`: the cluster tests on each other Kubernetes of the lab;
 * anything else goes to vitest, for example `--project unit`.
 */
function main(args: readonly string[]): number {
  if (process.getuid?.() !== 0) {
    process.stderr.write(
      'The tests need root: they make network namespaces and a cluster. Run make as root.\n',
    );
    return 1;
  }
  const [command] = args;
  const results =
    command === 'check' ? runChecks() : command === 'matrix' ? runMatrix() : [...runChecks(), runTests(args)];
  const passed = sum(results.map((each) => each.passed));
  const failed = sum(results.map((each) => each.failed));
  process.stdout.write(`\n${passed} passed, ${failed} failed\n`);
  return failed === 0 ? 0 : 1;
}

interface Result {
  readonly passed: number;
  readonly failed: number;
}

function runChecks(): Result[] {
  return Object.entries(checks).map(([name, [program, ...rest]]) => {
    process.stdout.write(`\n== ${name}\n`);
    const failed = spawnSync(program, rest, { stdio: 'inherit' }).status === 0 ? 0 : 1;
    return { passed: 1 - failed, failed };
  });
}

/** Of those that the lab can be of, the default aside: see lab/programs/hyperkube. */
function runMatrix(): Result[] {
  const versions = readdirSync('lab/programs/hyperkube').flatMap(
    (file) => /^(v.*)\.mod$/.exec(file)?.[1] ?? [],
  );
  return versions.map((version) => {
    process.stdout.write(`\n== Kubernetes ${version}\n`);
    return runTests(['--project', 'cluster'], { KUBERNETES: version });
  });
}

const checks: Record<string, [string, ...string[]]> = {
  formatter: ['oxfmt', '--check'],
  linter: ['oxlint', '--deny-warnings'],
  'type checker': ['tsc'],
  'dead code': ['knip', '--no-progress'],
  'shell scripts': ['scripts/shellcheck'],
};

function runTests(args: readonly string[], env: NodeJS.ProcessEnv = {}): Result {
  process.stdout.write('\n== tests\n');
  const folder = mkdtempSync(path.join(tmpdir(), 'kokotap-results-'));
  const file = path.join(folder, 'results.json');
  try {
    const reporters = ['--reporter=verbose', '--reporter=json', `--outputFile.json=${file}`];
    const { status } = spawnSync('vitest', ['run', ...reporters, ...args], {
      stdio: 'inherit',
      env: { ...process.env, ...env },
    });
    if (!existsSync(file)) return { passed: 0, failed: 1 }; // it was interrupted
    const {
      numPassedTests: passed,
      numFailedTests: failed,
      numTotalTests: total,
      testResults: files,
    } = JSON.parse(readFileSync(file, 'utf8'));
    process.stdout.write(failures(files));
    // A run that fails outside a test (set-up, an unhandled error), or leaves tests out, has failed.
    return { passed, failed: Math.max(failed, total - passed, status === 0 ? 0 : 1) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

interface FileResult {
  readonly name: string;
  readonly assertionResults: readonly {
    readonly fullName: string;
    readonly status: string;
    readonly failureMessages: readonly string[];
  }[];
}

/** What failed and why, a line each: the end of a long output is what is kept of it. */
function failures(files: readonly FileResult[]): string {
  return files
    .flatMap(({ name, assertionResults }) =>
      assertionResults
        .filter(({ status }) => status === 'failed')
        .map(({ fullName, failureMessages: [message = ''] }) => {
          const reason = message.split('\n', 1)[0]?.slice(0, longestReason);
          return `FAILED ${path.relative('.', name)}: ${fullName}: ${reason}\n`;
        }),
    )
    .join('');
}

/** In characters. */
const longestReason = 300;

process.exitCode = main(process.argv.slice(2));
