import { UserError } from '#src/errors.ts';
import { applyStep } from '#src/net/steps.ts';
import type { Netns } from '#src/net/netns.ts';
import { planRemoval, planRepairs } from '#src/tap/plan.ts';
import { isEbpf, loadFailure } from '#src/tap/programs.ts';
import type { Step, Wanted } from '#src/tap/state.ts';
import { targetLinks } from '#src/tap/targets.ts';
import { CommandError, type RunOptions } from '#src/exec/command.ts';
import { isThere, observe } from './observe.ts';

/** How a convergence ended. */
export interface Outcome {
  readonly steps: readonly Step[];
  /** The interfaces whose clsact qdisc the agent made, now or before. */
  readonly ownQdiscs: ReadonlySet<string>;
  /** The other half of the veth pair on the same node is up, or the device is a VXLAN device. */
  readonly carrier: boolean;
  /** What has to appear first; undefined when the end is as wanted. */
  readonly missing: string | undefined;
  /** Why the end does without the eBPF programs; undefined when it need not. */
  readonly withoutObject: string | undefined;
  /** The largest MTU in bytes of the interfaces whose packets are copied; undefined when there is none. */
  readonly copiedMtuBytes: number | undefined;
}

/** State is read back after a change, never assumed; whoever changes it against us more often than this is told so. */
const maxRounds = 4;

/**
 * Makes this end of the tap be as wanted: observe, plan, change, until there is nothing left to change. When a change
 * fails, what was made is taken away again.
 *
 * @throws {UserError} when something that is not ours is in the way
 * @throws {CommandError}
 */
export async function converge(netns: Netns, wanted: Wanted, options: RunOptions): Promise<Outcome> {
  const done: Step[] = [];
  let { ownQdiscs, object } = wanted;
  let withoutObject: string | undefined;
  let settled = true;
  let before: string | undefined;
  for (let round = 1; ; round++) {
    const observed = await observe(netns, wanted);
    const targets = targetLinks(wanted.copies, observed);
    const seen = targets.map(({ name, mac }) => `${name} ${mac}`).join();
    settled &&= before === undefined || seen === before;
    before = seen;
    // A qdisc goes with its interface; one of that name that comes later is another.
    ownQdiscs = new Set(observed.links.flatMap(({ name }) => (ownQdiscs.has(name) ? [name] : [])));
    const plan = planRepairs({ ...wanted, ownQdiscs, object }, observed);
    // Those of a node's pods may come and go all the time: that is a reason to look again soon, as their changes are.
    if (plan.steps.length === 0 || (round > maxRounds && !settled)) {
      const carrier = observed.links.find(({ name }) => name === wanted.ifname)?.carrier === true;
      const mtus = targets.map(({ mtuBytes }) => mtuBytes);
      const copiedMtuBytes = mtus.length === 0 ? undefined : Math.max(...mtus);
      return { steps: done, ownQdiscs, carrier, missing: plan.missing, withoutObject, copiedMtuBytes };
    }
    if (round > maxRounds) throw new Error(undone(done.at(-1)));
    let at: Step | undefined;
    try {
      for (const step of plan.steps) {
        at = step;
        const failure = await applyOrDoWithout(netns, step, wanted, options);
        if (failure !== undefined) {
          withoutObject = failure;
          object = undefined;
          break;
        }
        done.push(step);
        if (step.do === 'add clsact' && step.link !== wanted.ifname)
          ownQdiscs = new Set([...ownQdiscs, step.link]);
      }
    } catch (error) {
      const target = targets.find(({ name }) => name === at?.link);
      if (target !== undefined && !(await isThere(netns, target))) {
        settled = false;
        continue;
      }
      await remove(netns, { ...wanted, ownQdiscs }, options);
      throw error;
    }
  }
}

function undone(step: Step | undefined): string {
  return `The tap does not stay as it was made: ${step?.do ?? ''} ${step?.link ?? ''} was undone ${maxRounds} times at once; find what else changes that interface`;
}

/**
 * Makes a change. A tap without the eBPF programs is plain, but it works: where they cannot be loaded, that is no reason
 * to have none, unless the user asked for what they do.
 *
 * @returns why the programs cannot be loaded; undefined: the change is made
 */
async function applyOrDoWithout(
  netns: Netns,
  step: Step,
  { needsObject }: Wanted,
  options: RunOptions,
): Promise<string | undefined> {
  try {
    await applyStep(netns, step, options);
    return undefined;
  } catch (error) {
    if (!(error instanceof CommandError && step.do === 'add filter' && isEbpf(step.filter.program)))
      throw error;
    const reason = loadFailure(error.stderr) || error.message;
    if (!needsObject) return reason;
    throw new UserError(
      `--snaplen, --sample and --max-rate need eBPF, which this node does not let the sender load: ${reason}`,
      { cause: error },
    );
  }
}

/**
 * Takes away what is the tap's own, and nothing else.
 *
 * @throws {CommandError} when something stays that cannot be removed
 */
export async function remove(netns: Netns, wanted: Wanted, options: RunOptions): Promise<readonly Step[]> {
  const done: Step[] = [];
  for (let round = 1; ; round++) {
    try {
      const steps = planRemoval(wanted, await observe(netns, wanted));
      if (steps.length === 0) return done;
      for (const step of steps) {
        await applyStep(netns, step, options);
        done.push(step);
      }
    } catch (error) {
      // On the same node both agents remove one veth pair: look again, and give up only when it is still there.
      if (round >= maxRounds) throw error;
    }
  }
}
