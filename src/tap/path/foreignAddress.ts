import { parseAddress } from '#src/spec/address.ts';
import type { Role } from '#src/tap/ownership/mark.ts';

/** The addresses of a node that serves many networks would fill pages. */
const MAX_LISTED = 5;

/** What is wrong with an endpoint's own address; undefined if its node has it. */
export function foreignAddress(
  role: Role,
  local: string,
  addresses: readonly { readonly address: string; readonly isGlobal: boolean }[],
): string | undefined {
  const desired = parseAddress(local)?.text;
  if (addresses.some(({ address }) => parseAddress(address)?.text === desired)) return undefined;
  const others = addresses.filter(({ isGlobal }) => isGlobal).map(({ address }) => address);
  const listed = others.slice(0, MAX_LISTED).join(', ') || 'none';
  const more = others.length > MAX_LISTED ? ` and ${others.length - MAX_LISTED} more` : '';
  const flag = role === 'sender' ? '--source-address' : '--dest-address';
  return `${local} is not an address of this node (it has ${listed}${more}): the node got another one after the tap was made, or this is a virtual or outer one; delete the tap and make it again, with ${flag} if it comes out the same`;
}
