import { once } from 'node:events';
import type { Net, Where } from './net.ts';

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
    const socket = createSocket('udp4');
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

/** A TCP server that takes what one client sends; `received` waits for the end and counts the bytes. */
export async function receiveTcp(
  net: Net,
  where: Where,
  port: number,
): Promise<{ received(): Promise<number> }> {
  const child = net.spawn(
    where,
    process.execPath,
    '--input-type=module',
    '--eval',
    `
    const { createServer } = await import('node:net');
    const server = createServer((socket) => {
      let count = 0;
      socket.on('data', (data) => (count += data.length));
      socket.on('end', () => { process.stdout.write(String(count)); socket.end(); server.close(); });
    });
    server.listen(Number(process.argv[1]), '::', () => process.stdout.write('!'));`,
    String(port),
  );
  let output = '';
  child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const closed = once(child, 'close');
  if (child.stdout) await once(child.stdout, 'data');
  return {
    async received() {
      await closed;
      return Number(output.replace('!', ''));
    },
  };
}

/** Sends so many bytes over TCP. */
export async function sendTcp(net: Net, from: Where, to: string, port: number, bytes: number): Promise<void> {
  await runScript(
    net,
    from,
    `
    const { connect } = await import('node:net');
    const [to, port, bytes] = process.argv.slice(1);
    connect(Number(port), to).end(Buffer.alloc(Number(bytes), 'kokotap'));`,
    to,
    String(port),
    String(bytes),
  );
}

async function runScript(net: Net, where: Where, script: string, ...args: string[]): Promise<void> {
  await net.exec(where, process.execPath, '--input-type=module', '--eval', script, ...args);
}
