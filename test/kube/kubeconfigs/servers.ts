import { once } from 'node:events';
import { createServer as createHttpServer, request as startRequest, type RequestListener } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { TLSSocket } from 'node:tls';
import { node, pod, status } from '../../cli/support/objects.ts';
import type { ApiSettings, IssuerSettings, ProxySettings } from './case.ts';
import { keyOf, pki } from './pki.ts';

/** What was asked of the servers: who, method, path, headers as JSON. */
export type Seen = string[];

/** Starts a server on a free port, which it gives, and keeps it until the end. */
export class Servers implements AsyncDisposable {
  readonly seen: Seen = [];
  /** The longest answer of the API server. */
  largestBytes = 0;
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();

  async api(settings: ApiSettings): Promise<number> {
    const listener = apiListener(settings, this);
    const { cert = 'root', host = '127.0.0.1', plain = false, rejectClients = false, tls } = settings;
    if (plain) return this.#listen(createHttpServer(listener), host);
    const own = {
      cert: certificates[cert] ?? pki('server.crt'),
      key: keyOf('server.key'),
      ca: pki('client-ca.crt'),
      requestCert: true,
      rejectUnauthorized: rejectClients,
      ...tls,
    };
    return this.#listen(createHttpsServer(own, listener), host);
  }

  async proxy(settings: ProxySettings): Promise<number> {
    return this.#listen(settings.socks ? socksServer(settings, this.seen) : httpProxy(settings, this.seen));
  }

  async issuer(settings: IssuerSettings): Promise<number> {
    return this.#listen(createHttpServer(issuerListener(settings, this.seen)));
  }

  /** A port where nobody listens. */
  async closedPort(): Promise<number> {
    const server = createServer();
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const port = portOf(server);
    await once(server.close(), 'close');
    return port;
  }

  async #listen(server: Server, host = '127.0.0.1'): Promise<number> {
    this.#servers.push(server);
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
    });
    await once(server.listen(0, host), 'listening');
    return portOf(server);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(this.#servers.map((server) => once(server.close(), 'close')));
  }
}

const certificates: Readonly<Record<string, string>> = {
  root: pki('server.crt'),
  intermediate: pki('server-int.crt'),
  'intermediate-chain': `${pki('server-int.crt')}${pki('int.crt')}`,
  expired: pki('server-expired.crt'),
  rotated: pki('server-rotated.crt'),
};

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' ? (address?.port ?? 0) : 0;
}

const OBJECTS = [
  pod('web'),
  pod('web', { namespace: 'team', node: 'node-b' }),
  node('node-a', ['10.0.0.1'], { external: '' }),
  node('node-b', ['10.0.0.2'], { external: '' }),
];

function apiListener(settings: ApiSettings, servers: Servers): RequestListener {
  let count = 0;
  return (request, response) => {
    const { url: path = '', method, headers, socket } = request;
    servers.seen.push(`api ${method} ${path} ${JSON.stringify(headers)}`);
    count += 1;
    const prefix = settings.redirect ?? '';
    if (!path.startsWith(prefix)) {
      response.writeHead(307, { Location: `${prefix}${path}` }).end();
      return;
    }
    const isLate = count <= (settings.tooMany ?? 0);
    const client = socket instanceof TLSSocket ? socket.getPeerCertificate().subject?.CN : undefined;
    const { code, body } = isLate
      ? refusal(429, 'TooManyRequests')
      : (refused(settings, headers, String(client)) ??
        answer(path.slice(prefix.length), headers.accept, settings));
    const sent = JSON.stringify(body);
    servers.largestBytes = Math.max(servers.largestBytes, sent.length);
    if (settings.closeAfter) response.on('finish', () => setTimeout(() => socket.destroy(), 0));
    response
      .writeHead(code, { 'Content-Type': 'application/json', ...(isLate ? { 'Retry-After': '1' } : {}) })
      .end(sent);
  };
}

interface ApiAnswer {
  readonly code: number;
  readonly body: object;
}

function refusal(code: number, reason: string): ApiAnswer {
  return { code, body: status(code, reason, reason) };
}

function refused(
  { token, basic, clientCn, headers: wanted = {} }: ApiSettings,
  headers: NodeJS.Dict<string | string[]>,
  client: string,
): ApiAnswer | undefined {
  const { authorization } = headers;
  const isKnown =
    (token === undefined || authorization === `Bearer ${token}`) &&
    (basic === undefined || authorization === `Basic ${btoa(basic)}`) &&
    (clientCn === undefined || client === clientCn);
  if (!isKnown) return refusal(401, 'Unauthorized');
  const isAllowed = Object.entries(wanted).every(([name, value]) => headers[name] === value);
  return isAllowed ? undefined : refusal(403, 'Forbidden');
}

