import { createCipheriv, createHash } from 'node:crypto';
import { once } from 'node:events';
import type { Net } from './net.ts';
import type { Where } from './network.ts';
import { scaled } from './speed.ts';

/** Sends UDP datagrams of changing sizes and contents from one namespace to an address, whether or not anyone listens. */
export async function sendUdp(
  net: Net,
  from: Where,
  to: string,
  {
    port = 9,
    count = 100,
    minBytes = 8,
    maxBytes = 1472,
  }: { port?: number; count?: number; minBytes?: number; maxBytes?: number } = {},
): Promise<void> {
  await runScript(
    net,
    from,
    `
    const [to, port, count, min, max] = [process.argv[1], ...process.argv.slice(2).map(Number)];
    const { createSocket } = await import('node:dgram');
    const { randomBytes } = await import('node:crypto');
    const socket = createSocket(to.includes(':') ? 'udp6' : 'udp4');
    for (let i = 0; i < count; i++) {
      await new Promise((done) => socket.send(randomBytes(min + Math.floor((i * (max - min)) / count)), port, to, done));
      if (i % 5 === 0) await new Promise((done) => setTimeout(done, 1));
    }
    socket.close();`,
    to,
    String(port),
    String(count),
    String(minBytes),
    String(maxBytes),
  );
}

/** Hands the kernel several datagrams of one size as one, to cut them (UDP_SEGMENT). */
export async function sendSegments(
  net: Net,
  from: Where,
  to: string,
  { port, bytes, count }: { port: number; bytes: number; count: number },
): Promise<void> {
  await runPerl(
    net,
    from,
    'my ($to, $port, $bytes, $count) = @ARGV; socket(S, PF_INET, SOCK_DGRAM, 0) or die; ' +
      'my ($SOL_UDP, $UDP_SEGMENT) = (17, 103); setsockopt(S, $SOL_UDP, $UDP_SEGMENT, pack("i", $bytes)) or die $!; ' +
      'defined(send(S, "z" x ($bytes * $count), 0, sockaddr_in($port, inet_aton($to)))) or die $!',
    to,
    String(port),
    String(bytes),
    String(count),
  );
}

/** Sends a great many small UDP datagrams, as fast as they go. */
export async function floodUdp(
  net: Net,
  from: Where,
  to: string,
  port: number,
  count: number,
): Promise<void> {
  await runPerl(
    net,
    from,
    'my ($to, $port, $count) = @ARGV; socket(S, PF_INET, SOCK_DGRAM, 0) or die; ' +
      'connect(S, sockaddr_in($port, inet_aton($to))) or die; ' +
      'for (1 .. $count) { defined(send(S, "kokotap", 0)) or die $! }',
    to,
    String(port),
    String(count),
  );
}

/** Sends an IPv4 packet of a protocol; the kernel makes its header. */
export async function sendIp(
  net: Net,
  from: Where,
  to: string,
  protocol: number,
  hex: string,
): Promise<void> {
  await runPerl(
    net,
    from,
    'my ($to, $protocol, $hex) = @ARGV; socket(S, PF_INET, SOCK_RAW, $protocol) or die; ' +
      'defined(send(S, pack("H*", $hex), 0, sockaddr_in(0, inet_aton($to)))) or die $!',
    to,
    String(protocol),
    hex,
  );
}

/** Opens a UDP port that takes datagrams and answers none. */
export async function sinkUdp(net: Net, where: Where, port: number): Promise<void> {
  const script =
    '$| = 1; socket(S, PF_INET, SOCK_DGRAM, 0) or die; bind(S, sockaddr_in($ARGV[0], INADDR_ANY)) or die; print "!"; sleep';
  const child = net.spawn(where, 'perl', '-MSocket', '-e', script, String(port));
  if (child.stdout) await once(child.stdout, 'data');
}

/** Sends one UDP datagram as it is. */
export async function sendDatagram(
  net: Net,
  from: Where,
  to: string,
  port: number,
  hex: string,
): Promise<void> {
  await runScript(
    net,
    from,
    `
    const [to, port, hex] = process.argv.slice(1);
    const { createSocket } = await import('node:dgram');
    const socket = createSocket('udp4');
    socket.send(Buffer.from(hex, 'hex'), Number(port), to, () => socket.close());`,
    to,
    String(port),
    hex,
  );
}

