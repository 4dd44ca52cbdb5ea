import { type Command, Option } from 'commander';
import { type Flag, REQUIRED } from './flags.ts';

/** A flag that was given. */
export interface GivenFlag {
  readonly flag: Flag;
  /** To call it by, such as `--ifname`. */
  readonly name: string;
  /** What was given for its value; undefined where it takes none. */
  readonly text: string | undefined;
}

/** Flags as Commander has them. */
export type Options = ReadonlyMap<Flag, Option>;

/** A flag as Commander and help have it. */
export function optionOf({ usage, about, unset, isRepeatable }: Flag): Option {
  const without = unset === undefined ? '' : unset === REQUIRED ? ` (${unset})` : ` (default: ${unset})`;
  const option = new Option(usage, `${about}${without}`);
  return isRepeatable
    ? option.argParser((text, before: readonly string[] | undefined) => [...(before ?? []), text])
    : option;
}

/** The flags that a parsed command line had, one that may be repeated as often as it was given. */
export function givenFlags(program: Command, options: Options): readonly GivenFlag[] {
  return [...options].flatMap(([flag, option]) => {
    const value: unknown = program.getOptionValue(option.attributeName());
    // Commander has `--no-follow` as a follow that is true until then.
    if (value === undefined || (option.negate && value === true)) return [];
    const values: unknown[] = Array.isArray(value) ? value : [value];
    return values.map((each) => ({
      flag,
      name: option.long ?? '',
      text: typeof each === 'string' ? each : undefined,
    }));
  });
}
