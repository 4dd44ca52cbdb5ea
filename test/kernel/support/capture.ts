import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Net, Where } from './net.ts';

/** A capture of whole frames on one interface. */
export class Capture {
  readonly #stop: () => Promise<Buffer>;

  private constructor(stop: () => Promise<Buffer>) {
    this.#stop = stop;
  }

  /**
   * Starts tcpdump and waits until it listens.
   *
   * @param bytes kept of each frame; 0: all, for which there is room for few at a time
   * @param roomKib for frames that are still to be written
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
    const child = net.spawn(where, 'tcpdump', '--immediate-mode', '-i', ifname, '-n', '-U', '-s', String(bytes), '-B', String(roomKib), '-Z', 'root', '-w', file, filter);
    let stderr = '';
    child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    while (!stderr.includes('listening on')) {
      if (child.exitCode !== null) throw new Error(`tcpdump ended: ${stderr}`);
      await sleep(10);
    }
    return new Capture(async () => {
      const exited = once(child, 'exit');
      child.kill('SIGINT');
      await exited;
      if (!stderr.includes('\n0 packets dropped by kernel'))
        throw new Error(`tcpdump lost frames: ${stderr}`);
      return readFileSync(file);
    });
  }

  /** Ends the capture; the frames in hexadecimal, in the order they were seen. */
  async frames(): Promise<string[]> {
    await sleep(300); // what is on its way
    return parsePcap(await this.#stop());
  }
}

/** Whether a frame is IPv4 or IPv6 with a UDP datagram. */
export function isUdp(frame: string): boolean {
  const [type, protocol, nextHeader] = [frame.slice(24, 28), frame.slice(46, 48), frame.slice(40, 42)];
  return (type === '0800' && protocol === '11') || (type === '86dd' && nextHeader === '11');
}

/** Reads a little-endian pcap file: a header of 24 bytes, then per frame 16 bytes with its length at 8. */
function parsePcap(file: Buffer): string[] {
  const frames = [];
  for (let at = 24; at < file.length;) {
    const length = file.readUInt32LE(at + 8);
    frames.push(file.toString('hex', at + 16, at + 16 + length));
    at += 16 + length;
  }
  return frames;
}
