import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { flowPort, flowProgram } from './flowProgram.ts';
import { nodeProgram } from './lab.ts';
import type { Packet } from './packets.ts';
import type { Pod } from './pod.ts';

/** What the sender of a flow knows of it. */
export interface FlowResult {
  readonly sent: number;
  /** Echoes that came more than once. */
  readonly duplicates: number;
  /** First and last of numbers in a row that did not come back. */
  readonly gaps: readonly (readonly [number, number])[];
}

/**
 * Numbered datagrams from one pod to another, which echoes them. It goes on whatever happens to the kubelet, the
 * runtime or the API: its sender is a process of the node in the pod's network.
 */
export class Flow {
  readonly #child: ChildProcessByStdio<null, Readable, null>;
  readonly #output: Promise<string>;

  private constructor(child: ChildProcessByStdio<null, Readable, null>) {
    this.#child = child;
    this.#output = text(child.stdout);
  }

  /** Starts a flow without an end. Returns at the first echo. */
  static async start(from: Pod, to: Pod, perSecond = 1000): Promise<Flow> {
    const [flow, started] = await Flow.#spawn(from, to, flowPort, perSecond, 0);
    await started;
    return flow;
  }

  /** Sends so many datagrams and waits for the last echo. */
  static async send(from: Pod, to: Pod, count: number, port = flowPort): Promise<FlowResult> {
    const [flow] = await Flow.#spawn(from, to, port, 1000, count);
    return flow.#result();
  }

  static async #spawn(
    from: Pod,
    to: Pod,
    port: number,
    perSecond: number,
    count: number,
  ): Promise<[Flow, Promise<unknown>]> {
    const [pid, address] = await Promise.all([from.pid(), to.address()]);
    const child = spawn(
      nodeProgram,
      // oxfmt-ignore
      [from.node, 'nsenter', `--net=/proc/${pid}/ns/net`, 'python3', '-c', flowProgram, 'send', address, String(port), String(perSecond), String(count)],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    return [new Flow(child), Promise.race([once(child.stdout, 'data'), once(child, 'exit')])];
  }

  /** Ends it; what became of it. */
  stop(): Promise<FlowResult> {
    this.#child.kill('SIGTERM');
    return this.#result();
  }

  async #result(): Promise<FlowResult> {
    return JSON.parse(await this.#output);
  }
}

/** The numbers of a flow's datagrams that were seen from one address to another, as often as seen, sorted. */
export function flowNumbers(packets: readonly Packet[], source: string, destination: string): number[] {
  return packets
    .filter((packet) => packet.source === source && packet.destination === destination)
    .flatMap(({ payload }) => /^flow (\d+)$/.exec(payload.toString())?.[1] ?? [])
    .map(Number)
    .toSorted((a, b) => a - b);
}

/** What is wrong with numbers that should each be there once, in a row: none of which is, if all is well. */
export function flaws(numbers: readonly number[]): string[] {
  return numbers.slice(1).flatMap((number, index) => {
    const previous = numbers[index] ?? 0;
    if (number === previous) return `${number} twice`;
    return number === previous + 1 ? [] : `${previous + 1} to ${number - 1} missing`;
  });
}

/** So many whole numbers from the first on. */
export function numbersFrom(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => first + index);
}
