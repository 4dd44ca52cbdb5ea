import * as z from 'zod/mini';
import { MAX_VNI } from './vni.ts';
import { VERSION } from '#src/version.ts';
import {
  imageReference,
  interfaceName,
  interfaceNames,
  labelName,
  nonEmpty,
  port,
  quantities,
  subdomainName,
  unicastAddress,
  wholeNumber,
} from './values.ts';

const DIRECTIONS = ['ingress', 'egress', 'both'] as const;

export const DEFAULT_INTERFACE = 'eth0';
export const DEFAULT_MIRROR = 'mirror';

const LEAST_SNAP_LENGTH = 64;
const MAX_SNAP_LENGTH = 65_535;
export const MAX_ONE_IN = 1_000_000;
const LEAST_BYTES_PER_SECOND = 1000;
const MAX_BYTES_PER_SECOND = 125e9;
/** Kubernetes keeps activeDeadlineSeconds in a signed 32-bit integer. */
export const MAX_DURATION_SECONDS = 2_147_483_647;

const nodeAddress = unicastAddress('the node that the other node reaches it by');

const vni = wholeNumber(1, MAX_VNI);
const vniRange = z
  .strictObject({ first: vni, last: vni })
  .check(z.refine(({ first, last }) => first <= last, 'give the lower end of the range first'));

/** Which packets are copied, and how much of them: what the sender is told of a tap as it is. */
export const copyFields = {
  interfaces: about(
    z._default(interfaceNames, [DEFAULT_INTERFACE]),
    'its interfaces, by any of their names: one, several (eth0,net1), or all, also those that come later',
  ),
  direction: about(
    z._default(z.enum(DIRECTIONS, `give one of ${DIRECTIONS.join(', ')}`), 'both'),
    'ingress, egress or both, as the pod sees it',
  ),
  filter: about(
    z.optional(nonEmpty),
    "copy only what matches this pcap-filter(7), such as 'tcp port 80', or of frames with a VLAN tag 'vlan 5 and tcp port 80'",
  ),
  snapLengthBytes: about(
    z.optional(wholeNumber(LEAST_SNAP_LENGTH, MAX_SNAP_LENGTH)),
    `bytes that a copy keeps of a packet, ${LEAST_SNAP_LENGTH} to ${MAX_SNAP_LENGTH}; its IP header says the true length`,
  ),
  sampleOneIn: about(
    z.optional(wholeNumber(1, MAX_ONE_IN)),
    '1/100 copies one conversation in a hundred, both directions; fragments go by their addresses',
  ),
  maxBytesPerSecond: about(
    z.optional(wholeNumber(LEAST_BYTES_PER_SECOND, MAX_BYTES_PER_SECOND)),
    'copy no more a second than, for example, 200mbit; the rest is counted, the pod never waits',
  ),
  fastPath: about(
    z.optional(z.boolean()),
    "send copies past the IP stack of the pod's node while no IPsec policy or netfilter rule there would treat them",
  ),
};

/** What both of a tap's agents are told of it as it is. */
export const commonFields = {
  mirrorInterface: about(z._default(interfaceName, DEFAULT_MIRROR), 'mirror interface, at both ends'),
  metricsPort: about(z.optional(port), 'serve the account to Prometheus on 127.0.0.1 of both nodes'),
};

/** Where the copies go: a node, a pod, or an address. */
export const destinationFields = {
  node: about(subdomainName, 'node that gets the mirror interface'),
  pod: about(subdomainName, 'running pod, such as Suricata, that gets the mirror interface in its network'),
  podNamespace: about(labelName, 'namespace of --dest-pod'),
  address: about(
    unicastAddress('a machine outside the cluster'),
    'address outside the cluster that ends the VXLAN itself; only a sender is made',
  ),
};

/**
 * What a tap is: the one definition that flags with their help and README's table, the check of input and the agents'
 * input are made of. Optional fields that are not given have their own meaning, such as "everything".
 */
export const tapSchema = z.strictObject({
  pod: about(subdomainName, 'pod whose packets are copied; of one with hostNetwork, those of its node'),
  namespace: about(z._default(labelName, 'default'), 'namespace of the pod'),
  targetNode: about(
    z.optional(subdomainName),
    'node whose own packets are copied, instead of those of a pod; it has the name of the pod then',
  ),
  container: about(
    z.optional(labelName),
    'a container that the pod must have; all containers of a pod share its network',
  ),
  ...copyFields,
  destination: z.union([
    z.strictObject({ node: destinationFields.node }),
    z.strictObject({ pod: destinationFields.pod, namespace: z.optional(destinationFields.podNamespace) }),
    z.strictObject({ address: destinationFields.address }),
  ]),
  ...commonFields,
  vni: about(
    z.optional(z.union([vni, vniRange])),
    `VNI of the VXLAN, 1 to ${MAX_VNI}, or the first of a range such as 100-131 that no other tap has`,
  ),
  vxlanPort: about(z._default(port, 4789), 'UDP port of the VXLAN; that of a pod with hostNetwork is 4789'),
  sourceAddress: about(z.optional(nodeAddress), "address of the pod's node that copies come from"),
  destinationAddress: about(z.optional(nodeAddress), "address of the destination's node that copies go to"),
  durationSeconds: about(
    z.optional(wholeNumber(1, MAX_DURATION_SECONDS)),
    'end the tap after, for example, 30m or 1h30m',
  ),
  tapNamespace: about(z.optional(labelName), "namespace of the tap's pods"),
  image: about(z._default(imageReference, `localhost/kokotap:${VERSION}`), "image of the tap's pods"),
  imagePullSecret: about(
    z.optional(subdomainName),
    "Secret to pull the image with, in the namespace of the tap's pods",
  ),
  requests: about(
    z._default(quantities, {}),
    "what each of the tap's pods asks for, as for kubectl set resources; also ephemeral-storage",
  ),
  limits: about(z._default(quantities, {}), 'the most that each gets'),
  anyNode: about(
    z._default(z.boolean(), false),
    'also nodes that are not amd64 (--image must be built for them), or whose kernel is older than 5.10',
  ),
});

export type Tap = z.infer<typeof tapSchema>;
export type Destination = Tap['destination'];

/** Gives a field the sentence by which help and documents explain it. */
function about<Schema extends z.ZodMiniType>(schema: Schema, sentence: string): Schema {
  return schema.check(z.describe(sentence));
}
