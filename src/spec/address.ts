type Family = 'IPv4' | 'IPv6';

export interface Address {
  readonly family: Family;
  /** In the one form that is compared and printed: RFC 5952 for IPv6, IPv4-mapped ones as IPv4. */
  readonly text: string;
}

/** The two ends of an underlay path, of one family. */
export interface AddressPair {
  readonly local: Address;
  readonly remote: Address;
}

/** Reads an IPv4 or IPv6 address without prefix length and zone; undefined if it is none. */
export function parseAddress(text: string): Address | undefined {
  if (isIPv4(text)) return { family: 'IPv4', text };
  const canonical = canonicalIPv6(text);
  if (canonical === undefined) return undefined;
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/u.exec(canonical);
  if (!mapped) return { family: 'IPv6', text: canonical };
  const [high, low] = mapped.slice(1).map((group) => Number.parseInt(group, 16));
  const bytes = [high, low].flatMap((group = 0) => [Math.floor(group / 256), group % 256]);
  return { family: 'IPv4', text: bytes.join('.') };
}

/** Why no packet can be sent to this address of another machine: the name of its kind; undefined if one can. */
export function unreachableKind({ family, text }: Address): string | undefined {
  if (family === 'IPv4') return unreachableIPv4Kind(text);
  if (text === '::') return 'the unspecified address';
  if (text === '::1') return 'a loopback address';
  if (text.startsWith('ff')) return 'a multicast address';
  return /^fe[89ab]/u.test(text) ? 'a link-local address' : undefined;
}

/** The first addresses of a family that both sides have, IPv4 before IPv6. */
export function commonAddresses(
  locals: readonly Address[],
  remotes: readonly Address[],
): AddressPair | undefined {
  for (const family of ['IPv4', 'IPv6'] as const) {
    const local = locals.find((address) => address.family === family);
    const remote = remotes.find((address) => address.family === family);
    if (local && remote) return { local, remote };
  }
  return undefined;
}

/** Whether what is known to be an address is one of IPv6. */
export function isIPv6(address: string): boolean {
  return address.includes(':');
}

function isIPv4(text: string): boolean {
  const bytes = text.split('.');
  return (
    bytes.length === 4 && bytes.every((byte) => /^(?:0|[1-9]\d{0,2})$/u.test(byte) && Number(byte) <= 255)
  );
}

/** The URL parser knows all forms of an IPv6 address and writes the shortest one. */
function canonicalIPv6(text: string): string | undefined {
  if (!/^[0-9a-f:.]+$/iu.test(text)) return undefined;
  const url = `http://[${text}]/`;
  return URL.canParse(url) ? new URL(url).hostname.slice(1, -1) : undefined;
}

function unreachableIPv4Kind(text: string): string | undefined {
  const first = Number(text.split('.', 1)[0]);
  if (first === 0) return 'the unspecified address';
  if (first === 127) return 'a loopback address';
  if (first >= 224 && first < 240) return 'a multicast address';
  return text === '255.255.255.255' ? 'the broadcast address' : undefined;
}
