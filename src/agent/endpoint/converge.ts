import { UserError } from '#src/errors.ts';
import { CommandError, type RunOptions } from '#src/exec/command.ts';
import { isDeviceGone } from '#src/net/gone.ts';
import type { Netns } from '#src/net/netns.ts';
import type { TapObject } from '#src/net/objects.ts';
import { type Applied, applySteps, type StepOptions } from '#src/net/steps.ts';
import { planEmptied } from '#src/tap/plan/emptied.ts';
import { planRemoval, planUndo } from '#src/tap/plan/removal.ts';
import { planRepairs } from '#src/tap/plan/repair.ts';
import { surroundingsOf } from '#src/tap/plan/surroundings.ts';
import { loadFailure } from '#src/tap/programs/loadFailure.ts';
import { isEbpf, isLongFilter } from '#src/tap/programs/names.ts';
import type { Observed, Step, Desired } from '#src/tap/state.ts';
import { targetLinks } from '#src/tap/targets.ts';
import type { HookOrder } from './hookOrder.ts';
import { leaseFromNow } from './leaseKeeper.ts';
import { observe } from './observe.ts';
import type { Disturbance } from './restraint.ts';

/** How a convergence ended. */
export interface Outcome {
  readonly steps: readonly Step[];
  /** What was observed in the end. */
  readonly observed: Observed;
  /** The interfaces whose clsact qdisc the agent made, now or before. */
  readonly ownQdiscs: ReadonlySet<string>;
  /** The other half of the veth pair on the same node is up, or the device is a VXLAN device. */
  readonly carrier: boolean;
  /** What has to appear first; undefined when the end is as desired. */
  readonly missing: string | undefined;
  /** Why the end does without the eBPF programs; undefined when it need not. */
  readonly withoutObject: string | undefined;
  /** The largest MTU in bytes of the interfaces whose packets are copied; undefined when there is none. */
  readonly copiedMtuBytes: number | undefined;
}

/** Options of all commands. A signal that ends them leaves everything as it is by then, for who gave it to remove. */
export interface ConvergeOptions extends RunOptions {
  /** As {@link StepOptions} has it. */
  readonly otherHalf: StepOptions['otherHalf'];
  /** How long the programs that are loaded may work without being told to go on. */
  readonly leaseMs: number;
  /** The object of the programs. */
  readonly object: TapObject | undefined;
  /** Goes before others' programs. */
  readonly ahead: Pick<HookOrder, 'isRefused' | 'follow'>;
  /**
   * Told of the qdiscs that are the tap's own, those about to be made among them: an interrupted command does not say how
   * far it got.
   */
  readonly onOwnQdiscs: (ownQdiscs: ReadonlySet<string>) => void;
  /** Told when a qdisc of a target interface was made in vain. */
  readonly onDisturbance: (disturbance: Disturbance) => void;
}

/** State is read back after a change, never assumed; whoever changes it against us more often than this is told so. */
const maxRounds = 4;
/** So often it goes before others' programs, or back. */
const maxMoves = 2;

/**
 * Makes this end of the tap be as desired: observe, plan, change, until there is nothing left to change. When a change
 * fails, what was made here is taken away again, and nothing that stood before.
 *
 * @throws {UserError} when something that is not ours is in the way
 * @throws {CommandError}
 */
export async function converge(
  netns: Netns,
  desired: Desired,
  { leaseMs, object: files, onOwnQdiscs, onDisturbance, ahead, ...options }: ConvergeOptions,
): Promise<Outcome> {
  const done: Step[] = [];
  let { ownQdiscs, object } = desired;
  let withoutObject: string | undefined;
  let settled = true;
  let before: string | undefined;
  let first: Observed | undefined;
  let moves = 0;
  for (let round = 1; ; round++) {
    const observed = await observe(netns, desired);
    first ??= observed;
    const targets = targetLinks(desired.copies, observed);
    const seen = targets.map(({ name, mac }) => `${name} ${mac}`).join();
    settled &&= before === undefined || seen === before;
    before = seen;
    // A qdisc goes with its interface; one of that name that comes later is another.
    ownQdiscs = new Set(observed.links.flatMap(({ name }) => (ownQdiscs.has(name) ? [name] : [])));
    const now = { ...desired, ownQdiscs, object, staysBehind: ahead.isRefused };
    const plan = planRepairs(now, observed);
    const isMade = plan.steps.length === 0;
    if (isMade && moves < maxMoves && (await ahead.follow(now, observed))) {
      moves++;
      round = 0;
      continue;
    }
    // Those of a node's pods may come and go all the time: that is a reason to look again soon, as their changes are.
    if (isMade || (round > maxRounds && !settled)) {
      const carrier = observed.links.find(({ name }) => name === desired.ifname)?.carrier === true;
      const mtus = targets.map(({ mtuBytes }) => mtuBytes);
      const copiedMtuBytes = mtus.length === 0 ? undefined : Math.max(...mtus);
      const { missing } = plan;
      return { steps: done, observed, ownQdiscs, carrier, missing, withoutObject, copiedMtuBytes };
    }
    if (round > maxRounds) throw new Error(undoneAgain(done.at(-1)));
    try {
      const loads = plan.steps.some((step) => 'filter' in step && isEbpf(step.filter.program));
      if (object !== undefined && loads) files?.write(leaseFromNow(desired.id, leaseMs));
      onOwnQdiscs(withMade(ownQdiscs, plan.steps, desired));
      const applied = await applySteps(netns, plan.steps, { ...options, tap: desired.id });
      done.push(...applied.done);
      ownQdiscs = withoutDeleted(withMade(ownQdiscs, applied.done, desired), applied.done);
      onOwnQdiscs(ownQdiscs);
      const [failure] = applied.failures;
      if (failure === undefined) continue;
      const reason = whyNotLoaded(failure.step, failure.error);
      const isTarget = targets.some(({ name }) => name === failure.step.link);
      if (reason !== undefined) {
        if (isLongFilterOf(failure.step)) throw failure.error;
        if (desired.needsObject) throw needsObject(reason, failure.error);
        withoutObject = reason;
        object = undefined;
      } else if (isTarget && isDeviceGone(failure.error.message)) {
        settled = false;
      } else if (isMeeting(failure, desired) && round < maxRounds) {
        continue; // another endpoint made or removed what both are joined into: look again
      } else {
        throw failure.error;
      }
    } catch (error) {
      if (options.signal?.aborted !== true) {
        const undone = await undo(netns, { ...desired, ownQdiscs }, first, options);
        if (undone.some((step) => step.do === 'delete clsact' && step.link !== desired.ifname))
          onDisturbance({
            error,
            surroundings: surroundingsOf(desired, first),
            look: async () => surroundingsOf(desired, await observe(netns, desired)),
          });
      }
      throw error;
    }
  }
}

