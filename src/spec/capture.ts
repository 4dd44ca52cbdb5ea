import * as z from 'zod/mini';
import { API_VERSION, apiVersionField, documentError, notPossible, parseJson, podUid } from './endpoint.ts';
import { copyFields } from './tap.ts';
import { interfaceNames, nonEmpty, wholeNumber } from './values.ts';

/** What tcpdump keeps of a packet when nothing is said: more than any packet has. */
export const WHOLE_PACKET_BYTES = 262_144;
const MOST_SPOOL_BYTES = 2 ** 40;

const target = z.strictObject({
  /** How people call it, as `namespace/pod` or `node/name`. Of each there is one. */
  name: nonEmpty,
  /** The UID of the pod; none: the node itself. */
  podUid: z.optional(podUid),
  interfaces: interfaceNames,
});

/** What the program in a capture's pod is told to do: a line of JSON. A later line has the targets of then. */
const captureSchema = z.strictObject(
  {
    apiVersion: apiVersionField,
    kind: z.literal('Capture', 'give Capture'),
    targets: z.array(target),
    filter: copyFields.filter,
    snapLengthBytes: copyFields.snapLengthBytes,
    direction: copyFields.direction,
    /** What may wait on the node's disk until it is taken; 0: nothing. */
    spoolBytes: z._default(wholeNumber(0, MOST_SPOOL_BYTES), 0),
  },
  documentError,
);

export type CaptureTarget = z.infer<typeof target>;
export type Capture = z.infer<typeof captureSchema>;

/** The line for a capture. */
export function captureLine(capture: Omit<Capture, 'apiVersion' | 'kind'>): string {
  return JSON.stringify({ apiVersion: API_VERSION, kind: 'Capture', ...capture });
}

/**
 * Reads the line of a capture.
 *
 * @throws {UsageError} when it is none, or for another version of kokotap
 */
export function parseCapture(line: string): Capture {
  const result = z.safeParse(captureSchema, parseJson(line, subject));
  if (result.success) return result.data;
  throw notPossible(subject, result.error);
}

const subject = 'The capture';
