import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files of kernel tests at once, the outages among them. One alone takes less than half of a CPU: it waits for periods of agents. */
const kernelWorkers = 5;
/** Files of cluster tests at once: one waits for its pods while the others use two CPUs. */
const clusterWorkers = 3;

/** Faults that end what serves all pods of a node or of the cluster. */
const outages = 'test/cluster/faults/outages.test.ts';
/** What differs with the address families of the lab's network: it also runs on others than the default. */
const families = 'test/cluster/families.test.ts';
const sweep = 'test/cluster/sweep.test.ts';
/**
 * Taps without an agent: the agents of any other kernel test would find and remove them, for they look through the machine.
 * Those of the lab's nodes do not: they see the processes of their node alone.
 */
const gone = 'test/kernel/gone.test.ts';
const boot = 'test/boot/newestKernel.test.ts';

/** What is promised of copies whichever way they go. */
const bothWays = ['account', 'copies', 'fit', 'frames', 'harmless', 'heal', 'isolation', 'removal'];

/** The files that take longest, the longest first. They begin first, so that none runs alone at the end. */
const longest = [
  outages,
  'test/kernel/delivery.test.ts',
  gone,
  boot,
  'test/kernel/fastPath.test.ts',
  'test/kernel/node.test.ts',
  'test/cluster/containers.test.ts',
  'test/cluster/kinds.test.ts',
  'test/cluster/matrix.test.ts',
  'test/cluster/faults/kills.test.ts',
  'test/cluster/faults/target.test.ts',
];

class LongestFirst extends BaseSequencer {
  /** Vitest itself takes one project after the other. */
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    // oxlint-disable-next-line unicorn/no-array-sort -- this one gives a new array
    const sorted = await super.sort(files);
    return sorted.toSorted((a, b) => rank(a) - rank(b));
  }
}

function rank({ moduleId }: TestSpecification): number {
  const at = longest.findIndex((file) => moduleId.endsWith(`/${file}`));
  return at === -1 ? longest.length : at;
}

/**
 * Of tests of real kernels and clusters: a worker loads each module once, which for every file anew takes a third of a second
 * of a CPU. None of them changes a module's state.
 */
const real = { isolate: false };

/** What all projects of the cluster have in common. */
const cluster = {
  ...real,
  globalSetup: ['test/cluster/support/lab.setup.ts'],
  testTimeout: 400_000,
  /** Of those tests of a file that run at once. */
  maxConcurrency: 3,
  hookTimeout: 120_000,
};

/** Projects of the same order run at the same time, those of the next one after them. */
export default defineConfig({
  test: {
    globalSetup: ['test/build.setup.ts'],
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          globalSetup: ['test/cli/support/kubectl.setup.ts'],
          include: [
            'test/{agent,capture,cli,controller,filter,kube,net,pcapng,pods,scripts,spec,tap}/**/*.test.ts',
          ],
          // Enough for a machine that does much else: most tests take milliseconds.
          testTimeout: 60_000,
          maxWorkers: clusterWorkers,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          ...cluster,
          name: 'cluster',
          include: ['test/cluster/*.test.ts'],
          exclude: [families, sweep],
          maxWorkers: clusterWorkers,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          ...cluster,
          name: 'cluster-families',
          include: [families],
          maxWorkers: clusterWorkers,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          ...cluster,
          name: 'cluster-faults',
          include: ['test/cluster/faults/*.test.ts'],
          exclude: [outages],
          maxWorkers: clusterWorkers,
          sequence: { groupOrder: 1 },
        },
      },
      // It waits, most of the time.
      {
        extends: true,
        test: {
          name: 'kernel-leftovers',
          include: [gone],
          ...real,
          setupFiles: ['test/kernel/support/timeouts.setup.ts'],
          maxWorkers: clusterWorkers,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'kernel',
          include: ['test/kernel/**/*.test.ts'],
          exclude: [gone],
          ...real,
          setupFiles: ['test/kernel/support/timeouts.setup.ts'],
          maxWorkers: kernelWorkers,
          sequence: { groupOrder: 2 },
        },
      },
      {
        extends: true,
        test: {
          name: 'kernel-fast-path',
          include: bothWays.map((name) => `test/kernel/${name}.test.ts`),
          env: { KOKOTAP_TEST_FAST_PATH: '1' },
          ...real,
          setupFiles: ['test/kernel/support/timeouts.setup.ts'],
          maxWorkers: kernelWorkers,
          sequence: { groupOrder: 2 },
        },
      },
      // No other test of the cluster can run meanwhile, but those of the kernel can.
      {
        extends: true,
        test: {
          ...cluster,
          name: 'cluster-outages',
          include: [outages],
          maxWorkers: kernelWorkers,
          sequence: { groupOrder: 2 },
        },
      },
      {
        extends: true,
        test: {
          name: 'vm',
          include: [boot],
          testTimeout: 900_000,
          maxWorkers: kernelWorkers,
          sequence: { groupOrder: 2 },
        },
      },
      {
        extends: true,
        test: { ...cluster, name: 'cluster-sweep', include: [sweep], sequence: { groupOrder: 3 } },
      },
    ],
  },
});
