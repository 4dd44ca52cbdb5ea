import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { CommandError, run } from '#src/exec/command.ts';

export type Node = 'node-a' | 'node-b' | 'node-c';
/** A machine of the lab; the bridge that is the underlay is in `control`. */
type Machine = Node | 'control';

/** The namespace of all that the benchmark makes. */
export const NAMESPACE = 'kokotap-bench';

export const ROOT = path.resolve(import.meta.dirname, '..');
export const KUBECTL = '/var/lib/kokotap-lab/kubectl';
export const KUBECONFIG = '/var/lib/kokotap-lab/kubeconfig';
export const IMAGE_ARCHIVE = path.join(ROOT, 'dist/kokotap-image.tar');
export const COMMAND_LINE = path.join(ROOT, 'dist/kokotap.js');

/** The lab's cluster, as the benchmark uses it. */
export class Lab {
  readonly #wasUp: boolean;
  readonly #resetUnderlay: () => Promise<void>;
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'kokotap-bench-'));
  #closing: Promise<void> | undefined;

  private constructor(wasUp: boolean, resetUnderlay: () => Promise<void>) {
    this.#wasUp = wasUp;
    this.#resetUnderlay = resetUnderlay;
  }

  /** @param resetUnderlay makes the network between the nodes be as it usually is */
  static async find(resetUnderlay: () => Promise<void>): Promise<Lab> {
    return new Lab(await isUp(), resetUnderlay);
  }

  /** Brings it up, loads the image and makes an empty namespace, whatever an earlier run may have left. */
  async open(): Promise<void> {
    // An empty cache is filled first, which takes minutes.
    if (!this.#wasUp) await script('up', [], 20 * 60_000);
    await script('load', [IMAGE_ARCHIVE], 120_000);
    await removeNamespace();
    await kubectl('create', 'namespace', NAMESPACE);
  }

  /** Leaves the lab as it was found; the underlay is as usual again. May be called more than once. */
  close(): Promise<void> {
    this.#closing ??= this.#leave();
    return this.#closing;
  }

  /** Writes a file of the benchmark's own, and returns its path. */
  file(name: string, content: string): string {
    const file = path.join(this.#folder, name);
    writeFileSync(file, content);
    return file;
  }

  async #leave(): Promise<void> {
    rmSync(this.#folder, { recursive: true, force: true });
    if (!this.#wasUp) {
      await script('down');
      return;
    }
    try {
      await removeNamespace();
    } finally {
      // Last, for a measure that a signal has ended may still have changed it: without its pods it goes no further.
      await this.#resetUnderlay();
    }
  }
}

/** Sets the MTU of the network between the nodes. */
export async function setUnderlayMtu(bytes: number): Promise<void> {
  await script('mtu', [String(bytes)]);
}

/** Runs kubectl in the benchmark's namespace and returns what it prints. */
export function kubectl(...args: string[]): Promise<string> {
  return run(KUBECTL, kubectlArgs(...args), { timeoutMs: 90_000 });
}

/** kubectl's arguments, with those that lead to the benchmark's namespace. */
export function kubectlArgs(...args: string[]): string[] {
  return ['--kubeconfig', KUBECONFIG, '--namespace', NAMESPACE, ...args];
}

/** Runs a command on a node, in the node's own network, and returns what it prints. */
export function onNode(node: Machine, ...command: string[]): Promise<string> {
  return script('exec', [node, ...command]);
}

function script(name: string, args: readonly string[] = [], timeoutMs = 60_000): Promise<string> {
  return run(path.join(ROOT, 'lab', name), args, { timeoutMs });
}

async function isUp(): Promise<boolean> {
  try {
    await script('status');
    return true;
  } catch (error) {
    if (error instanceof CommandError && error.exitCode === 1) return false;
    throw error;
  }
}

async function removeNamespace(): Promise<void> {
  await kubectl('delete', 'namespace', NAMESPACE, '--ignore-not-found');
}
