import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { failures, type FileResult, type Part, partsOf, slowest, times } from './testReport.ts';

/**
 * Runs the checks and the tests and closes with the time of each part, the slowest tests, and a line `N passed, N failed`,
 * in which every check counts as one. `check` as the only argument: the checks alone; `quick`: without faults, on one
 * runtime; `matrix`: the cluster tests on each other Kubernetes and network of the lab, and the kernel tests with copies that go the other way; anything else goes to vitest, for
 * example `--project unit`.
 */
function main(args: readonly string[]): number {
  if (process.getuid?.() !== 0) {
    process.stderr.write(
      'The tests need root: they make network namespaces and a cluster. Run make as root.\n',
    );
    return 1;
  }
  const startMs = Date.now();
  const results = runAll(args);
  const passed = sum(results.map((each) => each.passed));
  const failed = sum(results.map((each) => each.failed));
  const files = results.flatMap((each) => each.files ?? []);
  process.stdout.write(failures(files));
  if (files.length > 0) process.stdout.write(slowest(files));
  process.stdout.write(
    times(
      results.flatMap((each) => each.parts),
      startMs,
      Date.now(),
    ),
  );
  process.stdout.write(`\n${passed} passed, ${failed} failed\n`);
  return failed === 0 ? 0 : 1;
}

interface Result {
  readonly passed: number;
  readonly failed: number;
  readonly parts: readonly Part[];
  readonly files?: readonly FileResult[];
}

function runAll(args: readonly string[]): Result[] {
  switch (args[0]) {
    case 'check':
      return runChecks();
    case 'quick':
      return [...runChecks(), runTests(withoutFaults, { RUNTIMES: process.env['RUNTIMES'] ?? 'containerd' })];
    case 'matrix':
      return runMatrix();
    default:
      // The last run decides which lab is left running, if one ran before.
      return [...runChecks(), args.length === 0 ? runWhole() : runTests(args)];
  }
}

/** On a lab of both address families, which shows what one of IPv4 alone does, and what IPv6 adds. */
function runWhole(): Result {
  return runTests([`--project=!${otherWay}`], { LAB_NETWORK: process.env['LAB_NETWORK'] ?? 'dual' });
}

/** Kernel tests once more, with copies that go another way only on request. */
const otherWay = 'kernel-fast-path';

const withoutFaults = [
  'unit',
  'kernel',
  'kernel-leftovers',
  'cluster',
  'cluster-families',
  'cluster-sweep',
].map((name) => `--project=${name}`);

function runChecks(): Result[] {
  return Object.entries(checks).map(([name, [program, ...rest]]) => {
    process.stdout.write(`\n== ${name}\n`);
    const startMs = Date.now();
    const failed = spawnSync(program, rest, { stdio: 'inherit' }).status === 0 ? 0 : 1;
    return { passed: 1 - failed, failed, parts: [{ name: 'checks', startMs, endMs: Date.now() }] };
  });
}

/** Of those that the lab can be of, the default aside: see lab/programs/hyperkube. */
function runMatrix(): Result[] {
  const versions = readdirSync('lab/programs/hyperkube').flatMap(
    (file) => /^(v.*)\.mod$/.exec(file)?.[1] ?? [],
  );
  const onVersions = versions.map((version) => {
    process.stdout.write(`\n== Kubernetes ${version}\n`);
    return runTests(['--project=cluster*'], { KUBERNETES: version });
  });
  return [...onVersions, runOnNetwork('v4'), runOnNetwork('v6'), runTests([`--project=${otherWay}`])];
}

/** The cluster tests that are about address families, on a lab with others than `make test` takes. */
function runOnNetwork(network: 'v4' | 'v6'): Result {
  process.stdout.write(`\n== LAB_NETWORK=${network}\n`);
  return runTests(['--project=cluster-families', '--project=cluster-sweep'], { LAB_NETWORK: network });
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
  const startMs = Date.now();
  try {
    const reporters = ['--reporter=verbose', '--reporter=json', `--outputFile.json=${file}`];
    const { status } = spawnSync('vitest', ['run', ...reporters, ...args], {
      stdio: 'inherit',
      // The tests start the agent and the command line a thousand times.
      env: { ...process.env, NODE_COMPILE_CACHE: path.join(folder, 'compiled'), ...env },
    });
    if (!existsSync(file)) return { passed: 0, failed: 1, parts: [] }; // it was interrupted
    const {
      numPassedTests: passed,
      numFailedTests: failed,
      numTotalTests: total,
      testResults: files,
    } = JSON.parse(readFileSync(file, 'utf8'));
    return {
      passed,
      // A run that fails outside a test (set-up, an unhandled error), or leaves tests out, has failed.
      failed: Math.max(failed, total - passed, status === 0 ? 0 : 1),
      parts: partsOf(files, startMs),
      files,
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

process.exitCode = main(process.argv.slice(2));
