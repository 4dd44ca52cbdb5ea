import * as z from 'zod/mini';
import { UserError } from '#src/errors.ts';
import { VERSION } from '#src/version.ts';
import { copyFields } from './tap.ts';
import { interfaceNames, nonEmpty, wholeNumber } from './values.ts';

const API_VERSION = 'kokotap.dev/v1alpha1';

/** What tcpdump keeps of a packet when nothing is said: more than any packet has. */
export const WHOLE_PACKET_BYTES = 262_144;
const MOST_SPOOL_BYTES = 2 ** 40;

const target = z.strictObject({
  /** How people call it, as `namespace/pod` or `node/name`. Of each there is one. */
  name: nonEmpty,
  /** The UID of the pod; none: the node itself. */
  podUid: z.optional(z.string().check(z.regex(/^[0-9A-Za-z-]+$/u, 'give the UID of a pod'))),
  interfaces: interfaceNames,
});

/** What the program in a capture's pod is told to do: a line of JSON. A later line has the targets of then. */
const captureSchema = z.strictObject({
  apiVersion: z.literal(API_VERSION, `give ${API_VERSION}, which is what kokotap ${VERSION} reads`),
  kind: z.literal('Capture'),
  targets: z.array(target),
  filter: copyFields.filter,
  snapLengthBytes: copyFields.snapLengthBytes,
  direction: copyFields.direction,
  /** What may wait on the node's disk until it is taken; 0: nothing. */
  spoolBytes: z._default(wholeNumber(0, MOST_SPOOL_BYTES), 0),
});

export type CaptureTarget = z.infer<typeof target>;
export type Capture = z.infer<typeof captureSchema>;

/** The line for a capture. */
export function captureLine(capture: Omit<Capture, 'apiVersion' | 'kind'>): string {
  return JSON.stringify({ apiVersion: API_VERSION, kind: 'Capture', ...capture });
}

/**
 * Reads the line of a capture.
 *
 * @throws {UserError} when it is none
 */
export function parseCapture(line: string): Capture {
  const result = z.safeParse(captureSchema, parseJson(line));
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new UserError(`The capture is not possible, field ${issue?.path.join('.') ?? ''}: ${issue?.message}`);
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    throw new UserError(`The capture is no JSON: ${line}`, { cause: error });
  }
}
