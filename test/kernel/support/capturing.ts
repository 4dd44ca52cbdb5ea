import type { ChildProcess } from 'node:child_process';
import path from 'node:path';
import { FrameReader, kinds, readCounts, readPackets, type CountsAt } from '#src/capture/frames.ts';
import { type Note, parseNote } from '#src/capture/notes.ts';
import type { Packet } from '#src/pcapng/packetBlock.ts';
import { type Capture, captureLine, type CaptureTarget } from '#src/spec/capture.ts';
import type { Net } from './net.ts';
import type { Node } from './network.ts';
import { until } from './wait.ts';

type Asked = Partial<Omit<Capture, 'targets'>> & { readonly targets?: readonly CaptureTarget[] };

/** A packet and the interface that it was captured at, as `target:interface`. */
export interface Captured extends Packet {
  readonly at: string;
}

/** The agent as a capture's reader starts it in the capture's pod, with the rights of the pod. */
export class Capturing {
  readonly child: ChildProcess;
  readonly packets: Captured[] = [];
  readonly notes: Note[] = [];
  /** The last ones of each interface. */
  readonly counts = new Map<string, CountsAt>();
  readonly #places = new Map<number, string>();
  readonly #target: CaptureTarget;
  stderr = '';
  bytes = 0;

  constructor(net: Net, where: Node, asked: Asked = {}, ...flags: string[]) {
    this.#target = { name: 'shop/web', podUid: net.podUid, interfaces: ['eth0'] };
    this.child = net.spawnTalking(
      where,
      // With a /dev/shm of its own, as a pod has.
      'unshare',
      '--mount',
      'sh',
      '-c',
      'mount -t tmpfs shm /dev/shm && exec "$@"',
      'sh',
      'setpriv',
      '--bounding-set=-all,+sys_admin,+sys_ptrace,+net_raw',
      'env',
      `KOKOTAP_SPOOL=${net.file('')}`,
      process.execPath,
      path.resolve('dist/kokotap-agent.js'),
      'capture',
      '--node-netns=/proc/self/ns/net',
      ...flags,
    );
    this.child.stderr?.on('data', (chunk: Buffer) => (this.stderr += chunk.toString()));
    this.ask(asked);
  }

  /** Asks for a capture, or for other targets than before. */
  ask({ targets = [this.#target], ...rest }: Asked): void {
    this.say(captureLine({ direction: 'both', spoolBytes: 0, targets: [...targets], ...rest }));
  }

  say(line: string): void {
    this.child.stdin?.write(`${line}\n`);
  }

  /** Says from now on that there is a reader. */
  beat(): this {
    const beats = setInterval(() => this.say(''), 300);
    this.child.once('exit', () => clearInterval(beats));
    return this;
  }

  /** Reads from now on what comes. */
  read(): this {
    const reader = new FrameReader();
    this.child.stdout?.on('data', (chunk: Buffer) => {
      this.bytes += chunk.length;
      for (const { interfaceId, kind, content } of reader.push(chunk)) {
        const at = this.#places.get(interfaceId) ?? '';
        if (kind === kinds.note) this.#note(interfaceId, parseNote(content));
        else if (kind === kinds.counts) this.counts.set(at, readCounts(content));
        else for (const packet of readPackets(content)) this.packets.push({ ...packet, at });
      }
    });
    return this;
  }

  #note(interfaceId: number, note: Note): void {
    this.notes.push(note);
    if (note.event === 'begin') this.#places.set(interfaceId, `${note.target}:${note.ifname}`);
  }

  /** Waits until the interface is captured, so many times. */
  async begun(place = 'shop/web:eth0', times = 1): Promise<this> {
    const counted = () => this.counts.has(place) && this.begins(place) >= times;
    await until(
      async () => counted(),
      `${place} is captured`,
      () => this.said(),
    );
    return this;
  }

  begins(place: string): number {
    return this.notes.filter((note) => note.event === 'begin' && `${note.target}:${note.ifname}` === place)
      .length;
  }

  /** Waits until it says that something is missing. */
  async waiting(reason: RegExp): Promise<void> {
    const said = () => this.notes.some((note) => note.event === 'waiting' && reason.test(note.reason));
    await until(
      async () => said(),
      `it waits for ${String(reason)}`,
      () => this.said(),
    );
  }

  /** Has it end, and waits for that. */
  async end(): Promise<void> {
    this.say('end');
    await this.ended();
  }

  /** Waits for its end; the exit code. */
  async ended(): Promise<number | null> {
    const { child } = this;
    await until(
      async () => child.exitCode !== null || child.signalCode !== null,
      'the capture ends',
      () => this.said(),
    );
    return child.exitCode;
  }

  said(): string {
    return `${JSON.stringify(this.notes)}\n${this.stderr}`;
  }
}
