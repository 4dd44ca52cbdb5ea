import { CommandError } from '#src/exec/command.ts';
import { askMonitor } from './monitorProcess.ts';
import type { Visited } from './netns.ts';

/** A message of the kernel's answer: `type` and what follows the header. */
export interface Message {
  readonly type: number;
  readonly body: Buffer;
}

/** A question to the kernel: the type of its message, its body, and whether all of the kind are asked for. */
export interface Request {
  readonly type: number;
  readonly isDump: boolean;
  readonly body: Buffer;
}

type Attribute = readonly [type: number, value: Buffer];

export interface AskOptions {
  /** Told before each reading: a list that changed while the kernel wrote it is read again. */
  readonly onTry?: () => void;
}

/** Protocols of netlink. */
export const protocols = { route: 0, netfilter: 12 } as const;

/**
 * Asks the kernel over netlink in a network namespace, one question after the other, without a process of its own.
 *
 * @returns the messages of the answer to each
 * @throws {CommandError} when the kernel refuses one
 */
export async function askNetlink(
  netns: Visited,
  protocol: number,
  requests: readonly Request[],
  { onTry }: AskOptions = {},
): Promise<readonly (readonly Message[])[]> {
  if (requests.length === 0) return [];
  const question = Buffer.concat(requests.map(messageOf)).toString('hex');
  for (let tries = 1; ; tries++) {
    onTry?.();
    const said = await askMonitor(`netlink ${netns.monitorPath} ${protocol} ${question}`);
    const answers = requests.map((): Message[] => []);
    if (!readAnswers(Buffer.from(said, 'hex'), answers)) return answers;
    if (tries >= mostDumps) throw new CommandError('netlink', 1, interrupted, new Error(interrupted));
  }
}

/** More than that in a row are only where devices come and go all the time. */
const mostDumps = 20;
const interrupted = 'What was listed changed all the time';

const headerLength = 16;
const flag = { request: 1, dump: 0x300 } as const;
/** The kernel sets it in an answer that changed while it was written: something may be missing. */
const dumpWasInterrupted = 0x10;
const done = 3;
const error = 2;

function messageOf({ type, isDump, body }: Request, at: number): Buffer {
  const header = Buffer.alloc(headerLength);
  header.writeUInt32LE(headerLength + body.length, 0);
  header.writeUInt16LE(type, 4);
  header.writeUInt16LE(flag.request | (isDump ? flag.dump : 0), 6);
  header.writeUInt32LE(at, 8);
  return Buffer.concat([header, body, Buffer.alloc(paddingOf(body.length))]);
}

/** Sorts the messages by their question; whether something may be missing. */
function readAnswers(bytes: Buffer, answers: readonly Message[][]): boolean {
  let isInterrupted = false;
  for (let at = 0; at + headerLength <= bytes.length;) {
    const length = bytes.readUInt32LE(at);
    const type = bytes.readUInt16LE(at + 4);
    const body = bytes.subarray(at + headerLength, at + length);
    isInterrupted ||= (bytes.readUInt16LE(at + 6) & dumpWasInterrupted) !== 0;
    if (type !== done && type !== error) answers[bytes.readUInt32LE(at + 8)]?.push({ type, body });
    at += length + paddingOf(length);
  }
  return isInterrupted;
}

/** An attribute's bytes. */
export function attribute(type: number, value: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt16LE(head.length + value.length, 0);
  head.writeUInt16LE(type, 2);
  return Buffer.concat([head, value, Buffer.alloc(paddingOf(value.length))]);
}

/** A text as the value of an attribute. */
export function cString(text: string): Buffer {
  return Buffer.from(`${text}\0`);
}

/** The attributes in some bytes, of which a type may be there more than once. */
export function listAttributes(bytes: Buffer): Attribute[] {
  const found: Attribute[] = [];
  for (let at = 0; at + 4 <= bytes.length;) {
    const length = bytes.readUInt16LE(at);
    if (length < 4) break;
    found.push([bytes.readUInt16LE(at + 2) & typeMask, bytes.subarray(at + 4, at + length)]);
    at += length + paddingOf(length);
  }
  return found;
}

/** Without the bits that say how the value is written. */
const typeMask = 0x3fff;

/** The attributes in some bytes, by their type; none where there are no bytes. */
export function attributesOf(bytes: Buffer | undefined): ReadonlyMap<number, Buffer> {
  return new Map(bytes === undefined ? [] : listAttributes(bytes));
}

/** A text that the kernel has ended by a zero, or not. */
export function textOf(value: Buffer | undefined): string | undefined {
  const end = value?.indexOf(0) ?? -1;
  return value?.toString('utf8', 0, end === -1 ? value.length : end);
}

function paddingOf(length: number): number {
  return (4 - (length % 4)) % 4;
}
