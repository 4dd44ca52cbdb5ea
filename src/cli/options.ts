import { UsageError } from '#src/errors.ts';
import { DIRECTIONS, type Direction } from '#src/tap/direction.ts';
import type { ResourceWishes } from '#src/tap/resources.ts';
import type { Destination, TapIdentity } from '#src/tap/tapId.ts';
import { MAX_VNI } from '#src/tap/vni.ts';
import { resourcesOf } from './resources.ts';
import type { RawOptions } from './commandLine.ts';
import { quote } from './text.ts';
import {
  bytesPerSecond,
  destinationAddress,
  durationSeconds,
  imageReference,
  interfaceName,
  interfaceNames,
  labelName,
  nodeAddress,
  nonEmpty,
  oneOf,
  sampleOneIn,
  subdomainName,
  wholeNumber,
} from './values.ts';

const MAX_PORT = 65_535;
const MAX_SNAPLEN = 65_535;

/** What the user wants, checked as far as that is possible without the cluster. */
export interface TapOptions {
  readonly identity: TapIdentity;
  readonly container: string | undefined;
  readonly direction: Direction;
  /** In pcap-filter's language, which only the node's compiler checks; undefined: everything is copied. */
  readonly filter: string | undefined;
  /** Bytes; undefined: copies are whole. */
  readonly snaplenBytes: number | undefined;
  /** One conversation in so many is copied; undefined: all are. */
  readonly oneIn: number | undefined;
  /** Undefined: no limit. */
  readonly maxBytesPerSecond: number | undefined;
  /** Undefined: choose one. */
  readonly vni: number | undefined;
  readonly vxlanPort: number;
  /** Of the target's node and of the destination node; undefined: choose. */
  readonly sourceAddress: string | undefined;
  readonly destAddress: string | undefined;
  /** TCP, on the nodes' loopback; undefined: no metrics. */
  readonly metricsPort: number | undefined;
  readonly durationSeconds: number | undefined;
  readonly image: string;
  readonly resources: ResourceWishes;
  /** Also nodes of architectures and kernels that kokotap was not built for and tried on. */
  readonly anyNode: boolean;
  readonly cluster: ClusterOptions;
}

interface ClusterOptions {
  readonly kubeconfig: string | undefined;
  readonly context: string | undefined;
}

/**
 * Checks the flags of a tap.
 *
 * @throws {UsageError} for the first flag that is missing or wrong.
 */
export function checkOptions(raw: RawOptions): TapOptions {
  return {
    identity: identityOf(raw),
    container: optional(raw.podContainer, (text) => labelName('--pod-container', text)),
    direction: oneOf('--mirrortype', raw.mirrortype, DIRECTIONS),
    filter: optional(raw.filter, (text) => nonEmpty('--filter', text)),
    snaplenBytes: optional(raw.snaplen, (text) => wholeNumber('--snaplen', text, 64, MAX_SNAPLEN)),
    oneIn: optional(raw.sample, (text) => sampleOneIn('--sample', text)),
    maxBytesPerSecond: optional(raw.maxRate, (text) => bytesPerSecond('--max-rate', text)),
    vni: optional(raw.vxlanId, (text) => wholeNumber('--vxlan-id', text, 1, MAX_VNI)),
    vxlanPort: wholeNumber('--vxlan-port', raw.vxlanPort, 1, MAX_PORT),
    sourceAddress: optional(raw.sourceAddress, (text) => nodeAddress('--source-address', text)),
    destAddress: optional(raw.destAddress, (text) => nodeAddress('--dest-address', text)),
    metricsPort: optional(raw.metricsPort, (text) => wholeNumber('--metrics-port', text, 1, MAX_PORT)),
    durationSeconds: optional(raw.duration, (text) => durationSeconds('--duration', text)),
    image: imageReference('--image', raw.image),
    resources: resourcesOf(raw),
    anyNode: raw.anyNode === true,
    cluster: {
      kubeconfig: optional(raw.kubeconfig, (text) => nonEmpty('--kubeconfig', text)),
      context: optional(raw.context, (text) => nonEmpty('--context', text)),
    },
  };
}

function identityOf(raw: RawOptions): TapIdentity {
  if (raw.pod === undefined) throw new UsageError('--pod is missing: name the pod whose packets are copied');
  const targetNamespace = labelName('--namespace', raw.namespace);
  const identity = {
    pod: subdomainName('--pod', raw.pod),
    targetNamespace,
    podIfname: interfaceNames('--pod-ifname', raw.podIfname),
    destination: destinationOf(raw),
    ifname: interfaceName('--ifname', raw.ifname),
    tapNamespace: optional(raw.tapNamespace, (text) => labelName('--tap-namespace', text)) ?? targetNamespace,
  };
  if (identity.podIfname.split(',').includes(identity.ifname)) {
    throw new UsageError(
      `--ifname and --pod-ifname both name ${quote(identity.ifname)}, but both interfaces are in the pod: give another --ifname`,
    );
  }
  return identity;
}

function destinationOf({ destNode, destIp, destAddress }: RawOptions): Destination {
  if (destNode !== undefined && destIp !== undefined) {
    throw new UsageError('--dest-node and --dest-ip exclude each other: give one of them');
  }
  if (destIp !== undefined && destAddress !== undefined) {
    throw new UsageError('--dest-address is an address of --dest-node: leave it out with --dest-ip');
  }
  if (destNode !== undefined) return { kind: 'node', node: subdomainName('--dest-node', destNode) };
  if (destIp !== undefined) return { kind: 'ip', address: destinationAddress('--dest-ip', destIp) };
  throw new UsageError('The destination is missing: give --dest-node or --dest-ip');
}

function optional<Value>(text: string | undefined, check: (text: string) => Value): Value | undefined {
  return text === undefined ? undefined : check(text);
}