/** Whether a step failed for what the endpoint is joined into came or went meanwhile. */
function isMeeting({ step, error }: Applied['failures'][number], { joinedInto }: Desired): boolean {
  if (joinedInto === undefined) return false;
  if (!error.message.includes('exists') && !isDeviceGone(error.message)) return false;
  const redirects =
    'filter' in step && typeof step.filter.action === 'object' && 'redirectTo' in step.filter.action;
  return step.link === joinedInto || redirects;
}

/** With those of targets that some steps make. */
function withMade(
  ownQdiscs: ReadonlySet<string>,
  steps: readonly Step[],
  { ifname, joinedInto }: Desired,
): ReadonlySet<string> {
  const made = steps.filter(
    (step) => step.do === 'add clsact' && step.link !== ifname && step.link !== joinedInto,
  );
  return new Set([...ownQdiscs, ...made.map(({ link }) => link)]);
}

/** One that another makes later is not the tap's own. */
function withoutDeleted(ownQdiscs: ReadonlySet<string>, steps: readonly Step[]): ReadonlySet<string> {
  const deleted = new Set(steps.flatMap((step) => (step.do === 'delete clsact' ? [step.link] : [])));
  return new Set([...ownQdiscs].filter((link) => !deleted.has(link)));
}

function undoneAgain(step: Step | undefined): string {
  return `The tap does not stay as it was made: ${step?.do ?? ''} ${step?.link ?? ''} was undone ${maxRounds} times at once; find what else changes that interface`;
}

/**
 * Why an eBPF program could not be loaded; undefined when a step failed for anything else. A tap without these programs
 * works: that they cannot be loaded is no reason to have none, unless the user asked for what they do.
 */
function whyNotLoaded(step: Step, error: CommandError | UserError): string | undefined {
  const isProgram = 'filter' in step && isEbpf(step.filter.program);
  return isProgram && error instanceof CommandError ? loadFailure(error.stderr) : undefined;
}

/** It is not one of the programs that a tap can do without. */
function isLongFilterOf(step: Step): boolean {
  return 'filter' in step && isLongFilter(step.filter.program);
}

function needsObject(reason: string, cause: Error): UserError {
  return new UserError(
    `--snaplen, --sample and --max-rate need eBPF, which this node does not let the sender load: ${reason}`,
    { cause },
  );
}

async function undo(
  netns: Netns,
  desired: Desired,
  before: Observed,
  options: RunOptions,
): Promise<readonly Step[]> {
  const steps = planUndo(desired, before, await observe(netns, desired));
  const { failures } = await applySteps(netns, steps, { ...options, tap: desired.id, force: true });
  const [failure] = failures;
  if (failure !== undefined) throw failure.error;
  return steps;
}

/** A removal may take longer than other commands: many interfaces, and a node without spare CPU. */
const removalTimeoutMs = 60_000;

/**
 * Takes away what is the tap's own, and nothing else.
 *
 * @param known what was observed last, if nothing has changed since: then there is no need to look first
 * @throws {CommandError} when something stays that cannot be removed
 */
export async function remove(
  netns: Netns,
  desired: Desired,
  options: RunOptions,
  known?: Observed,
): Promise<readonly Step[]> {
  const removing = { ...options, tap: desired.id, timeoutMs: removalTimeoutMs, force: true };
  const done: Step[] = [];
  for (let round = 1; ; round++) {
    try {
      const isKnown = known !== undefined && round === 1;
      const observed = isKnown ? known : await observe(netns, desired);
      const steps = [...planRemoval(desired, observed), ...planEmptied(done, observed)];
      const applied = await applySteps(netns, steps, removing);
      done.push(...applied.done);
      const [failure] = applied.failures;
      if (failure !== undefined) throw failure.error;
      if (!applied.done.some((step) => isSharedIn(step, desired))) return done;
    } catch (error) {
      // On the same node both agents remove one veth pair: look again, and give up only when it is still there.
      if (round >= maxRounds) throw error;
    }
  }
}

/** Whether others may have left what the step was on at the same moment, so that the last one has to look again. */
function isSharedIn(step: Step, { ifname, joinedInto }: Desired): boolean {
  return step.do === 'delete filter' || (joinedInto !== undefined && step.link === ifname);
}
