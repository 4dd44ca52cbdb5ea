import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';

/** What a TLS server shows, as PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** A certificate of a Secret of the type kubernetes.io/tls, which is mounted at a folder. */
export async function readCertificate(folder: string): Promise<Certificate> {
  const [cert, key] = await Promise.all(
    ['tls.crt', 'tls.key'].map((name) => readFile(path.join(folder, name), 'utf8')),
  );
  return { cert: cert ?? '', key: key ?? '' };
}

const TEN_YEARS_MS = 10 * 365 * 86_400_000;
const A_DAY_MS = 86_400_000;

/**
 * A certificate that nobody vouches for, of a key that ends with the process. Node.js makes keys and signatures, but no
 * certificates (RFC 5280): this is the least one.
 */
export function selfSigned(name: string): Certificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const ecdsaWithSha256 = sequence(Buffer.from('06082a8648ce3d040302', 'hex'));
  const commonName = sequence(Buffer.from('0603550403', 'hex'), tagged(0x0c, Buffer.from(name)));
  const subject = sequence(tagged(0x31, commonName));
  // The first bit of a positive number is 0.
  const serial = Buffer.concat([Buffer.from([1]), randomBytes(15)]);
  const nowMs = Date.now();
  const signed = sequence(
    tagged(0xa0, tagged(0x02, Buffer.from([2]))),
    tagged(0x02, serial),
    ecdsaWithSha256,
    subject,
    sequence(time(nowMs - A_DAY_MS), time(nowMs + TEN_YEARS_MS)),
    subject,
    publicKey.export({ type: 'spki', format: 'der' }),
  );
  const signature = tagged(0x03, Buffer.from([0]), sign('sha256', signed, privateKey));
  const base64 = sequence(signed, ecdsaWithSha256, signature).toString('base64');
  const lines = base64.match(/.{1,64}/gu) ?? [];
  return {
    cert: ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n'),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
  };
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return tagged(0x30, ...parts);
}

/** A value in DER: its tag, its length, and itself. */
function tagged(tag: number, ...parts: readonly Buffer[]): Buffer {
  const value = Buffer.concat(parts);
  const { length } = value;
  const size =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), value]);
}

/** As a GeneralizedTime. */
function time(ms: number): Buffer {
  const text = new Date(ms).toISOString().replaceAll(/[-:T]|\.\d+/gu, '');
  return tagged(0x18, Buffer.from(text));
}
