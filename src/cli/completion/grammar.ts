import * as z from 'zod/mini';
import { COMMANDS } from '../commands/registry.ts';
import { type Completed, type Flag, FLAG_GROUPS, plain } from '../flags.ts';

/** A flag as shells complete it. */
export interface GrammarFlag {
  readonly flag: Flag;
  /** With their hyphens. */
  readonly names: readonly string[];
  readonly takesValue: boolean;
}

/** A command, and what may follow its name. */
export interface GrammarCommand {
  readonly names: readonly string[];
  readonly about: string;
  readonly flags: readonly GrammarFlag[];
  /** What its arguments are completed from; undefined: from nothing. */
  readonly completes: Completed | undefined;
}

const HELP = plain('-h, --help', 'print help');

/** What a command line is made of when it begins with no command: the flags of a tap. */
export const WITHOUT_COMMAND: GrammarCommand = {
  names: [],
  about: '',
  flags: grammarFlags([...Object.values(FLAG_GROUPS).flat(), plain('--version', 'print the version'), HELP]),
  completes: undefined,
};

/** All commands, as they are defined for help. */
export const GRAMMAR: readonly GrammarCommand[] = COMMANDS.map(
  ({ name, aliases, about, flags, completes }) => ({
    names: [name, ...aliases],
    about,
    flags: grammarFlags([...Object.values(flags).flat(), HELP]),
    completes,
  }),
);

/** What a value is completed from. */
export function completedFrom({ completes, schema }: Flag): Completed | undefined {
  return completes ?? wordsOf(schema);
}

function grammarFlags(flags: readonly Flag[]): readonly GrammarFlag[] {
  return flags.map((flag) => ({
    flag,
    names: flag.usage.match(/--?[a-z-]+(?=[ ,]|$)/giu) ?? [],
    takesValue: flag.usage.includes('<'),
  }));
}

/** The words of a schema that takes nothing else: it names them when it gets another. */
function wordsOf(schema: z.ZodMiniType): readonly string[] | undefined {
  const [issue] = z.safeParse(schema, '').error?.issues ?? [];
  return issue?.code === 'invalid_value' ? issue.values.map(String) : undefined;
}
