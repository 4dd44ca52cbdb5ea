import { UserError } from '#src/errors.ts';
import { readNodeAddresses } from '#src/net/nodeAddresses.ts';
import { foreignAddress } from '#src/tap/path/foreignAddress.ts';
import type { Vxlan, Desired } from '#src/tap/state.ts';
import type { Timing } from '#src/agent/timing.ts';

/** Sees to it that the tap's address of this node is the node's: without it, no packet leaves and no other end answers. */
export class OwnAddress {
  readonly #role: Desired['role'];
  readonly #local: string;
  readonly #periodMs: number;
  #checkAt = 0;

  constructor({ role }: Pick<Desired, 'role'>, { local }: Vxlan, { pathCheckMs }: Timing) {
    this.#role = role;
    this.#local = local;
    this.#periodMs = pathCheckMs;
  }

  /**
   * Looks, if it is time to.
   *
   * @throws {UserError} when the node does not have the address
   */
  async check(): Promise<void> {
    if (performance.now() < this.#checkAt) return;
    const message = foreignAddress(this.#role, this.#local, await readNodeAddresses());
    if (message !== undefined) throw new UserError(message);
    this.#checkAt = performance.now() + this.#periodMs;
  }
}
