import { UnresolvedError } from './unresolvedError.ts';
import type { Node } from '#src/kube/schemas.ts';
import { type Address, type AddressPair, commonAddresses, parseAddress } from '#src/tap/address.ts';
import { quote } from './text.ts';

/** A node's name and what the API says of it. */
export interface NamedNode {
  readonly name: string;
  readonly node: Node;
}

/**
 * The addresses that the tap's packets go from and to.
 *
 * @throws {UnresolvedError} if the nodes have no addresses of one family.
 */
export function nodeToNode(from: NamedNode, to: NamedNode): AddressPair {
  const [locals, remotes] = [internalAddresses(from), internalAddresses(to)];
  const pair = commonAddresses(locals, remotes);
  if (pair) return pair;
  throw new UnresolvedError(
    `Nodes ${quote(from.name)} (${list(locals)}) and ${quote(to.name)} (${list(remotes)}) have no InternalIP of one family: give the nodes such addresses or choose another --dest-node`,
  );
}

/**
 * Like {@link nodeToNode}, to an address outside the cluster.
 *
 * @throws {UnresolvedError} if the node has no address of that family, or it is the node's own.
 */
export function nodeToAddress(from: NamedNode, destination: string): AddressPair {
  const locals = internalAddresses(from);
  if (locals.some(({ text }) => text === destination)) {
    throw new UnresolvedError(
      `--dest-ip ${quote(destination)} is the address of the pod's own node ${quote(from.name)}: give --dest-node=${from.name} instead`,
    );
  }
  const remote = parseAddress(destination);
  const pair = commonAddresses(locals, remote ? [remote] : []);
  if (pair) return pair;
  throw new UnresolvedError(
    `--dest-ip ${quote(destination)} is ${remote?.family}, but the pod's node ${quote(from.name)} has no InternalIP of that family (${list(locals)}): give an address of the other family`,
  );
}

export function isReady({ node }: NamedNode): boolean {
  const ready = node.status?.conditions?.find(({ type }) => type === 'Ready');
  return ready === undefined || ready.status === 'True';
}

/** Whether the node's kubelet, and with it the API, knows a container's `appArmorProfile`: from Kubernetes 1.30 on. */
export function knowsAppArmorField({ node }: NamedNode): boolean {
  const minor = /^v1\.(\d+)/.exec(node.status?.nodeInfo?.kubeletVersion ?? '')?.[1];
  return minor === undefined || Number(minor) >= 30;
}

function internalAddresses({ node }: NamedNode): Address[] {
  return (node.status?.addresses ?? [])
    .filter(({ type }) => type === 'InternalIP')
    .flatMap(({ address }) => parseAddress(address) ?? []);
}

function list(addresses: readonly Address[]): string {
  return addresses.map(({ text }) => text).join(', ') || 'no InternalIP';
}
