import * as z from 'zod/mini';

/** What the program in a capture's pod tells, in frames between those of packets. */
const noteSchema = z.discriminatedUnion('event', [
  /** From here on frames with its id are of this interface. */
  z.object({
    event: z.literal('begin'),
    target: z.string(),
    ifname: z.string(),
    linkType: z.number(),
    mac: z.string(),
    addresses: z.array(z.string()),
    mtuBytes: z.number(),
    ringMebibytes: z.number(),
  }),
  /** There are no more frames with its id. */
  z.object({ event: z.literal('end'), target: z.string(), ifname: z.string() }),
  /** A target has none of what it is to be captured at, or what is there cannot be captured. */
  z.object({ event: z.literal('waiting'), target: z.string(), reason: z.string() }),
  /** The last one: all frames before it, and what went lost on the node's disk. */
  z.object({
    event: z.literal('done'),
    packets: z.number(),
    bytes: z.number(),
    reason: z.optional(z.string()),
  }),
]);

export type Note = z.infer<typeof noteSchema>;

export function encodeNote(note: Note): Buffer {
  return Buffer.from(JSON.stringify(note));
}

/** @throws {Error} when it is none, which is a bug of one side or another version of it */
export function parseNote(content: Buffer): Note {
  return z.parse(noteSchema, JSON.parse(content.toString()));
}

/** LINKTYPE_ of the interfaces that can be captured: https://www.tcpdump.org/linktypes.html */
export const LINKTYPE_ETHERNET = 1;
export const LINKTYPE_RAW = 101;
