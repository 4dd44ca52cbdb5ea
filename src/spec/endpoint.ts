import * as z from 'zod/mini';
import { UsageError } from '#src/errors.ts';
import { VERSION } from '#src/version.ts';
import { commonFields, copyFields, destinationFields, type Tap, tapSchema } from './tap.ts';
import { port, tapIdText, unicastAddress, wholeNumber } from './values.ts';
import { MAX_VNI } from './vni.ts';

/** What an agent is given of a tap: one JSON document, whose form this names. */
export const API_VERSION = 'kokotap.dev/v1alpha1';

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

export const apiVersionField = z.literal(
  API_VERSION,
  `give ${API_VERSION}, which is what kokotap ${VERSION} reads`,
);

/** The UID that a pod's cgroups have. */
export const podUid = z.string().check(z.regex(/^[0-9A-Za-z-]+$/u, 'give the UID of a pod'));

/** A pod that gets the mirror interface in its network; its name and namespace are for messages only. */
const destinationPod = z.strictObject({
  uid: podUid,
  name: destinationFields.pod,
  namespace: destinationFields.podNamespace,
});

const common = {
  apiVersion: apiVersionField,
  tapId: tapIdText,
  path,
  ...commonFields,
  /** Where the tap's pods are, for messages only. */
  tapNamespace: tapSchema.shape.tapNamespace,
  /**
   * Given to a receiver whose end is in the network of a pod on its node, and to a sender on the same node, which makes the
   * veth pair of both ends.
   */
  destinationPod: z.optional(destinationPod),
  /**
   * The receiver joins its endpoints into the mirror interface, and this one has a device of its own. Given to a sender on
   * the same node too, which makes that device.
   */
  joined: z.optional(z.boolean()),
};

/** What is wrong with a document as a whole. */
export const documentError = {
  error: (issue: z.core.$ZodRawIssue<z.core.$ZodIssueInvalidType | z.core.$ZodIssueUnrecognizedKeys>) =>
    issue.code === 'unrecognized_keys'
      ? `kokotap ${VERSION} does not know ${issue.keys.join(' and ')}: it is for another version`
      : 'give a JSON object',
};

const senderShape = {
  ...common,
  kind: z.literal('Sender', 'give a sender here'),
  /** The target is the node itself, not a pod on it. */
  hostNetwork: z._default(z.boolean(), false),
  /** Of the target. */
  podUid: z.optional(podUid),
  /** How people call it, for messages only. */
  pod: z.optional(tapSchema.shape.pod),
  namespace: tapSchema.shape.namespace,
  ...copyFields,
  /** The other end of the path is outside the cluster and not kokotap's. */
  externalPeer: z._default(z.boolean(), false),
};
const receiverShape = { ...common, kind: z.literal('Receiver', 'give a receiver here') };

const senderSchema = z.strictObject(senderShape, documentError).check(
  // A document that lost its pod must not become one of the whole node.
  z.refine((sender) => (sender.podUid === undefined) === sender.hostNetwork, {
    path: ['podUid'],
    error: 'give either the UID of a pod or hostNetwork',
  }),
  z.refine((sender) => !sender.hostNetwork || isNodePath(sender.path), {
    path: ['path'],
    error: `the copies of a node's packets need another node as the peer, and UDP port ${NODE_VXLAN_PORT}`,
  }),
  z.refine((sender) => sender.destinationPod === undefined || sender.path.kind === 'same-node', {
    path: ['destinationPod'],
    error: "only a sender on the same node as its peer makes the peer's end",
  }),
);
const receiverSchema = z.strictObject(receiverShape, documentError);

export type Path = z.infer<typeof path>;
export type SenderEndpoint = z.infer<typeof senderSchema>;
export type ReceiverEndpoint = z.infer<typeof receiverSchema>;
export type EndpointDocument = SenderEndpoint | ReceiverEndpoint;
export type DestinationPod = z.infer<typeof destinationPod>;

