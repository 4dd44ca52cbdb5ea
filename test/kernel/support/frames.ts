/** Frames and their parts, made by hand, in hexadecimal. */

/** A frame behind the header of VXLAN: the payload of a UDP datagram. */
export function vxlan(vni: number, frame: string): string {
  return `08000000${vni.toString(16).padStart(6, '0')}00${frame}`;
}

/** An Ethernet frame. MAC addresses are written without colons. */
export function ethernet(to: string, from: string, type: string, body: string): string {
  return to + from + type + body;
}

export function ipv4(protocol: number, source: string, destination: string, body: string): string {
  const length = hex16(20 + body.length / 2);
  const header = `4500${length}0000000040${protocol.toString(16).padStart(2, '0')}0000${address(source)}${address(destination)}`;
  return header.slice(0, 20) + checksum(header) + header.slice(24) + body;
}

/** A datagram without a checksum. */
export function udp(toPort: number, payload: string): string {
  return hex16(9) + hex16(toPort) + hex16(8 + payload.length / 2) + '0000' + payload;
}

export function icmpEcho(): string {
  const body = '0800000000010001';
  return body.slice(0, 4) + checksum(body) + body.slice(8);
}

/** A SYN from port 9. */
export function tcpSyn(source: string, destination: string, toPort: number): string {
  const segment = `${hex16(9)}${hex16(toPort)}00000001000000005002ffff00000000`;
  const sum = checksum(`${address(source)}${address(destination)}0006${hex16(segment.length / 2)}${segment}`);
  return segment.slice(0, 32) + sum + segment.slice(36);
}

/** A segment with data from port 9; its checksum is that of no data. */
export function tcpData(source: string, destination: string, toPort: number, payload: string): string {
  return tcpSyn(source, destination, toPort).replace('5002ffff', '5018ffff') + payload;
}

export function arpRequest(from: string, source: string, target: string): string {
  return `0001080006040001${from}${address(source)}000000000000${address(target)}`;
}

/** Whether the checksum of a frame's TCP over IPv4 is that of its bytes. */
export function isSoundTcp(frame: string): boolean {
  const ip = frame.slice(28);
  const [headerDigits, digits] = [
    Number.parseInt(ip.slice(1, 2), 16) * 8,
    Number.parseInt(ip.slice(4, 8), 16) * 2,
  ];
  const tcp = ip.slice(headerDigits, digits);
  const summed = `${ip.slice(24, 40)}0006${hex16(tcp.length / 2)}${tcp}`;
  return checksum(summed.padEnd(Math.ceil(summed.length / 4) * 4, '0')) === '0000';
}

/** An IPv4 address in a frame. */
function address(dotted: string): string {
  return Buffer.from(dotted.split('.').map(Number)).toString('hex');
}

function hex16(value: number): string {
  return value.toString(16).padStart(4, '0');
}

function checksum(hex: string): string {
  let sum = (hex.match(/.{4}/g) ?? []).reduce((total, word) => total + Number.parseInt(word, 16), 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return hex16(~sum & 0xffff);
}
