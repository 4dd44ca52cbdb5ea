import { setTimeout as sleep } from 'node:timers/promises';
import { run } from '#src/exec/command.ts';
import { joinedDeviceName } from '#src/tap/ownership/mark.ts';
import { COMMAND_LINE, KUBECONFIG, KUBECTL, kubectl, type Lab, NAMESPACE, type Node } from '../lab.ts';
import { MIRROR } from '../counters.ts';
import { TARGET } from '../pods.ts';

/** The flags that print the benchmark's tap, of both directions. */
export function tapFlags(destination: Node, fast = false): string[] {
  return [
    ...(fast ? ['--fast-path'] : []),
    `--kubeconfig=${KUBECONFIG}`,
    `--kubectl=${KUBECTL}`,
    `--namespace=${NAMESPACE}`,
    `--pod=${TARGET}`,
    `--dest-node=${destination}`,
    `--ifname=${MIRROR}`,
  ];
}

/** `joined`: as that of one of several endpoints; `fast`: its copies go past the IP stack of the target's node. */
type Kind = 'usual' | 'joined' | 'fast';

/** A tap of the target, printed by the command line. */
export class Tap {
  readonly #manifests: string;
  readonly id: string;
  /** The device that copies come to. */
  readonly receivingDevice: string;

  private constructor(manifests: string, id: string, receivingDevice: string) {
    this.#manifests = manifests;
    this.id = id;
    this.receivingDevice = receivingDevice;
  }

  /** @param kind `joined`: its receiver's device is joined into the mirror interface, as that of one of several endpoints is */
  static async print(lab: Lab, destination: Node, kind: Kind = 'usual'): Promise<Tap> {
    const yaml = await run(process.execPath, [COMMAND_LINE, ...tapFlags(destination, kind === 'fast')]);
    const id = /"tapId":"([0-9a-f]+)"/.exec(yaml)?.[1];
    if (id === undefined) throw new Error(`The printed tap has no id:\n${yaml}`);
    if (kind !== 'joined') return new Tap(lab.file('tap.yaml', yaml), id, MIRROR);
    const own = '"kind":"Receiver"';
    if (!yaml.includes(own)) throw new Error(`The printed tap has no receiver:\n${yaml}`);
    const changed = yaml.replace(own, `${own},"joined":true`);
    return new Tap(lab.file('tap.yaml', changed), id, joinedDeviceName(id));
  }

  async create(): Promise<void> {
    await kubectl('create', '--filename', this.#manifests);
  }

  async ready(): Promise<void> {
    await kubectl('wait', '--for=condition=Ready', '--filename', this.#manifests, '--timeout=30s');
  }

  /** Waits until copies go past the IP stack of the target's node. */
  async goesPast(): Promise<void> {
    const deadline = performance.now() + 30_000;
    const log = () => kubectl('logs', '--selector', `kokotap.dev/tap=${this.id},kokotap.dev/role=sender`);
    while (!(await log()).includes('copies go past the IP stack of the node')) {
      if (performance.now() > deadline) throw new Error(`Copies do not go the fast path:\n${await log()}`);
      await sleep(250);
    }
  }

  async delete(): Promise<void> {
    await kubectl('delete', '--filename', this.#manifests);
  }
}

/** Does something while a tap to a node is there and ready. */
export async function whileTapped<T>(
  lab: Lab,
  destination: Node,
  action: (tap: Tap) => Promise<T>,
  kind: Kind = 'usual',
): Promise<T> {
  const tap = await Tap.print(lab, destination, kind);
  await tap.create();
  await tap.ready();
  if (kind === 'fast') await tap.goesPast();
  const result = await action(tap);
  await tap.delete();
  return result;
}
