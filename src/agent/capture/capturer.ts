import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { type Frame, FrameReader } from '#src/capture/frames.ts';
import { LINKTYPE_ETHERNET } from '#src/capture/notes.ts';
import { UserError } from '#src/errors.ts';
import type { Netns } from '#src/net/netns.ts';
import type { Capture } from '#src/spec/capture.ts';

/** How an interface is captured. */
export interface CapturerOptions extends Pick<Capture, 'direction'> {
  readonly interfaceId: number;
  readonly ifname: string;
  readonly linkType: number;
  /** As tcpdump compiles it, with the snapshot length in it. */
  readonly program: string;
  readonly snapLengthBytes: number;
  readonly ringMebibytes: number;
}

/** A program that captures at one interface of a network namespace. It ends with the agent, and with the interface. */
export class Capturer {
  readonly frames: AsyncIterable<readonly Frame[]>;
  readonly #child;

  constructor(netns: Netns, options: CapturerOptions) {
    const { ifname, interfaceId, linkType, direction, snapLengthBytes, ringMebibytes } = options;
    const [file, ...args] = netns.command(captureProgram, [
      ifname,
      String(interfaceId),
      linkType === LINKTYPE_ETHERNET ? 'ethernet' : 'raw',
      { ingress: 'in', egress: 'out', both: 'both' }[direction],
      String(snapLengthBytes),
      String(ringMebibytes),
    ]);
    this.#child = spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    // It may end before it has read that; then it says why.
    this.#child.stdin.on('error', () => undefined);
    this.#child.stdin.write(`${options.program}\n`);
    this.frames = this.#read();
  }

  /** Has it hand over what it has, and end. */
  stop(): void {
    this.#child.stdin.end();
  }

  /** @throws {UserError} with what it says when it cannot capture */
  async *#read(): AsyncGenerator<readonly Frame[]> {
    const closed = once(this.#child, 'close');
    let said = '';
    this.#child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
    const reader = new FrameReader();
    for await (const chunk of this.#child.stdout) {
      const frames = reader.push(chunk);
      if (frames.length > 0) yield frames;
    }
    await closed;
    if (this.#child.exitCode !== 0)
      throw new UserError(said.trim() || `kokotap-capture ended by ${this.#child.signalCode ?? 'itself'}`);
  }
}

/** Compiled of native/capture.c, beside the agent. */
const captureProgram = path.join(import.meta.dirname, 'kokotap-capture');
