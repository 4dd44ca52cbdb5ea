import { defineConfig } from 'vitest/config';

/** The unit tests but those that run the built programs or a shell, in which no mutant is. */
export default defineConfig({
  test: {
    include: [
      'test/{tap,cli,filter,pods,spec}/**/*.test.ts',
      'test/kube/{redirect,retry,execStatus,klogFilter}.test.ts',
    ],
    // The first run takes the time of each test, and mutation may have little of the processors.
    testTimeout: 60_000,
    exclude: ['test/cli/{cache,connection,documents,kubeconfig,noTcpdump,nodeVersion,output,pack}.test.ts'],
  },
});
