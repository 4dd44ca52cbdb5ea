import { defineConfig } from 'vitest/config';

/** What runs in a virtual machine (vm/boot) that has the lab in it, whose settings its environment says. */
export default defineConfig({
  test: {
    name: 'lab',
    include: ['test/vm/lab/*.test.ts'],
    globalSetup: ['test/cluster/support/lab.setup.ts'],
    testTimeout: 3_600_000,
    hookTimeout: 3_600_000,
    maxWorkers: 1,
  },
});
