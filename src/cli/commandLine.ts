import { Command, CommanderError, Option } from 'commander';
import { UsageError } from '#src/errors.ts';
import { VERSION } from '#src/version.ts';
import { type Flag, FLAG_GROUPS, REQUIRED } from './flags.ts';
import { DESCRIPTION, HELP_EXAMPLE } from './help.ts';
import { nearNames } from './nearNames.ts';
import { oneLine, quote } from './text.ts';

/** A flag that was given. */
export interface GivenFlag {
  readonly flag: Flag;
  /** To call it by, such as `--ifname`. */
  readonly name: string;
  /** What was given for its value; undefined where it takes none. */
  readonly text: string | undefined;
}

/** Either text to print, and nothing else to do, or the flags of a tap, before any check. */
export type CommandLine =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'tap'; readonly given: readonly GivenFlag[] };

/**
 * Takes a command line apart.
 *
 * @throws {UsageError} for flags that do not exist or lack their value, and for arguments that are no flags.
 */
export function parseCommandLine(argv: readonly string[]): CommandLine {
  let text = '';
  const options = new Map(
    Object.values(FLAG_GROUPS)
      .flat()
      .map((flag) => [flag, optionOf(flag)]),
  );
  const program = describeProgram(options).configureOutput({
    writeOut: (written) => {
      text += written;
    },
    writeErr: () => undefined,
  });
  try {
    program.parse(argv, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { kind: 'text', text };
    throw new UsageError(usageMessage(error, program), { cause: error });
  }
  const [stray] = program.args;
  if (stray !== undefined) {
    throw new UsageError(`Unexpected argument ${quote(stray)}: kokotap takes flags only, see kokotap --help`);
  }
  const given = [...options].flatMap(([flag, option]) => {
    const value: unknown = program.getOptionValue(option.attributeName());
    if (value === undefined) return [];
    const values: unknown[] = Array.isArray(value) ? value : [value];
    return values.map((each) => ({
      flag,
      name: option.long ?? '',
      text: typeof each === 'string' ? each : undefined,
    }));
  });
  return { kind: 'tap', given };
}

function describeProgram(options: ReadonlyMap<Flag, Option>): Command {
  const program = new Command('kokotap')
    .usage('--pod=NAME {--dest-node=NODE | --dest-ip=ADDRESS} [flags]')
    .description(DESCRIPTION)
    .configureHelp({ helpWidth: 80 })
    .exitOverride()
    .allowExcessArguments();
  for (const [title, flags] of Object.entries(FLAG_GROUPS)) {
    program.optionsGroup(title);
    for (const flag of flags) program.addOption(options.get(flag) ?? optionOf(flag));
  }
  return program
    .version(VERSION, '--version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .addHelpText('after', HELP_EXAMPLE);
}

/** The defaults are the fields' own: Commander gives none. */
function optionOf({ usage, about, unset, isRepeatable }: Flag): Option {
  const without = unset === undefined ? '' : unset === REQUIRED ? ` (${unset})` : ` (default: ${unset})`;
  const option = new Option(usage, `${about}${without}`);
  return isRepeatable
    ? option.argParser((text, before: readonly string[] | undefined) => [...(before ?? []), text])
    : option;
}

function usageMessage({ code, message }: CommanderError, program: Command): string {
  const unknownFlag = code === 'commander.unknownOption' ? /'([^'=]*)/u.exec(message)?.[1] : undefined;
  if (unknownFlag === undefined) return `${oneLine(message.replace(/^error: o/u, 'O'))}, see kokotap --help`;
  return `Unknown flag ${quote(unknownFlag)}${suggestion(unknownFlag, program)}, see kokotap --help`;
}

/** Commander suggests too, but not for `--flag=value` and not the first of two long forms. */
function suggestion(unknownFlag: string, program: Command): string {
  const flags = program.options.flatMap(({ long, short }) => [long, short]);
  const near = nearNames(unknownFlag, flags.filter((flag) => flag?.startsWith('--')).map(String));
  return near.length > 0 ? `, did you mean ${near.join(' or ')}?` : '';
}
