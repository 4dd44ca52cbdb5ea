/** What is changed, and why the score is what it is: docs/mutation.md. */
export default {
  mutate: [
    'src/tap/**/*.ts',
    'src/filter/*.ts',
    'src/pods/*.ts',
    'src/spec/*.ts',
    'src/capture/*.ts',
    'src/pcapng/*.ts',
    'src/controller/decide/*.ts',
    'src/cli/*.ts',
    '!src/cli/output.ts',
    'src/kube/{execStatus,failures,klogFilter,redirect,requestTimeout,resource,retry}.ts',
  ],
  testRunner: 'vitest',
  vitest: { configFile: 'vitest.mutation.ts', related: false },
  // tsconfig.json is left out too: Stryker would rewrite it with an API that TypeScript 7 does not have.
  ignorePatterns: [
    '/*',
    '!/package.json',
    '!/vitest.mutation.ts',
    '!/src/**',
    '!/docs/**',
    '!/deploy/**',
    '!/scripts/**',
    '!/README.md',
    '!/test/**',
    '/test/nodes',
  ],
  coverageAnalysis: 'perTest',
  // A mutant in what a module computes when it is loaded needs all tests in a new process: 500 of them would take hours.
  ignoreStatic: true,
  concurrency: 2,
  // A mutant that loops for ever is one that the tests notice; a machine at work must not look like one.
  timeoutMS: 60_000,
  dryRunTimeoutMinutes: 30,
  thresholds: { high: 95, low: 90, break: 90 },
  clearTextReporter: { allowColor: false, logTests: false, reportTests: false },
  reporters: ['clear-text', 'html', 'json'],
};
