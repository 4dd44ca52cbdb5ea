import { type Address, type AddressPair, commonAddresses, parseAddress } from '#src/spec/address.ts';
import type { NamedNode } from './namedNode.ts';
import { quote } from './text.ts';
import { UnresolvedError } from './unresolvedError.ts';

/** One side of the path: a node, and the address of it that the user names. */
export interface Side extends NamedNode {
  readonly flag: '--source-address' | '--dest-address';
  readonly named: string | undefined;
}

type Warn = (message: string) => void;

/**
 * The addresses that the tap's packets go from and to.
 *
 * @param warn told of a choice that the user may want to make differently.
 * @throws {UnresolvedError} if the nodes have no addresses of one family.
 */
export function nodeToNode(from: Side, to: Side, warn: Warn): AddressPair {
  const [locals, remotes] = [candidates(from), candidates(to)];
  const pair = commonAddresses(locals, remotes);
  if (!pair)
    throw new UnresolvedError(
      `Nodes ${quote(from.name)} (${list(locals)}) and ${quote(to.name)} (${list(remotes)}) have no address of one family: give the nodes such addresses, name some with --source-address and --dest-address, or choose another destination`,
    );
  tellChoice(from, locals, pair.local, warn);
  tellChoice(to, remotes, pair.remote, warn);
  return pair;
}

/**
 * Like {@link nodeToNode}, to an address outside the cluster.
 *
 * @throws {UnresolvedError} if the node has no address of that family, or it is the node's own.
 */
export function nodeToAddress(from: Side, destination: string, warn: Warn): AddressPair {
  if (addressesOf(from, 'InternalIP').some(({ text }) => text === destination))
    throw new UnresolvedError(
      `--dest-ip ${quote(destination)} is the address of the pod's own node ${quote(from.name)}: give --dest-node=${from.name} instead`,
    );
  const locals = candidates(from);
  const remote = parseAddress(destination);
  const pair = commonAddresses(locals, remote ? [remote] : []);
  if (!pair)
    throw new UnresolvedError(
      `--dest-ip ${quote(destination)} is ${remote?.family}, but the pod's node ${quote(from.name)} has no address of that family (${list(locals)}): give an address of the other family, or name one of the node with --source-address`,
    );
  tellChoice(from, locals, pair.local, warn);
  return pair;
}

/** What the user names, else the node's internal addresses, else its external ones. */
function candidates(side: Side): Address[] {
  if (side.named !== undefined) return [parseAddress(side.named) ?? []].flat();
  const internal = addressesOf(side, 'InternalIP');
  return internal.length > 0 ? internal : addressesOf(side, 'ExternalIP');
}

function addressesOf({ node }: NamedNode, wanted: 'InternalIP' | 'ExternalIP'): Address[] {
  return (node.status?.addresses ?? [])
    .filter(({ type }) => type === wanted)
    .flatMap(({ address }) => parseAddress(address) ?? []);
}

function tellChoice(side: Side, from: readonly Address[], chosen: Address, warn: Warn): void {
  if (side.named !== undefined) return;
  const other = `${side.flag} names another one`;
  if (addressesOf(side, 'InternalIP').length === 0) {
    warn(`Node ${quote(side.name)} has no InternalIP: the tap uses its ExternalIP ${chosen.text}; ${other}`);
    return;
  }
  const alike = from.filter(({ family }) => family === chosen.family);
  if (alike.length > 1)
    warn(`Node ${quote(side.name)} has the addresses ${list(alike)}: the tap uses ${chosen.text}; ${other}`);
}

function list(addresses: readonly Address[]): string {
  return addresses.map(({ text }) => text).join(', ') || 'no address';
}
