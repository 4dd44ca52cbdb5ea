import { execa } from 'execa';
import { adminKubeconfig, kokotapProgram, kubectlProgram, nodeProgram } from './lab.ts';
import type { Pod } from './pod.ts';
import { until } from './until.ts';

/** A running `kokotap capture`. */
export class CapturingCommand {
  readonly #process;
  stderr = '';

  constructor(namespace: string, ...args: string[]) {
    // Another test may have made the namespace that captures prefer.
    const places = ['-n', namespace, `--tap-namespace=${namespace}`];
    this.#process = execa(process.execPath, [kokotapProgram, 'capture', ...places, ...args], {
      env: { KUBECONFIG: adminKubeconfig, KUBECTL: kubectlProgram },
      reject: false,
      timeout: 300_000,
    });
    this.#process.stderr.on('data', (chunk: Buffer) => (this.stderr += chunk.toString()));
  }

  /** Waits until it has said something. */
  async said(words: string): Promise<void> {
    await until(`the capture says ${words}: ${this.stderr}`, async () => this.stderr.includes(words));
  }

  /** Ends it with a signal; the exit code. */
  async end(signal: 'SIGINT' | 'SIGKILL'): Promise<number | undefined> {
    this.#process.kill(signal);
    return (await this.#process).exitCode;
  }
}

/** A tcpdump in a pod's network, started by the node. */
export class NodeDump {
  readonly #process;
  #stderr = '';

  private constructor(node: string, pid: string, filter: string) {
    const tcpdump = ['tcpdump', '-i', 'eth0', '-s', '0', '-U', '-Z', 'root', '-w', '-', filter];
    this.#process = execa(nodeProgram, [node, 'nsenter', `--net=/proc/${pid}/ns/net`, ...tcpdump], {
      encoding: 'buffer',
      reject: false,
    });
    this.#process.stderr.on('data', (chunk: Buffer) => (this.#stderr += chunk.toString()));
  }

  /** Returns when it listens. */
  static async start(pod: Pod, filter: string): Promise<NodeDump> {
    const dump = new NodeDump(pod.node, await pod.pid(), filter);
    await until('tcpdump listens', async () => dump.#stderr.includes('listening on'));
    return dump;
  }

  /** What it has written when that has been nothing more for a while. */
  async end(): Promise<Uint8Array> {
    this.#process.kill('SIGINT');
    return (await this.#process).stdout;
  }
}