function isNodePath(taken: Path): boolean {
  return taken.kind === 'vxlan' && taken.port === NODE_VXLAN_PORT;
}

/**
 * Whether what one document made in the kernel can be changed into what another one wants. Else it has to be taken away
 * first: what is in the kernel bears the mark of its tap, and a veth pair is known by its name.
 */
export function canBecome(made: EndpointDocument, wanted: EndpointDocument): boolean {
  return (
    made.tapId === wanted.tapId &&
    made.mirrorInterface === wanted.mirrorInterface &&
    made.path.kind === wanted.path.kind &&
    made.destinationPod?.uid === wanted.destinationPod?.uid &&
    made.joined === wanted.joined
  );
}

/** What an agent has to know besides what the tap says. */
type CommonFacts = Pick<ReceiverEndpoint, 'tapId' | 'path' | 'destinationPod'> &
  Partial<Pick<ReceiverEndpoint, 'joined'>>;
type SenderFacts = CommonFacts & Pick<SenderEndpoint, 'hostNetwork' | 'podUid' | 'externalPeer'>;

/** What the agents are told of a tap as it is. */
export type ReceiverSettings = Pick<Tap, keyof typeof commonFields | 'tapNamespace'>;
export type SenderSettings = ReceiverSettings &
  Pick<Tap, keyof typeof copyFields | 'namespace'> & {
    /** Undefined: the target is a node. */
    readonly pod: string | undefined;
  };

/** What is in the document for the sender of a tap. */
export function senderEndpoint(tap: SenderSettings, facts: SenderFacts): SenderEndpoint {
  return z.parse(z.object(senderShape), { apiVersion: API_VERSION, kind: 'Sender', ...tap, ...facts });
}

/** Like {@link senderEndpoint}, for the receiver. */
export function receiverEndpoint(tap: ReceiverSettings, facts: CommonFacts): ReceiverEndpoint {
  return z.parse(z.object(receiverShape), { apiVersion: API_VERSION, kind: 'Receiver', ...tap, ...facts });
}

/** An endpoint as an agent's argument. The kubelet would take `$(NAME)` in it for a variable. */
export function documentText(document: EndpointDocument): string {
  return JSON.stringify(document).replaceAll('$', String.raw`\u0024`);
}

/**
 * Reads the document that a sender was given.
 *
 * @throws {UsageError} if it is none of a sender, or for another version of kokotap.
 */
export function parseSender(json: string): SenderEndpoint {
  return readSender(parseJson(json, what));
}

/** Like {@link parseSender}, of a receiver. */
export function parseReceiver(json: string): ReceiverEndpoint {
  return readReceiver(parseJson(json, what));
}

/** Like {@link parseSender}, of a document that is a part of another. */
export function readSender(document: unknown): SenderEndpoint {
  return read(senderSchema, document);
}

/** Like {@link readSender}, of a receiver. */
export function readReceiver(document: unknown): ReceiverEndpoint {
  return read(receiverSchema, document);
}

/** Says which field of a document is not possible, and why. */
export function notPossible(subject: string, { issues: [issue] }: z.core.$ZodError): UsageError {
  const field = issue?.path.join('.') ?? '';
  return new UsageError(
    `${subject} is not possible${field === '' ? '' : `, field ${field}`}: ${issue?.message}`,
  );
}

/** @throws {UsageError} */
export function parseJson(json: string, subject: string): unknown {
  try {
    return JSON.parse(json);
  } catch (error) {
    throw new UsageError(
      `${subject} is no JSON: ${json.length > shownCharacters ? `${json.slice(0, shownCharacters)}…` : json}`,
      { cause: error },
    );
  }
}

const what = "The endpoint's document";
const shownCharacters = 300;

function read<Schema extends z.ZodMiniType>(schema: Schema, document: unknown): z.output<Schema> {
  const result = z.safeParse(schema, document);
  if (result.success) return result.data;
  throw notPossible(what, result.error);
}