/** Sends whole frames, in hexadecimal, by an interface as they are; Perl is part of every Debian. */
export async function sendFrames(
  net: Net,
  where: Where,
  ifname: string,
  frames: readonly string[],
): Promise<void> {
  const script = `
    use Socket;
    my ($ifname, @frames) = @ARGV;
    my ($AF_PACKET, $SIOCGIFINDEX) = (17, 0x8933);
    socket(my $socket, $AF_PACKET, SOCK_RAW, 0) or die $!;
    ioctl($socket, $SIOCGIFINDEX, my $request = pack('a16 x24', $ifname)) or die $!;
    my $to = pack('S n l x12', $AF_PACKET, 0, unpack('x16 l', $request));
    send($socket, pack('H*', $_), 0, $to) or die $! for @frames;`;
  await net.exec(where, 'perl', '-e', script, ifname, ...frames);
}

/** What a virtual machine says of a frame that it has not finished, as `struct virtio_net_hdr` has it; bytes of the frame. */
export interface Unfinished {
  /** Into what the frame is still to be cut; without one it only lacks its checksum. */
  readonly segments?: { readonly of: 'TCP over IPv4' | 'UDP'; readonly bytes: number };
  /** Where the summed part begins, which is the transport's header, and where in that the sum goes; undefined: it is there. */
  readonly checksum?: { readonly from: number; readonly at: number };
}

/**
 * Sends a frame as a virtual machine does: its checksum, and if it is to be cut its segments, are left to the kernel. The
 * packet does not say how many segments it becomes. Of one of more than 4 KiB that has its checksum, only the Ethernet
 * header is in the part of the packet that programs see directly.
 */
export async function sendUnfinished(
  net: Net,
  where: Where,
  ifname: string,
  frame: string,
  { segments, checksum }: Unfinished,
): Promise<void> {
  const type = segments === undefined ? 0 : { 'TCP over IPv4': 1, UDP: 5 }[segments.of];
  const header = Buffer.alloc(10);
  header.writeUInt8(checksum === undefined ? 0 : 1, 0);
  header.writeUInt8(type, 1);
  if (checksum !== undefined) header.writeUInt16LE(checksum.from + checksum.at + 2, 2);
  header.writeUInt16LE(segments?.bytes ?? 0, 4);
  header.writeUInt16LE(checksum?.from ?? 0, 6);
  header.writeUInt16LE(checksum?.at ?? 0, 8);
  const script = `
    use Socket;
    my ($ifname, $frame) = @ARGV;
    my ($AF_PACKET, $SIOCGIFINDEX, $SOL_PACKET, $PACKET_VNET_HDR) = (17, 0x8933, 263, 15);
    socket(my $socket, $AF_PACKET, SOCK_RAW, 0) or die $!;
    setsockopt($socket, $SOL_PACKET, $PACKET_VNET_HDR, pack('i', 1)) or die $!;
    ioctl($socket, $SIOCGIFINDEX, my $request = pack('a16 x24', $ifname)) or die $!;
    my $to = pack('S n l x12', $AF_PACKET, 0x800, unpack('x16 l', $request));
    send($socket, pack('H*', $frame), 0, $to) or die $!;`;
  await net.exec(where, 'perl', '-e', script, ifname, header.toString('hex') + frame);
}

/** A UDP server that answers every datagram with the same; `received` counts them. */
export async function echoUdp(net: Net, where: Where, port: number): Promise<{ received(): number }> {
  let received = 0;
  const child = net.spawn(
    where,
    process.execPath,
    '--input-type=module',
    '--eval',
    `
    const { createSocket } = await import('node:dgram');
    const socket = createSocket('udp6');
    socket.on('message', (data, { port, address }) => {
      process.stdout.write('.');
      socket.send(data, port, address);
    });
    socket.bind(Number(process.argv[1]), () => process.stdout.write('!'));`,
    String(port),
  );
  child.stdout?.on('data', (chunk: Buffer) => (received += chunk.toString().replaceAll('!', '').length));
  if (child.stdout) await once(child.stdout, 'data');
  return { received: () => received };
}

/**
 * Sends numbered datagrams, from `bytes` to `maxBytes` long, to an echo and waits for each to come back, with so few under
 * way at a time that the echo's socket has room for them, however seldom it runs. A datagram is lost
 * when the echo of none came for seconds; a later one that came does not show it, for the kernel may change the order.
 */
