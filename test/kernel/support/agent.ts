import type { ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { end, until } from './wait.ts';

/** A running agent. */
export class Agent {
  readonly child: ChildProcess;
  /** By which it can be asked, as seen from outside. */
  readonly socket: string;
  readonly #readyFile: string;
  #output = '';

  constructor(child: ChildProcess, readyFile: string) {
    this.child = child;
    this.#readyFile = readyFile;
    this.socket = path.join(path.dirname(readyFile), 'agent.sock');
    const collect = (chunk: Buffer): void => {
      this.#output += chunk.toString();
    };
    child.stdout?.on('data', collect);
    child.stderr?.on('data', collect);
  }

  /** What it logged so far. */
  get log(): {
    readonly msg: string;
    readonly state?: string;
    readonly steps?: readonly string[];
    readonly cause?: string;
    readonly command?: string;
  }[] {
    return this.#output
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line));
  }

  /** The commands that it ran so far; needs `--log-level=debug`. */
  commands(): string[] {
    return this.log.flatMap(({ msg, command }) =>
      msg === 'command' && command !== undefined ? [command] : [],
    );
  }

  /** Waits until it has looked at what it made, and found nothing to do for a second. */
  async settled(): Promise<void> {
    for (let [before, now] = [-1, this.commands().length]; before !== now; now = this.commands().length) {
      before = now;
      await sleep(1200);
    }
  }

  get output(): string {
    return this.#output;
  }

  isReady(): boolean {
    return existsSync(this.#readyFile);
  }

  async ready(): Promise<void> {
    await until(
      async () => this.isReady(),
      'the agent is ready',
      () => this.#output,
    );
  }

  /** Waits until copies go past the IP stack of the node. */
  async goesPast(): Promise<void> {
    await this.logged('copies go past the IP stack of the node');
  }

  /** Waits until copies go the way that they can go past the IP stack, or through it for good. */
  async hasPath(): Promise<void> {
    await this.logged(/copies go past the IP stack of the node|copies cannot go past the IP stack/);
  }

  async logged(text: string | RegExp): Promise<void> {
    const found = () => (typeof text === 'string' ? this.#output.includes(text) : text.test(this.#output));
    await until(
      async () => found(),
      `the agent logs ${String(text)}`,
      () => this.#output,
    );
  }

  /** Ends it as the kubelet does; returns the exit code. */
  async stop(): Promise<number | null> {
    return end(this.child, 'SIGTERM');
  }

  async kill(): Promise<void> {
    await end(this.child, 'SIGKILL');
  }
}
