import { defineConfig } from 'vitest/config';

/**
 * What runs in a virtual machine (vm/boot): the kernel tests, and those of what the kernel of this machine may lack. One
 * file after the other in one process, which loads each module once; and one project, for every further one takes as long
 * to load. Nothing is built: the machine has no compiler, and has dist/ from outside.
 */
export default defineConfig({
  test: {
    name: 'kernel',
    include: ['test/{kernel,vm}/*.test.ts'],
    setupFiles: ['test/kernel/support/timeouts.setup.ts'],
    pool: 'forks',
    maxWorkers: 1,
    isolate: false,
  },
});
