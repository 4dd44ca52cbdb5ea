import { type ChildProcess, spawn } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { clientInCluster } from '#src/controller/api/inCluster.ts';
import { Objects } from '#src/controller/api/objects.ts';
import { run } from '#src/exec/command.ts';

/** What a machine that has nothing yet takes to build a part of the lab. */
const buildMs = 1_800_000;
const startsWithinMs = 120_000;
const lookMs = 100;

const PORT = 6443;

/** A real API server and its etcd, without nodes: whatever is written is what somebody writes by hand. */
export class ApiServer {
  readonly folder: string;
  readonly host: string;
  readonly objects: Objects;
  readonly #processes: ChildProcess[];

  static async start(): Promise<ApiServer> {
    const [etcd, apiServer] = await Promise.all([
      program('etcd', 'etcd'),
      program('kubernetes', 'kube-apiserver'),
    ]);
    const folder = mkdtempSync(path.join(tmpdir(), 'kokotap-api-'));
    const host = ownLoopback();
    const etcdUrl = `http://${host}:2379`;
    const peerUrl = `http://${host}:2380`;
    const { privateKey, publicKey } = generateKeyPairSync('ec', {
      namedCurve: 'P-256',
      privateKeyEncoding: { type: 'sec1', format: 'pem' },
      publicKeyEncoding: { type: 'spki', format: 'pem' },
    });
    const file = (name: string, text?: string) => {
      const full = path.join(folder, name);
      if (text !== undefined) writeFileSync(full, text);
      return full;
    };
    const processes = [
      start(etcd, [
        `--data-dir=${file('etcd')}`,
        `--listen-client-urls=${etcdUrl}`,
        `--advertise-client-urls=${etcdUrl}`,
        `--listen-peer-urls=${peerUrl}`,
        `--initial-advertise-peer-urls=${peerUrl}`,
        `--initial-cluster=default=${peerUrl}`,
        '--unsafe-no-fsync',
      ]),
      start(apiServer, [
        `--etcd-servers=${etcdUrl}`,
        `--bind-address=${host}`,
        `--secure-port=${PORT}`,
        `--cert-dir=${folder}`,
        '--service-cluster-ip-range=10.0.0.0/24',
        '--service-account-issuer=https://kubernetes.default.svc',
        `--service-account-key-file=${file('service-account.pub', publicKey)}`,
        `--service-account-signing-key-file=${file('service-account.key', privateKey)}`,
        `--token-auth-file=${file('tokens.csv', 'admin,admin,admin,system:masters\n')}`,
        '--authorization-mode=RBAC',
        '--allow-privileged',
        '--disable-admission-plugins=ServiceAccount',
      ]),
    ];
    file('token', 'admin');
    file('kubeconfig', kubeconfigOf(folder, host));
    try {
      return new ApiServer(folder, host, await objectsOf(folder, host), processes);
    } catch (error) {
      await end(processes, folder);
      throw error;
    }
  }

  private constructor(folder: string, host: string, objects: Objects, processes: ChildProcess[]) {
    this.folder = folder;
    this.host = host;
    this.objects = objects;
    this.#processes = processes;
  }

  /** With the rights of an administrator. */
  get kubeconfig(): string {
    return path.join(this.folder, 'kubeconfig');
  }

  /** Has Kubernetes' own controllers make the pods of workloads. */
  async startWorkloads(): Promise<void> {
    const manager = await program('kubernetes', 'kube-controller-manager');
    const names = ['deployment', 'replicaset', 'statefulset', 'daemonset', 'job'];
    this.#processes.push(
      start(manager, [
        `--kubeconfig=${this.kubeconfig}`,
        `--controllers=${names.map((name) => `${name}-controller`).join(',')}`,
        `--bind-address=${this.host}`,
        `--cert-dir=${this.folder}/workloads`,
        '--leader-elect=false',
      ]),
    );
  }

  /** The environment in which a controller finds it. */
  get env(): NodeJS.ProcessEnv {
    return {
      PATH: process.env['PATH'],
      KUBERNETES_SERVICE_HOST: this.host,
      KUBERNETES_SERVICE_PORT: String(PORT),
      KOKOTAP_TOKEN_FOLDER: this.folder,
      POD_NAMESPACE: 'kokotap',
    };
  }

  /** Stops it, or lets it go on: its connections stay. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#processes[1]?.kill(signal);
  }

  async stop(): Promise<void> {
    await end(this.#processes, this.folder);
  }
}

async function end(processes: readonly ChildProcess[], folder: string): Promise<void> {
  for (const child of processes.toReversed()) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }
  rmSync(folder, { recursive: true });
}

/** The objects of a server that has just been started, once it is ready. */
async function objectsOf(folder: string, host: string): Promise<Objects> {
  const certificate = path.join(folder, 'apiserver.crt');
  await until('the API server has a certificate', () => existsSync(certificate));
  copyFileSync(certificate, path.join(folder, 'ca.crt'));
  const api = await clientInCluster({ host, port: String(PORT), folder });
  await until('the API server is ready', async () => {
    const ready = { method: 'GET', path: '/readyz', accept: '*/*' } as const;
    return api.ask(ready).then(
      ({ status }) => status === 200,
      () => false,
    );
  });
  return new Objects(api, () => {});
}

function kubeconfigOf(folder: string, host: string): string {
  const cluster = {
    server: `https://${host}:${PORT}`,
    'certificate-authority': path.join(folder, 'ca.crt'),
  };
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'api', cluster }],
    users: [{ name: 'admin', user: { token: 'admin' } }],
    contexts: [{ name: 'api', context: { cluster: 'api', user: 'admin' } }],
    'current-context': 'api',
  });
}

/** Not vitest's: benchmarks have an API server too. */
async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const endMs = performance.now() + startsWithinMs;
  while (!(await isSo())) {
    if (performance.now() > endMs) throw new Error(`it never came to this: ${what}`);
    await sleep(lookMs);
  }
}

async function program(part: string, name: string): Promise<string> {
  return (await run(path.resolve('lab/program'), [part, name], { timeoutMs: buildMs })).trim();
}

function start(file: string, args: readonly string[]): ChildProcess {
  return spawn(file, args, { stdio: 'ignore' });
}

/** An address of this machine that nobody else has chosen: servers of tests that run at once have the same ports. */
function ownLoopback(): string {
  return `127.${[...randomBytes(3)].map((byte) => 1 + (byte % 254)).join('.')}`;
}

/** One that nobody has at the moment. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  await once(server.close(), 'close');
  return port;
}
