import type { Writable } from 'node:stream';

/** Whom a command tells what goes on. */
export interface Surroundings {
  readonly warn: (message: string) => void;
  /** Told what is done, for those who want to know. */
  readonly trace: (message: string) => void;
}

/** What a person has in front of him, and how he ends it. */
export interface Terminal extends Surroundings {
  /** Writes a line to standard error. */
  readonly say: (message: string) => void;
  /** Writes to standard error as it is. */
  readonly print: (text: string) => void;
  /** Standard output, for what is written while the command runs. */
  readonly stdout: () => Writable & { readonly isTTY?: boolean | undefined };
  readonly env: NodeJS.ProcessEnv;
  /** From now on Ctrl-C, and being told to end, abort this signal. A second time they end the program at once. */
  readonly untilInterrupted: () => AbortSignal;
}
