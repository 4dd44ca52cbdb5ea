import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, inject, test } from 'vitest';
import { run } from '#src/exec/command.ts';
import { temporaryFolder } from '../cli/support/folder.ts';
import { PROGRAM } from '../cli/support/kokotap.ts';
import { LEAST_NODE } from '../cli/support/nodes.ts';
import type { Case } from './kubeconfigs/case.ts';
import { CASES } from './kubeconfigs/cases.ts';
import { CERTIFICATES, keyOf, pki } from './kubeconfigs/pki.ts';
import { Servers } from './kubeconfigs/servers.ts';

const LINE = ['--pod=web', '--dest-node=node-b', '--vxlan-id=100'];
const SERVICE_ACCOUNT = '/run/secrets/kubernetes.io/serviceaccount';

test.each(CASES.map((each): [string, string, Case] => [each.name, each.about, each]))(
  '%s: %s',
  async (_, __, { want = {}, ...given }) => {
    await using servers = new Servers();
    const ports = await start(servers, given);
    const work = await temporaryFolder();
    const folder = path.join(work, 'case');
    const fill = (text: string) =>
      Object.entries({ ...ports, '${DIR}': folder, '${PATH}': process.env['PATH'] ?? '' }).reduce(
        (filled, [name, value]) => filled.replaceAll(name, value),
        text,
      );
    await writeFiles(work, given, fill);
    const env = environment(work, given, ports, fill);
    const outcome = await runIn(work, given, env, fill);

    expect(outcome).toMatchObject({ exitCode: want.exit ?? 0 });
    for (const pattern of patterns(want.stdout))
      expect(outcome.stdout).toMatch(new RegExp(fill(pattern), 'u'));
    for (const pattern of patterns(want.stderr))
      expect(outcome.stderr).toMatch(new RegExp(fill(pattern), 'u'));
    for (const pattern of patterns(want.notStderr))
      expect(outcome.stderr).not.toMatch(new RegExp(pattern, 'u'));
    for (const pattern of patterns(want.seen))
      expect(servers.seen).toContainEqual(expect.stringMatching(new RegExp(fill(pattern), 'u')));
    for (const pattern of patterns(want.notSeen))
      expect(servers.seen).not.toContainEqual(expect.stringMatching(new RegExp(fill(pattern), 'u')));
    expect(servers.largestBytes).toBeLessThan(want.maxBytes ?? Infinity);
    expect(outcome.wordsBeforeEndMs).toBeGreaterThanOrEqual(want.wordsBeforeEndMs ?? 0);
    if (want.thenExit === 0)
      await run('env', [
        '-i',
        ...Object.entries(env).map((each) => each.join('=')),
        inject('kubectl'),
        'get',
        '--raw=/api/v1/namespaces/default/pods/web',
      ]);
  },
);

async function start(servers: Servers, { api, proxy, issuer }: Case): Promise<Record<string, string>> {
  const proxyPort = await (proxy ? servers.proxy(proxy) : servers.closedPort());
  return {
    API_PORT: String(await servers.api(api ?? { token: 'good' })),
    PROXY_PORT: String(proxyPort),
    ISSUER_PORT: String(issuer ? await servers.issuer(issuer) : 0),
  };
}

function patterns(given: string | readonly string[] | undefined): readonly string[] {
  return given === undefined ? [] : [given].flat();
}

type Fill = (text: string) => string;

