import { once } from 'node:events';
import { readFileSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { withoutHellos } from './hellos.ts';
import type { Net } from './net.ts';
import type { Where } from './network.ts';
import { scaled } from './speed.ts';

/** Of frames with an MTU of 1500. */
const usualBytes = 2048;
const silenceMs = 300;
const longestSilenceMs = 1000;
/** In silences: where the agents' own packets are captured too, there is none. */
const longestTraffic = 10;

/** A capture of whole frames on one interface. */
export class Capture {
  readonly #file: string;
  readonly #isWhole: boolean;
  readonly #stop: () => Promise<void>;

  private constructor(file: string, isWhole: boolean, stop: () => Promise<void>) {
    this.#file = file;
    this.#isWhole = isWhole;
    this.#stop = stop;
  }

  /**
   * Starts tcpdump and waits until it listens.
   *
   * @param bytes kept of each frame; 0: all of frames up to {@link usualBytes}, and a larger one is an error
   * @param roomKib for frames that are still to be written; each takes as much of it as `bytes` says
   * @param filter of frames, in pcap-filter's language; all of them when it is empty
   */
  static async start(
    net: Net,
    where: Where,
    ifname: string,
    bytes = 0,
    { roomKib = 8192, filter = '' }: { roomKib?: number; filter?: string } = {},
  ): Promise<Capture> {
    const file = net.file(`${where}-${ifname}-${performance.now()}.pcap`);
    // oxfmt-ignore
    const child = net.spawn(where, 'tcpdump', '--immediate-mode', '-i', ifname, '-n', '-U', '-s', String(bytes || usualBytes), '-B', String(roomKib), '-Z', 'root', '-w', file, filter);
    let stderr = '';
    child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    while (!stderr.includes('listening on')) {
      if (child.exitCode !== null) throw new Error(`tcpdump ended: ${stderr}`);
      await sleep(10);
    }
    return new Capture(file, bytes === 0, async () => {
      const exited = once(child, 'exit');
      child.kill('SIGINT');
      await exited;
      if (!stderr.includes('\n0 packets dropped by kernel'))
        throw new Error(`tcpdump lost frames: ${stderr}`);
    });
  }

  /** Ends the capture; the frames in hexadecimal, in the order they were seen; see {@link withoutHellos}. */
  async frames(): Promise<string[]> {
    await this.#silence();
    await this.#stop();
    return withoutHellos(parsePcap(readFileSync(this.#file), this.#isWhole));
  }

  /** Waits until no frame has come for a while: those on their way, and answers to them, are part of the capture. */
  async #silence(): Promise<void> {
    let before = -1;
    for (let round = 0; round < longestTraffic && this.#size() > before; round++) {
      before = this.#size();
      await sleep(Math.min(longestSilenceMs, scaled(silenceMs)));
    }
  }

  #size(): number {
    return statSync(this.#file).size;
  }
}

/** Whether a frame is IPv4 or IPv6 with a UDP datagram. */
export function isUdp(frame: string): boolean {
  const [type, protocol, nextHeader] = [frame.slice(24, 28), frame.slice(46, 48), frame.slice(40, 42)];
  return (type === '0800' && protocol === '11') || (type === '86dd' && nextHeader === '11');
}

/** Reads a little-endian pcap file: a header of 24 bytes, then per frame 16 bytes with its lengths, captured and true. */
function parsePcap(file: Buffer, isWhole: boolean): string[] {
  const frames = [];
  for (let at = 24; at < file.length;) {
    const length = file.readUInt32LE(at + 8);
    const trueLength = file.readUInt32LE(at + 12);
    if (isWhole && length < trueLength)
      throw new Error(`A frame of ${trueLength} bytes came: let the capture keep as many`);
    frames.push(file.toString('hex', at + 16, at + 16 + length));
    at += 16 + length;
  }
  return frames;
}
