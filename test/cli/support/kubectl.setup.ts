import path from 'node:path';
import type { TestProject } from 'vitest/node';
import { run } from '#src/exec/command.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** A real kubectl: that of the lab's cache. */
    kubectl: string;
  }
}

/** A machine that has nothing yet builds it. */
const longestMs = 30 * 60_000;

export default async function findKubectl(project: TestProject): Promise<void> {
  project.provide('kubectl', (await run(path.resolve('lab/kubectl'), [], { timeoutMs: longestMs })).trim());
}
