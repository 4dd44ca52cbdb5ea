import * as z from 'zod/mini';
import { destinationFields, MAX_DURATION_SECONDS, MAX_ONE_IN, tapSchema } from '#src/spec/tap.ts';
import { nonEmpty } from '#src/spec/values.ts';
import { DEFAULT_RESOURCES } from '#src/spec/resources.ts';
import { MAX_VNI } from '#src/spec/vni.ts';
import { bytesPerSecond, durationSeconds, oneIn } from '#src/spec/written.ts';
import { amounts, commaSeparated, numberOrRange, plainNumber, withoutEqualsSign } from './values.ts';

/** A flag of the command line. */
export interface Flag {
  /** As Commander reads it: its names, and what its value is called. */
  readonly usage: string;
  /** One sentence. */
  readonly about: string;
  /** What holds without the flag; undefined: nothing that needs words. */
  readonly unset: string | undefined;
  /** Which values are possible; the message of an issue says what to give. */
  readonly schema: z.ZodMiniType;
  /** The field of a tap that it sets. */
  readonly field?: Field;
  /** The value that a text stands for. */
  readonly read?: (text: string) => unknown;
  /** What to give instead of a wrong text, where the field's own advice is not about texts. */
  readonly advice?: string;
  /** One of kubectl's, which gets it as it is. */
  readonly isOfKubectl?: true;
  /** It may be given several times. */
  readonly isRepeatable?: true;
  /** What a shell completes its value from; undefined: from the schema, where that has a list of values. */
  readonly completes?: Completed | undefined;
}

/** Words, or the names of what the cluster, the kubeconfig or this machine has. */
export type Completed =
  | readonly string[]
  | 'pods'
  | 'nodes'
  | 'namespaces'
  | 'taps'
  | 'targets'
  | 'destinations'
  | 'contexts'
  | 'clusters'
  | 'users'
  | 'files';

const fields = {
  ...tapSchema.shape,
  destinationNode: destinationFields.node,
  destinationPod: destinationFields.pod,
  destinationNamespace: destinationFields.podNamespace,
  externalAddress: destinationFields.address,
};
type Field = Exclude<keyof typeof fields, 'destination'>;

/** What {@link Flag.unset} says of a flag that must be given. */
export const REQUIRED = 'required';

/** kubectl's own, of the same names and meanings. */
export const OF_KUBECTL: readonly Flag[] = [
  ofKubectl('--kubeconfig <file>', 'kubeconfig file', '$KUBECONFIG, ~/.kube/config, in-cluster', 'files'),
  ofKubectl('--context <name>', 'context of the kubeconfig', 'its current one', 'contexts'),
  ofKubectl('--cluster <name>', 'cluster of the kubeconfig', "the context's", 'clusters'),
  ofKubectl('--user <name>', 'user of the kubeconfig', "the context's", 'users'),
  ofKubectl('-s, --server <url>', 'URL of the API server', "the cluster's"),
  ofKubectl('--as <name>', 'user to act as'),
  { ...ofKubectl('--as-group <name>', 'group to act as, may be given again'), isRepeatable: true },
  ofKubectl('--as-uid <uid>', 'UID to act as'),
  ofKubectl('--token <token>', 'bearer token for the API server'),
  ofKubectl('--client-certificate <file>', 'certificate to log in with', undefined, 'files'),
  ofKubectl('--client-key <file>', 'its key', undefined, 'files'),
  ofKubectl(
    '--certificate-authority <file>',
    'certificates that the API server is trusted by',
    undefined,
    'files',
  ),
  ofKubectl('--tls-server-name <name>', "name in the API server's certificate", "the URL's"),
  ofKubectl('--insecure-skip-tls-verify', 'trust any API server'),
  ofKubectl('--request-timeout <time>', 'the longest that a request may take, 0 for no limit', '8s'),
];

/** Of every command. */
export const OTHER: readonly Flag[] = [
  plain('--kubectl <program>', 'program to reach the cluster through, such as oc', '$KUBECTL, kubectl'),
  plain('-v, --verbose', 'show API requests and error stacks on stderr'),
];

/** For commands that only look. */
export const ALL_NAMESPACES = plain('-A, --all-namespaces', 'of all namespaces');
export const TAPS_SELECTOR = plain('-l, --selector <selector>', 'only those whose pods have these labels');

/** Where a command looks for taps. */
export const TAPS_NAMESPACE: Flag = {
  ...plain('-n, --namespace <name>', "namespace of the taps' pods or of their targets", "the context's"),
  completes: 'namespaces',
  read: withoutEqualsSign,
};

/** Flags by the titles that help has over them. */
export type FlagGroups = Readonly<Record<string, readonly Flag[]>>;