export async function exchangeUdp(
  net: Net,
  from: Where,
  to: string,
  {
    port,
    count,
    bytes = 1200,
    maxBytes = bytes,
    sendBufferBytes = 0,
  }: { port: number; count: number; bytes?: number; maxBytes?: number; sendBufferBytes?: number },
): Promise<{ lost: number; changed: number }> {
  const said = await runScript(
    net,
    from,
    `
    const { createSocket } = await import('node:dgram');
    const [to, port, count, bytes, maxBytes, sendBuffer, silenceMs] = [process.argv[1], ...process.argv.slice(2).map(Number)];
    const socket = createSocket({ type: to.includes(':') ? 'udp6' : 'udp4', ...(sendBuffer > 0 && { sendBufferSize: sendBuffer }) });
    const missing = new Set();
    let [next, changed, silence] = [0, 0];
    const datagram = (number) => { const data = Buffer.alloc(bytes + Math.floor((number * (maxBytes - bytes)) / count), String(number)); data.writeUInt32BE(number); return data; };
    const finish = () => { clearTimeout(silence); socket.close(); console.log(JSON.stringify({ lost: missing.size + count - next, changed })); };
    const go = () => {
      clearTimeout(silence);
      silence = setTimeout(finish, silenceMs);
      for (; next < count && missing.size < 32; next++) { missing.add(next); socket.send(datagram(next), port, to); }
      if (missing.size === 0) finish();
    };
    socket.on('message', (data) => {
      const number = data.readUInt32BE();
      if (!missing.delete(number) || !data.equals(datagram(number))) changed++;
      go();
    });
    go();`,
    to,
    String(port),
    String(count),
    String(bytes),
    String(maxBytes),
    String(sendBufferBytes),
    String(scaled(5000)),
  );
  return JSON.parse(said);
}

/** What {@link sendTcp} sends: bytes that are not the same again soon. */
const streamCode = `createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16)).update(Buffer.alloc(bytes))`;

/** A TCP server that takes what one client sends. */
export interface TcpServer {
  /** Waits for the end and counts the bytes. */
  received(): Promise<number>;
  /** Waits for the end and hashes the bytes. */
  sha256(): Promise<string>;
}

export async function receiveTcp(net: Net, where: Where, port: number): Promise<TcpServer> {
  const child = net.spawn(
    where,
    process.execPath,
    '--input-type=module',
    '--eval',
    `
    const { createServer } = await import('node:net');
    const { createHash } = await import('node:crypto');
    const server = createServer((socket) => {
      let count = 0;
      const hash = createHash('sha256');
      socket.on('data', (data) => { count += data.length; hash.update(data); });
      socket.on('end', () => { process.stdout.write(count + ' ' + hash.digest('hex')); socket.end(); server.close(); });
    });
    server.listen(Number(process.argv[1]), '::', () => process.stdout.write('!'));`,
    String(port),
  );
  let output = '';
  child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const closed = once(child, 'close');
  if (child.stdout) await once(child.stdout, 'data');
  const word = async (index: 0 | 1) => {
    await closed;
    return output.replace('!', '').split(' ')[index] ?? '';
  };
  return { received: async () => Number(await word(0)), sha256: () => word(1) };
}

/** Sends so many bytes over TCP; how long that took, in seconds, until the server had them all. */
export async function sendTcp(
  net: Net,
  from: Where,
  to: string,
  port: number,
  bytes: number,
): Promise<number> {
  const said = await runScript(
    net,
    from,
    `
    const { connect } = await import('node:net');
    const { createCipheriv } = await import('node:crypto');
    const [to, port, bytes] = [process.argv[1], ...process.argv.slice(2).map(Number)];
    const stream = ${streamCode};
    const start = performance.now();
    const socket = connect(port, to).end(stream).resume();
    socket.on('close', () => console.log((performance.now() - start) / 1000));`,
    to,
    String(port),
    String(bytes),
  );
  return Number(said);
}

/** The hash of so many bytes as {@link sendTcp} sends them. */
export function sha256OfStream(bytes: number): string {
  const stream = createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16)).update(
    Buffer.alloc(bytes),
  );
  return createHash('sha256').update(stream).digest('hex');
}

async function runScript(net: Net, where: Where, script: string, ...args: string[]): Promise<string> {
  return net.exec(where, process.execPath, '--input-type=module', '--eval', script, ...args);
}

async function runPerl(net: Net, where: Where, script: string, ...args: string[]): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const child = net.spawn(where, 'perl', '-MSocket', '-e', script, ...args);
  let stderr = '';
  child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  child.on('close', (code) => (code === 0 ? resolve() : reject(new Error(`perl ended: ${stderr}`))));
  await promise;
}
