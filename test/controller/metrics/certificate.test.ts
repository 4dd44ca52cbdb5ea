import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, request } from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { readCertificate, selfSigned } from '#src/controller/metrics/certificate.ts';

test('a certificate that the controller makes is one, of its own key', () => {
  const { cert, key } = selfSigned('kokotap-controller');
  const certificate = new X509Certificate(cert);
  expect(certificate.subject).toBe('CN=kokotap-controller');
  expect(certificate.issuer).toBe('CN=kokotap-controller');
  expect(certificate.verify(certificate.publicKey)).toBe(true);
  expect(certificate.publicKey.export({ type: 'spki', format: 'pem' })).toContain('PUBLIC KEY');
  expect(certificate.validFromDate.getTime()).toBeLessThan(Date.now());
  expect(certificate.validToDate.getTime()).toBeGreaterThan(Date.now() + 9 * 365 * 86_400_000);
  expect(new X509Certificate(selfSigned('kokotap-controller').cert).serialNumber).not.toBe(
    certificate.serialNumber,
  );
  expect(key).toContain('PRIVATE KEY');
});

test('a certificate of a Secret is what the server shows', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'kokotap-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const made = selfSigned('own');
  await writeFile(path.join(folder, 'tls.crt'), made.cert);
  await writeFile(path.join(folder, 'tls.key'), made.key);
  const server = createServer(await readCertificate(folder), (_, response) => response.end());
  onTestFinished(() => void server.close());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  // Whoever has the certificate can tell that it is this server.
  const options = { ca: made.cert, servername: 'own', checkServerIdentity: () => undefined };
  const sent = request(`https://127.0.0.1:${port}/`, options).end();
  const [response] = await once(sent, 'response');
  expect(response.statusCode).toBe(200);
  response.resume();
});