/** All flags, in the groups and the order of help and README. */
export const FLAG_GROUPS: FlagGroups = {
  'Target:': [
    ofTap('pod', '--pod <name>', { unset: REQUIRED, completes: 'pods' }),
    ofTap('namespace', '-n, --namespace <name>', {
      unset: "the context's",
      read: withoutEqualsSign,
      completes: 'namespaces',
    }),
    ofTap('interfaces', '--pod-ifname <names>', { read: commaSeparated }),
    ofTap('container', '--pod-container <name>'),
  ],
  'Destination (a node, a pod or an address):': [
    ofTap('destinationNode', '--dest-node <node>', { completes: 'nodes' }),
    ofTap('destinationPod', '--dest-pod <name>', { completes: 'pods' }),
    ofTap('destinationNamespace', '--dest-namespace <name>', {
      unset: "the target's",
      completes: 'namespaces',
    }),
    ofTap('externalAddress', '--dest-ip <address>'),
  ],
  'Mirror:': [
    ofTap('direction', '--mirrortype <type>'),
    ofTap('filter', '--filter <expression>', { unset: 'everything' }),
    ofTap('snapLengthBytes', '--snaplen <bytes>', { unset: 'all', read: plainNumber }),
    ofTap('sampleOneIn', '--sample <1/N>', {
      unset: 'all',
      read: oneIn,
      advice: `give 1/N, such as 1/100 for one conversation in a hundred, with N up to ${MAX_ONE_IN}`,
    }),
    ofTap('maxBytesPerSecond', '--max-rate <rate>', {
      unset: 'unlimited',
      read: bytesPerSecond,
      advice: 'give whole bit, kbit, mbit or gbit a second, from 8kbit to 1000gbit, such as 200mbit',
    }),
    ofTap('fastPath', '--fast-path'),
    ofTap('mirrorInterface', '--dest-ifname, --ifname <name>'),
    ofTap('vni', '--vxlan-id <vni>', {
      unset: 'one that no other tap has',
      read: numberOrRange,
      advice: `give a whole number from 1 to ${MAX_VNI}, or a range of them such as 100-131`,
    }),
    ofTap('vxlanPort', '--vxlan-port <port>', { read: plainNumber }),
    ofTap('sourceAddress', '--source-address <address>', { unset: "the node's InternalIP" }),
    ofTap('destinationAddress', '--dest-address <address>', { unset: "the node's InternalIP" }),
    ofTap('metricsPort', '--metrics-port <port>', { unset: 'no metrics', read: plainNumber }),
    ofTap('durationSeconds', '--duration <time>', {
      unset: 'until deleted',
      read: durationSeconds,
      advice: `give whole hours, minutes and seconds such as 30m, 1h30m or 90s, from 1s to ${MAX_DURATION_SECONDS}s`,
    }),
  ],
  "Tap's pods:": [
    ofTap('tapNamespace', '--tap-namespace <name>', { unset: "the target's", completes: 'namespaces' }),
    ofTap('image', '--image <image>'),
    ofTap('imagePullSecret', '--image-pull-secret <name>'),
    ofTap('requests', '--requests <list>', { unset: listed(DEFAULT_RESOURCES.requests), read: amounts }),
    ofTap('limits', '--limits <list>', { unset: listed(DEFAULT_RESOURCES.limits), read: amounts }),
    ofTap('anyNode', '--any-node'),
  ],
  'Cluster, by flags of kubectl:': [...OF_KUBECTL],
  'Other:': OTHER,
};

/** A flag that sets a field of a tap, explained and checked as that is. */
function ofTap(
  field: Field,
  usage: string,
  { unset, ...reading }: Pick<Flag, 'read' | 'advice' | 'completes'> & { readonly unset?: string } = {},
): Flag {
  const schema: z.ZodMiniType = fields[field];
  const about = z.globalRegistry.get(schema)?.description ?? '';
  return { usage, about, unset: unset ?? defaultOf(schema), schema, field, ...reading };
}

/** A flag of any text. */
export function plain(usage: string, about: string, unset?: string): Flag {
  return { usage, about, unset, schema: nonEmpty };
}

/** A flag of kubectl, of the same name and meaning. */
function ofKubectl(usage: string, about: string, unset?: string, completes?: Completed): Flag {
  return { ...plain(usage, about, unset), isOfKubectl: true, completes };
}

/** A field's default as a flag would give it; undefined where there is none, or it is not to have the flag at all. */
function defaultOf(schema: z.ZodMiniType): string | undefined {
  const { data } = z.safeParse(schema, undefined);
  if (Array.isArray(data)) return data.join(',');
  return typeof data === 'string' || typeof data === 'number' ? String(data) : undefined;
}

function listed(resources: Readonly<Record<string, string>>): string {
  return Object.entries(resources)
    .map((amount) => amount.join('='))
    .join(',');
}
