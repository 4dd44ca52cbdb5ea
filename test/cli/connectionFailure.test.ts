import { expect, test } from 'vitest';
import { type Server, upstreamFailure } from '#src/kube/failures.ts';

const server: Server = {
  url: 'https://host',
  user: 'dev',
  proxy: 'http://proxy:3128',
  isGuess: false,
  age: '',
};

test.each([
  [
    'dial tcp 10.0.0.1:443: connect: connection refused',
    'API server https://host cannot be reached: connection refused; is it running, and the URL right?',
  ],
  [
    'dial tcp: lookup host: no such host',
    'API server https://host cannot be reached: its host name is not known (dial tcp: lookup host: no such host); is the URL right?',
  ],
  [
    'dial tcp: lookup host on 10.0.0.2:53: server misbehaving',
    'API server https://host cannot be reached: its host name is not known (dial tcp: lookup host on 10.0.0.2:53: server misbehaving); is the URL right?',
  ],
  [
    'dial tcp 10.0.0.1:443: connect: network is unreachable',
    'API server https://host cannot be reached: there is no way to its network (dial tcp 10.0.0.1:443: connect: network is unreachable); is a VPN missing?',
  ],
  [
    'dial tcp 10.0.0.1:443: connect: no route to host',
    'API server https://host cannot be reached: there is no way to its network (dial tcp 10.0.0.1:443: connect: no route to host); is a VPN missing?',
  ],
  [
    'dial tcp 10.0.0.1:443: i/o timeout',
    'API server https://host cannot be reached: no answer (dial tcp 10.0.0.1:443: i/o timeout); is a firewall or a missing VPN in the way?',
  ],
  [
    'net/http: TLS handshake timeout',
    'API server https://host cannot be reached: no answer (net/http: TLS handshake timeout); is a firewall or a missing VPN in the way?',
  ],
  [
    'http: server gave HTTP response to HTTPS client',
    'API server https://host does not speak TLS (http: server gave HTTP response to HTTPS client); is the URL right?',
  ],
  [
    'tls: first record does not look like a TLS handshake',
    'API server https://host does not speak TLS (tls: first record does not look like a TLS handshake); is the URL right?',
  ],
  [
    'tls: failed to verify certificate: x509: certificate has expired',
    'API server https://host is not trusted: certificate has expired; check certificate-authority in the kubeconfig',
  ],
  [
    'tls: failed to parse private key',
    'API server https://host cannot be asked: the client key (client-key) is not usable, perhaps encrypted: tls: failed to parse private key',
  ],
  [
    'getting credentials: exec: executable aws failed with exit code 255',
    'Cannot log in as user "dev": getting credentials: exec: executable aws failed with exit code 255',
  ],
  [
    'proxyconnect tcp: dial tcp 10.0.0.9:3128: connect: connection refused',
    'The proxy http://proxy:3128 on the way to API server https://host fails: proxyconnect tcp: dial tcp 10.0.0.9:3128: connect: connection refused; check HTTPS_PROXY, NO_PROXY and proxy-url in the kubeconfig',
  ],
  [
    'Proxy Authentication Required',
    'The proxy http://proxy:3128 on the way to API server https://host fails: Proxy Authentication Required; check HTTPS_PROXY, NO_PROXY and proxy-url in the kubeconfig',
  ],
  [
    'remote error: tls: handshake failure',
    'API server https://host cannot be asked: remote error: tls: handshake failure',
  ],
])('%s', (words, message) => {
  expect(upstreamFailure(server, `${words}\n`, 'why')).toMatchObject({ message, cause: 'why' });
});

test('where the kubeconfig names no user, none is named', () => {
  const { message } = upstreamFailure({ ...server, user: undefined }, 'getting credentials: no', undefined);
  expect(message).toBe('Cannot log in: getting credentials: no');
});

test('an unknown proxy is that of the environment', () => {
  const { message } = upstreamFailure({ ...server, proxy: undefined }, 'socks connect: no', undefined);
  expect(message).toContain('The proxy of the environment on the way');
});

test('an old kubectl may be the reason', () => {
  const { message } = upstreamFailure({ ...server, age: '; kubectl is 1.20' }, 'EOF', undefined);
  expect(message).toBe('API server https://host cannot be asked: EOF; kubectl is 1.20');
});

test('where nothing names a cluster, kubectl asks this machine', () => {
  const { message } = upstreamFailure({ ...server, isGuess: true }, 'connection refused', undefined);
  expect(message).toMatch(/^There is no cluster to ask: /u);
});