function answer(path: string, accept: string | undefined, { manyPods = 0 }: ApiSettings): ApiAnswer {
  const { pathname } = new URL(path, 'http://api');
  const found = OBJECTS.find(({ kind, metadata }) => {
    const scope = 'namespace' in metadata ? `/namespaces/${metadata.namespace}` : '';
    return pathname === `/api/v1${scope}/${kind.toLowerCase()}s/${metadata.name}`;
  });
  if (found !== undefined) return { code: 200, body: found };
  if (pathname.endsWith('/namespaces/default')) return { code: 200, body: { metadata: { name: 'default' } } };
  if (!pathname.endsWith('/pods')) return refusal(404, 'NotFound');
  const isMetadata = /as=PartialObjectMetadataList;g=meta\.k8s\.io;v=v1/u.test(accept ?? '');
  const annotations = isMetadata ? {} : { filler: 'x'.repeat(4000) };
  const items = Array.from({ length: manyPods }, (_, index) => ({
    metadata: { name: `load-${index}`, annotations },
  }));
  return { code: 200, body: { metadata: {}, items } };
}

/** A proxy for CONNECT and for plain requests. */
function httpProxy({ names = {}, login, deny = false }: ProxySettings, seen: Seen): Server {
  const wantsLogin = { 'Proxy-Authenticate': 'Basic realm="proxy"' };
  const server = createHttpServer((incoming, response) => {
    seen.push(`proxy ${incoming.method} ${incoming.url}`);
    if (deny) {
      response.writeHead(407, wantsLogin).end();
      return;
    }
    const { hostname, port, pathname, search } = new URL(incoming.url ?? '');
    const { method, headers } = incoming;
    startRequest(
      { host: names[hostname] ?? hostname, port, path: pathname + search, method, headers },
      (up) => {
        response.writeHead(up.statusCode ?? 0, up.headers);
        up.pipe(response);
      },
    ).end();
  });
  server.on('connect', ({ url = '', headers }, socket: Socket) => {
    seen.push(`proxy CONNECT ${url}`);
    const wanted = login === undefined ? undefined : `Basic ${btoa(login)}`;
    if (deny || (wanted !== undefined && headers['proxy-authorization'] !== wanted)) {
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n');
      return;
    }
    // An IPv6 address has brackets.
    const [, v6, name = '', port] = /^(?:\[([0-9a-f:]+)\]|([^:[\]]+)):(\d+)$/iu.exec(url) ?? [];
    const host = v6 ?? name;
    const up = connect(Number(port), names[host] ?? host, () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      up.pipe(socket).pipe(up);
    });
    up.on('error', () => socket.destroy());
    socket.on('error', () => up.destroy());
  });
  return server;
}

/** SOCKS 5 without a login, which resolves names itself. */
function socksServer({ names = {} }: ProxySettings, seen: Seen): Server {
  return createServer((socket) => {
    const talk = async () => {
      await once(socket, 'data');
      socket.write(Buffer.from([5, 0]));
      const [asked]: Buffer[] = await once(socket, 'data');
      if (asked === undefined) return;
      const isName = asked[3] === 3;
      const end = isName ? 5 + (asked[4] ?? 0) : 8;
      const host = isName ? asked.subarray(5, end).toString() : asked.subarray(4, 8).join('.');
      const port = asked.readUInt16BE(end);
      seen.push(`proxy SOCKS ${host}:${port}`);
      const up = connect(port, names[host] ?? host, () => {
        socket.write(Buffer.from([5, 0, 0, 1, 0, 0, 0, 0, 0, 0]));
        up.pipe(socket).pipe(up);
      });
      up.on('error', () => socket.destroy());
    };
    void talk();
  });
}

/** An OpenID issuer each of whose refresh tokens is good once. */
function issuerListener({ refreshToken, idToken }: IssuerSettings, seen: Seen): RequestListener {
  let valid = refreshToken;
  let count = 0;
  return (incoming, response) => {
    const reply = async () => {
      const body = await text(incoming);
      const base = `http://${incoming.headers.host}`;
      seen.push(`issuer ${incoming.method} ${incoming.url}`);
      response.setHeader('Content-Type', 'application/json');
      if (incoming.url !== '/token') {
        const ends = {
          token_endpoint: `${base}/token`,
          authorization_endpoint: `${base}/auth`,
          jwks_uri: `${base}/keys`,
        };
        response.end(JSON.stringify({ issuer: base, ...ends }));
        return;
      }
      if (new URLSearchParams(body).get('refresh_token') !== valid) {
        response.writeHead(400).end(JSON.stringify({ error: 'invalid_grant' }));
        return;
      }
      count += 1;
      valid = `refresh-${count}`;
      response.end(
        JSON.stringify({
          access_token: 'a',
          token_type: 'bearer',
          expires_in: 600,
          refresh_token: valid,
          id_token: idToken,
        }),
      );
    };
    void reply();
  };
}