/** The kubeconfig, what it refers to, and the certificates. */
async function writeFiles(work: string, given: Case, fill: Fill): Promise<void> {
  await mkdir(path.join(work, 'pki'));
  for (const name of CERTIFICATES) await writeFile(path.join(work, 'pki', name), pki(name));
  const encrypted = keyOf('client-enc.key', 'ENCRYPTED PRIVATE KEY');
  await writeFile(path.join(work, 'pki', 'client-enc.key'), encrypted);
  const kubeconfig = fill(given.text ?? JSON.stringify(kubeconfigOf(given)));
  await mkdir(path.join(work, 'case'));
  const bytes = given.isUtf16 ? Buffer.from(`\ufeff${kubeconfig}`, 'utf16le') : kubeconfig;
  await writeFile(path.join(work, 'case', 'kubeconfig'), bytes);
  for (const [name, content] of Object.entries(given.files ?? {})) {
    const file = path.join(work, 'case', name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, fill(content), { mode: 0o755 });
  }
  for (const [name, target] of Object.entries(given.links ?? {})) {
    const link = path.join(work, 'case', name);
    await mkdir(path.dirname(link), { recursive: true });
    await symlink(target, link);
  }
}

function kubeconfigOf({ cluster, user, context, more = {} }: Case): object {
  const usual = { server: 'https://127.0.0.1:API_PORT', 'certificate-authority': '../pki/ca.crt' };
  return {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster: cluster ?? usual }, ...(more.clusters ?? [])],
    users: [{ name: 'u', user: user ?? { token: 'good' } }, ...(more.users ?? [])],
    contexts: [{ name: 'x', context: context ?? { cluster: 'c', user: 'u' } }, ...(more.contexts ?? [])],
    'current-context': 'x',
  };
}

function environment(
  work: string,
  { env: given = {}, inPod = false }: Case,
  { API_PORT = '' }: Record<string, string>,
  fill: Fill,
): Record<string, string> {
  const pod = inPod ? { KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: API_PORT } : {};
  const usual = {
    PATH: process.env['PATH'] ?? '',
    HOME: path.join(work, 'home'),
    KUBECONFIG: path.join(work, 'case', 'kubeconfig'),
    KUBECTL: inject('kubectl'),
    ...pod,
  };
  const all = Object.entries({ ...usual, ...given });
  return Object.fromEntries(all.flatMap(([name, value]) => (value === null ? [] : [[name, fill(value)]])));
}

async function runIn(work: string, given: Case, env: Record<string, string>, fill: Fill) {
  const { args = LINE, inPod, tty, stdin, stdinOpen, firstWords } = given;
  const line = [LEAST_NODE, PROGRAM, ...args.map(fill)];
  const [program = '', ...rest] = inPod ? asInPod(work, line) : tty ? onTerminal(line) : line;
  const hasInput = tty === true || stdin !== undefined || stdinOpen === true;
  const child = spawn(program, rest, {
    cwd: work,
    env,
    stdio: [hasInput ? 'pipe' : 'ignore', 'pipe', 'pipe'],
  });
  const outcome = { stdout: '', stderr: '' };
  let firstMs = performance.now();
  let hasWords = false;
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (piece: string) => {
      outcome[name] += piece;
      if (hasWords || firstWords === undefined || !outcome[name].includes(firstWords)) return;
      hasWords = true;
      firstMs = performance.now();
    });
  }
  // On a terminal the answer is typed when the question can be seen.
  if (stdin !== undefined) setTimeout(() => child.stdin?.write(stdin), tty ? 500 : 0);
  await once(child, 'close');
  child.stdin?.destroy();
  return { ...outcome, exitCode: child.exitCode, wordsBeforeEndMs: performance.now() - firstMs };
}

function asInPod(work: string, line: readonly string[]): string[] {
  const script = `mount -t tmpfs tmpfs /run
    mkdir -p ${SERVICE_ACCOUNT}
    printf good >${SERVICE_ACCOUNT}/token
    printf team >${SERVICE_ACCOUNT}/namespace
    cp ${work}/pki/ca.crt ${SERVICE_ACCOUNT}/ca.crt
    exec "$@"`;
  return ['unshare', '--mount', 'sh', '-ec', script, 'sh', ...line];
}

function onTerminal(line: readonly string[]): string[] {
  return ['script', '-qec', line.map((word) => `'${word}'`).join(' '), '/dev/null'];
}
