import files from './pki.json' with { type: 'json' };

const contents: Readonly<Record<string, string>> = files;

/** Throw-away certificates, good until 2126 but for server-expired.crt, which ended in 2021. */
export function pki(name: string): string {
  const content = contents[name];
  if (content === undefined) throw new Error(`no certificate ${name}`);
  return content;
}

/** A key, in PEM. */
export function keyOf(name: string, label = 'PRIVATE KEY'): string {
  const lines = pki(`${name}.der`).match(/.{1,64}/gu) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}

export const CERTIFICATES = Object.keys(contents).filter((name) => name.endsWith('.crt'));
