import { UsageError } from '#src/errors.ts';
import type { Typed } from '../commands/command.ts';
import type { Flag } from '../flags.ts';
import { checked, checkSettings, type TapSettings, valuesOf } from '../options.ts';
import { parseTarget, type TargetWord } from '../targets/targetWord.ts';
import { quote } from '../text.ts';
import { CREATE_FLAGS, FORMS } from './flags.ts';
import { type TapObject, tapObject } from './tapObject.ts';
import { parseDestination } from './destinationWord.ts';

const DEFAULT_TIMEOUT_SECONDS = 60;

/** What `kokotap create` is asked for. */
export interface CreateOptions {
  readonly words: readonly TargetWord[];
  /** As `kubectl -l` takes it. */
  readonly labels: string | undefined;
  /** Of the targets; undefined: that of the context. */
  readonly namespace: string | undefined;
  readonly settings: TapSettings;
  /** The mirror interface's name is the user's choice. */
  readonly namesMirror: boolean;
  readonly wait: boolean;
  readonly timeoutMs: number;
  readonly dryRun: boolean;
  readonly form: (typeof FORMS)[number] | undefined;
  readonly quiet: boolean;
  /** The Tap to make instead of pods. */
  readonly persistent: TapObject | undefined;
}

/**
 * What the words behind `kokotap create` ask for.
 *
 * @throws {UsageError} for the first that is wrong
 */
export function readCreateOptions({ args, given }: Pick<Typed, 'args' | 'given'>): CreateOptions {
  const textOf = (flag: Flag) => given.find((each) => each.flag === flag)?.text;
  const has = (flag: Flag) => given.some((each) => each.flag === flag);
  const words = args.map(parseTarget);
  const labels = textOf(CREATE_FLAGS.selector);
  if (words.length === 0 && labels === undefined)
    throw new UsageError('Name the target, such as pod/web or deploy/web, or give -l with labels');
  const tap = words.find(({ kind }) => kind === 'tap');
  if (tap !== undefined)
    throw new UsageError(
      `Target ${quote(`tap/${tap.name}`)} is a tap already: name pods, workloads or nodes`,
    );
  const to = textOf(CREATE_FLAGS.to);
  if (to === undefined)
    throw new UsageError('The destination is missing: give --to=node/NAME, --to=pod/NAME or --to=ip/ADDRESS');
  const values = valuesOf(given);
  const ofFlags = new Map<Flag, unknown>(given.map((each) => [each.flag, checked(each)]));
  const seconds = ofFlags.get(CREATE_FLAGS.timeout);
  const form = ofFlags.get(CREATE_FLAGS.output);
  const namespace = ofFlags.get(CREATE_FLAGS.namespace);
  const name = textOf(CREATE_FLAGS.name);
  const isPersistent = has(CREATE_FLAGS.persistent);
  if (name !== undefined && !isPersistent)
    throw new UsageError('--name is the name of a Tap: give --persistent too');
  const settings = checkSettings(values, parseDestination(to));
  return {
    words,
    labels,
    namespace: typeof namespace === 'string' ? namespace : undefined,
    settings,
    namesMirror: values.has('mirrorInterface'),
    wait: !has(CREATE_FLAGS.noWait),
    timeoutMs: 1000 * (typeof seconds === 'number' ? seconds : DEFAULT_TIMEOUT_SECONDS),
    dryRun: has(CREATE_FLAGS.dryRun),
    form: FORMS.find((each) => each === form),
    quiet: has(CREATE_FLAGS.quiet),
    persistent: isPersistent ? tapObject({ words, labels, settings, given, name }) : undefined,
  };
}
