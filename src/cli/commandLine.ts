import { Command, CommanderError } from 'commander';
import { UsageError } from '#src/errors.ts';
import { VERSION } from '#src/version.ts';
import type { AnyCommand, CommandDefinition, LocalCommand } from './commands/command.ts';
import { commandNamed, COMMANDS } from './commands/registry.ts';
import { type Flag, FLAG_GROUPS, type FlagGroups } from './flags.ts';
import { DESCRIPTION, HELP_EXAMPLE } from './help.ts';
import { type GivenFlag, givenFlags, optionOf, type Options } from './givenFlags.ts';
import { nearNames } from './nearNames.ts';
import { oneLine, quote } from './text.ts';

/** Either text to print, and nothing else to do, or the flags of a tap, before any check. */
export type CommandLine =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'tap'; readonly given: readonly GivenFlag[] }
  | {
      readonly kind: 'command';
      readonly command: CommandDefinition;
      readonly given: readonly GivenFlag[];
      readonly args: readonly string[];
    }
  | {
      readonly kind: 'local';
      readonly command: LocalCommand;
      readonly given: readonly GivenFlag[];
      readonly args: readonly string[];
    };

/**
 * Takes a command line apart.
 *
 * @throws {UsageError} for flags that do not exist or lack their value, and for arguments that are no flags.
 */
export function parseCommandLine(argv: readonly string[]): CommandLine {
  const command = commandNamed(argv[0]);
  if (command !== undefined) {
    const parsed = parse(argv.slice(1), Object.values(command.flags).flat(), (options) =>
      describeCommand(command, options),
    );
    if ('text' in parsed) return { kind: 'text', ...parsed };
    return 'runHere' in command
      ? { kind: 'local', command, ...parsed }
      : { kind: 'command', command, ...parsed };
  }
  const parsed = parse(argv, Object.values(FLAG_GROUPS).flat(), describeProgram);
  if ('text' in parsed) return { kind: 'text', ...parsed };
  const [stray] = parsed.args;
  if (stray !== undefined) {
    const near = nearNames(
      stray,
      COMMANDS.map(({ name }) => name),
    );
    const hint = near.length > 0 ? `did you mean ${near.join(' or ')}?` : 'it is no command';
    throw new UsageError(`Unexpected argument ${quote(stray)}: ${hint}, see kokotap --help`);
  }
  return { kind: 'tap', given: parsed.given };
}

/** Either text that was asked for, or the flags and arguments that were given. */
function parse(
  argv: readonly string[],
  flags: readonly Flag[],
  describe: (options: Options) => Command,
): { readonly text: string } | { readonly given: readonly GivenFlag[]; readonly args: readonly string[] } {
  let text = '';
  const options = new Map(flags.map((flag) => [flag, optionOf(flag)]));
  const program = describe(options).configureOutput({
    writeOut: (written) => {
      text += written;
    },
    writeErr: () => undefined,
  });
  try {
    program.parse(argv, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { text };
    throw new UsageError(usageMessage(error, program), { cause: error });
  }
  return { given: givenFlags(program, options), args: program.args };
}

function describeCommand(
  { name, usage, about, details = '', example, flags }: AnyCommand,
  options: Options,
): Command {
  const program = new Command(`kokotap ${name}`)
    .usage(`${usage} [flags]`)
    .description(`${about[0]?.toUpperCase()}${about.slice(1)}. ${details}`.trim())
    .configureHelp({ helpWidth: 80 })
    .exitOverride()
    .allowExcessArguments();
  addInGroups(program, flags, options);
  program.helpOption('-h, --help', 'print this help');
  return example === undefined ? program : program.addHelpText('after', example);
}

function describeProgram(options: Options): Command {
  const program = new Command('kokotap')
    .usage('--pod=NAME --dest-{node=NODE|pod=NAME|ip=ADDRESS} [flags]')
    .description(DESCRIPTION)
    .configureHelp({ helpWidth: 80 })
    .exitOverride()
    .allowExcessArguments();
  addInGroups(program, FLAG_GROUPS, options);
  return program
    .version(VERSION, '--version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .addHelpText('after', `${commandsHelp()}${HELP_EXAMPLE}`);
}

function addInGroups(program: Command, groups: FlagGroups, options: Options): void {
  for (const [title, flags] of Object.entries(groups)) {
    program.optionsGroup(title);
    for (const flag of flags) program.addOption(options.get(flag) ?? optionOf(flag));
  }
}

function commandsHelp(): string {
  const lines = COMMANDS.map(({ name, about }) => `  ${name.padEnd(32)}${about}\n`);
  return `\nCommands (kokotap COMMAND --help says more):\n${lines.join('')}`;
}

/** The defaults are the fields' own: Commander gives none. */

function usageMessage({ code, message }: CommanderError, program: Command): string {
  const unknownFlag = code === 'commander.unknownOption' ? /'([^'=]*)/u.exec(message)?.[1] : undefined;
  if (unknownFlag === undefined)
    return `${oneLine(message.replace(/^error: o/u, 'O'))}, see ${program.name()} --help`;
  return `Unknown flag ${quote(unknownFlag)}${suggestion(unknownFlag, program)}, see ${program.name()} --help`;
}

/** Commander suggests too, but not for `--flag=value` and not the first of two long forms. */
function suggestion(unknownFlag: string, program: Command): string {
  const flags = program.options.flatMap(({ long, short }) => [long, short]);
  const near = nearNames(unknownFlag, flags.filter((flag) => flag?.startsWith('--')).map(String));
  return near.length > 0 ? `, did you mean ${near.join(' or ')}?` : '';
}
