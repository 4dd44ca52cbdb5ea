import { applyStep } from '#src/net/steps.ts';
import type { Netns } from '#src/net/netns.ts';
import { planRemoval, planRepairs } from '#src/tap/plan.ts';
import type { Step, Wanted } from '#src/tap/state.ts';
import { CommandError, type RunOptions } from '#src/exec/command.ts';
import { observe } from './observe.ts';

/** How a convergence ended. */
export interface Outcome {
  readonly steps: readonly Step[];
  /** The agent made the target interface's clsact qdisc, now or before. */
  readonly ownsQdisc: boolean;
  /** The other half of the veth pair on the same node is up, or the device is a VXLAN device. */
  readonly carrier: boolean;
  /** What has to appear first; undefined when the end is as wanted. */
  readonly missing: string | undefined;
  /** Why the end does without the program that makes copies fit; undefined when it need not. */
  readonly unfitted: string | undefined;
  /** MTU in bytes of the interface whose packets are copied; undefined when there is none. */
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
  let { ownsQdisc, fitting } = wanted;
  let unfitted: string | undefined;
  for (let round = 0; round < maxRounds; round++) {
    const observed = await observe(netns, wanted);
    const plan = planRepairs({ ...wanted, ownsQdisc, fitting }, observed);
    if (plan.steps.length === 0) {
      const named = (name: string | undefined) => observed.links.find((link) => link.name === name);
      const carrier = named(wanted.ifname)?.carrier === true;
      const copiedMtuBytes = named(wanted.copies?.from)?.mtuBytes;
      return { steps: done, ownsQdisc, carrier, missing: plan.missing, unfitted, copiedMtuBytes };
    }
    try {
      for (const step of plan.steps) {
        if (step.do === 'add program') {
          unfitted = await reasonOfFailure(() => applyStep(netns, step, options));
          if (unfitted !== undefined) {
            fitting = undefined;
            continue;
          }
        } else {
          await applyStep(netns, step, options);
        }
        done.push(step);
        if (step.do === 'add clsact' && step.link === wanted.copies?.from) ownsQdisc = true;
      }
    } catch (error) {
      await remove(netns, { ...wanted, ownsQdisc }, options);
      throw error;
    }
  }
  throw new Error(
    `The tap does not stay as it was made: ${done.at(-1)?.do ?? ''} ${done.at(-1)?.link ?? ''} was undone ${maxRounds} times at once; find what else changes that interface`,
  );
}

/** A tap without the program is plain, but it works: where eBPF cannot be loaded, that is no reason to have none. */
async function reasonOfFailure(load: () => Promise<void>): Promise<string | undefined> {
  try {
    await load();
    return undefined;
  } catch (error) {
    if (error instanceof CommandError) return error.message;
    throw error;
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
