import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf, UserError } from '#src/errors.ts';
import type { KubeApi } from '#src/kube/kubeApi.ts';
import { madeSchema } from '#src/kube/schemas.ts';
import { CONFIRMATION } from '#src/pods/unconfirmed.ts';
import { quote } from '../text.ts';

/** The pods have 30 s to take away what they made in the kernel. */
const LONGEST_MS = 60_000;
const LOOK_MS = 300;

/** A pod to be made, or made. */
interface PodObject {
  readonly metadata: { readonly name: string; readonly namespace: string };
}

interface MadePod {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/** Pods that this command has made, and can take away again. */
export class MadePods {
  readonly #api: KubeApi;
  readonly #made: MadePod[] = [];

  constructor(api: KubeApi) {
    this.#api = api;
  }

  get uids(): ReadonlySet<string> {
    return new Set(this.#made.map(({ uid }) => uid));
  }

  /** Makes one. It is not interrupted, so that it is known whether it was made. */
  async make(object: PodObject): Promise<void> {
    const { namespace } = object.metadata;
    const { metadata } = await this.#api.create({ kind: 'pods', namespace }, object, madeSchema);
    this.#made.push({ namespace, ...metadata });
  }

  /** Says that they are wanted: without that their agents take the tap away after a while. */
  async confirm(): Promise<void> {
    await Promise.all(
      this.#made.map(({ namespace, name }) =>
        this.#api.patch({ kind: 'pods', namespace, name }, CONFIRMATION),
      ),
    );
  }

  /**
   * Takes all of them away, in the order in which they were made, and waits until they are gone. A pod that has got the name of
   * one since is left alone.
   *
   * @throws {UserError} with what is left
   */
  async takeAway(): Promise<void> {
    const failures: string[] = [];
    for (const { uid, ...pod } of this.#made)
      await this.#api.delete({ kind: 'pods', ...pod }, uid).catch((error: unknown) => {
        failures.push(messageOf(error));
      });
    const left = failures.length > 0 ? this.#made : await this.#stillThere();
    const [first] = left;
    if (first === undefined) return;
    const names = left.map(({ name }) => quote(name)).join(', ');
    throw new UserError(
      `What was made could not be taken away${failures.length > 0 ? ` (${failures.join('; ')})` : ` within ${LONGEST_MS / 1000} s`}: pods ${names}; delete them: kubectl delete pod -n ${first.namespace} ${left.map(({ name }) => name).join(' ')}`,
    );
  }

  /** What is left after a while. */
  async #stillThere(): Promise<readonly MadePod[]> {
    const endMs = performance.now() + LONGEST_MS;
    for (let left: readonly MadePod[] = this.#made; ;) {
      const found = await Promise.all(
        left.map(async (pod) => {
          const { namespace, name } = pod;
          const there = await this.#api.get({ kind: 'pods', namespace, name }, madeSchema);
          return there?.metadata.uid === pod.uid ? [pod] : [];
        }),
      );
      left = found.flat();
      if (left.length === 0 || performance.now() > endMs) return left;
      await sleep(LOOK_MS);
    }
  }
}
