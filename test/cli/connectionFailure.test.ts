import { expect, test } from 'vitest';
import { connectionFailure } from '#src/kube/failures.ts';

const server = 'API server https://host';

function failed(code: string, message = 'it failed'): Error {
  return Object.assign(new Error(message), { code });
}

test.each([
  ['ECONNREFUSED', 'cannot be reached: connection refused; is it running, and the URL right?'],
  ['ENOTFOUND', 'cannot be reached: its host name is not known (ENOTFOUND); is the URL right?'],
  ['EAI_AGAIN', 'cannot be reached: its host name is not known (EAI_AGAIN); is the URL right?'],
  ['ENETUNREACH', 'cannot be reached: there is no way to its network (ENETUNREACH); is a VPN missing?'],
  ['EHOSTUNREACH', 'cannot be reached: there is no way to its network (EHOSTUNREACH); is a VPN missing?'],
  ['ETIMEDOUT', 'cannot be reached: no answer within 9 s; is a firewall or a missing VPN in the way?'],
  ['ABORT_ERR', 'cannot be reached: no answer within 9 s; is a firewall or a missing VPN in the way?'],
  ['EPROTO', 'does not speak TLS (EPROTO); is the URL right?'],
  ['ERR_SSL_WRONG_VERSION_NUMBER', 'does not speak TLS (ERR_SSL_WRONG_VERSION_NUMBER); is the URL right?'],
])('%s', (code, message) => {
  expect(connectionFailure('https://host', failed(code)).message).toBe(`${server} ${message}`);
});

test.each([
  'CERT_HAS_EXPIRED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CRL_HAS_EXPIRED',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR',
])('%s is a matter of trust, without the advice of Node.js', (code) => {
  const cause = failed(code, 'the reason; if you are brave, use --a-flag');
  expect(connectionFailure('https://host', cause).message).toBe(
    `${server} is not trusted: the reason (${code}); check certificate-authority in the kubeconfig`,
  );
});

test.each([
  ['an unknown code', failed('EPIPE')],
  ['no code', new Error('it failed')],
  ['no error', 'it failed'],
])('%s is given on as it is', (_, cause) => {
  const failure = connectionFailure('https://host', cause);
  expect(failure).toMatchObject({ message: `${server}: it failed`, cause });
});
