import { defineConfig } from 'vitest/config';

/** The unit tests but those that run the built programs or a shell, in which no mutant is. */
export default defineConfig({
  test: {
    setupFiles: ['test/mutation.setup.ts'],
    include: [
      'test/{capture,cli,filter,pcapng,pods,spec,tap}/**/*.test.ts',
      'test/controller/{decideTap,faults}.test.ts',
      'test/kube/{redirect,retry,execStatus,klogFilter}.test.ts',
    ],
    // The first run takes the time of each test, and mutation may have little of the processors.
    testTimeout: 60_000,
    exclude: [
      'test/cli/{cache,connection,documents,extcap,kubeconfig,noTcpdump,nodeVersion,output,pack,plugins,start}.test.ts',
      'test/cli/{completion/*,top/top}.test.ts',
    ],
  },
});
