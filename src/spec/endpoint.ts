import * as z from 'zod/mini';
import { UsageError } from '#src/errors.ts';
import { VERSION } from '#src/version.ts';
import { commonFields, copyFields, type Tap, tapSchema } from './tap.ts';
import { port, tapIdText, unicastAddress, wholeNumber } from './values.ts';
import { MAX_VNI } from './vni.ts';

/** What an agent is given of a tap: one JSON document, whose form this names. */
const API_VERSION = 'kokotap.dev/v1alpha1';

/** The UDP port of every tap of a node: they know each other's tunnels by it. */
export const NODE_VXLAN_PORT = 4789;

/** How the copies travel; `local` is the address of the agent's own node. */
const path = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('same-node') }),
  z.strictObject({
    kind: z.literal('vxlan'),
    vni: wholeNumber(1, MAX_VNI),
    port,
    local: unicastAddress("the agent's node"),
    remote: unicastAddress('its peer'),
  }),
]);

const common = {
  apiVersion: z.literal(API_VERSION, `give ${API_VERSION}, which is what kokotap ${VERSION} reads`),
  tapId: tapIdText,
  path,
  ...commonFields,
};

const senderShape = {
  ...common,
  kind: z.literal('Sender'),
  /** The target is the node itself, not a pod on it. */
  hostNetwork: z._default(z.boolean(), false),
  /** The UID that the target pod's cgroups have. */
  podUid: z.optional(z.string().check(z.regex(/^[0-9A-Za-z-]+$/u, 'give the UID of a pod'))),
  /** How people call it and where the tap's pods are, for messages only. */
  pod: z.optional(tapSchema.shape.pod),
  namespace: tapSchema.shape.namespace,
  tapNamespace: tapSchema.shape.tapNamespace,
  ...copyFields,
  /** The other end of the path is outside the cluster and not kokotap's. */
  externalPeer: z._default(z.boolean(), false),
};
const receiverShape = { ...common, kind: z.literal('Receiver') };

const senderSchema = z.strictObject(senderShape).check(
  // A document that lost its pod must not become one of the whole node.
  z.refine((sender) => (sender.podUid === undefined) === sender.hostNetwork, {
    path: ['podUid'],
    error: 'give either the UID of a pod or hostNetwork',
  }),
  z.refine((sender) => !sender.hostNetwork || isNodePath(sender.path), {
    path: ['path'],
    error: `the copies of a node's packets need another node as the peer, and UDP port ${NODE_VXLAN_PORT}`,
  }),
);
const receiverSchema = z.strictObject(receiverShape);

export type Path = z.infer<typeof path>;
export type SenderEndpoint = z.infer<typeof senderSchema>;
export type ReceiverEndpoint = z.infer<typeof receiverSchema>;

function isNodePath(taken: Path): boolean {
  return taken.kind === 'vxlan' && taken.port === NODE_VXLAN_PORT;
}

/** What an agent has to know besides what the tap says. */
type CommonFacts = Pick<ReceiverEndpoint, 'tapId' | 'path'>;
type SenderFacts = CommonFacts & Pick<SenderEndpoint, 'hostNetwork' | 'podUid' | 'externalPeer'>;

/** The document for the sender of a tap. */
export function senderDocument(tap: Tap, facts: SenderFacts): string {
  return text(z.parse(z.object(senderShape), { apiVersion: API_VERSION, kind: 'Sender', ...tap, ...facts }));
}

/** The document for the receiver of a tap. */
export function receiverDocument(tap: Tap, facts: CommonFacts): string {
  return text(
    z.parse(z.object(receiverShape), { apiVersion: API_VERSION, kind: 'Receiver', ...tap, ...facts }),
  );
}

/** The kubelet would take `$(NAME)` in an argument for a variable. */
function text(document: object): string {
  return JSON.stringify(document).replaceAll('$', String.raw`\u0024`);
}

/**
 * Reads the document that a sender was given.
 *
 * @throws {UsageError} if it is none of a sender, or for another version of kokotap.
 */
export function parseSender(json: string): SenderEndpoint {
  return parse(senderSchema, json);
}

/** Like {@link parseSender}, of a receiver. */
export function parseReceiver(json: string): ReceiverEndpoint {
  return parse(receiverSchema, json);
}

function parse<Schema extends z.ZodMiniType>(schema: Schema, json: string): z.output<Schema> {
  const result = z.safeParse(schema, parseJson(json));
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const field = issue?.path.join('.') ?? '';
  throw new UsageError(
    `The endpoint's document is not possible${field === '' ? '' : `, field ${field}`}: ${issue?.message}`,
  );
}

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (error) {
    throw new UsageError(`The endpoint's document is no JSON: ${json}`, { cause: error });
  }
}
