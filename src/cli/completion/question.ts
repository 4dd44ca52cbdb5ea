import type { GivenFlag } from '../givenFlags.ts';
import type { Completed } from '../flags.ts';
import { completedFrom, GRAMMAR, type GrammarCommand, type GrammarFlag, WITHOUT_COMMAND } from './grammar.ts';

/** Something that the last word can become. */
export interface Candidate {
  readonly value: string;
  readonly about?: string;
}

/** What a command line is to be completed by. */
export interface Question {
  /** What can be said at once. */
  readonly candidates: readonly Candidate[];
  /** What else there is. */
  readonly completes: Completed | undefined;
  /** Of the last word, what stands before the value, such as `--pod=`. */
  readonly before: string;
  /** What has been typed of the value. */
  readonly typed: string;
  /** The flag whose value it is. */
  readonly flag: GrammarFlag | undefined;
  /** The flags before the last word, as far as they are any. */
  readonly given: readonly GivenFlag[];
}

/**
 * What can stand at the end of a command line.
 *
 * @param words without the program's name; the last one is what has been typed of the next, and may be empty
 */
export function questionOf(words: readonly string[]): Question {
  const last = words.at(-1) ?? '';
  const [first, ...others] = words.slice(0, -1);
  const named = GRAMMAR.find(({ names }) => names.includes(first ?? ''));
  const command = named ?? WITHOUT_COMMAND;
  const { given, open } = scan(named === undefined ? words.slice(0, -1) : others, command);
  const question = { candidates: [], completes: undefined, before: '', typed: last, flag: undefined, given };
  if (open !== undefined) return { ...question, completes: completedFrom(open.flag), flag: open };
  const [, name = '', typed] = /^(-[^=]*)=(.*)$/su.exec(last) ?? [];
  if (typed !== undefined) {
    const flag = command.flags.find(({ names, takesValue }) => takesValue && names.includes(name));
    return { ...question, completes: flag && completedFrom(flag.flag), before: `${name}=`, typed, flag };
  }
  if (last.startsWith('-')) return { ...question, candidates: flagCandidates(command, given) };
  const isFirst = words.length <= 1;
  return { ...question, candidates: isFirst ? commandCandidates() : [], completes: command.completes };
}

interface Scanned {
  readonly given: readonly GivenFlag[];
  /** The last one still lacks its value. */
  readonly open: GrammarFlag | undefined;
}

/** Reads as much as can be read of what may be wrong in parts. */
function scan(words: readonly string[], { flags }: GrammarCommand): Scanned {
  const given: GivenFlag[] = [];
  let open: GrammarFlag | undefined;
  for (const word of words) {
    if (open !== undefined) {
      given.push({ flag: open.flag, name: longName(open), text: word });
      open = undefined;
      continue;
    }
    const [, name = '', text] = /^(--[^=]+|-[^-])(?:=?(.+))?$/su.exec(word) ?? [];
    const flag = flags.find(({ names }) => names.includes(name));
    if (flag === undefined) continue;
    if (flag.takesValue && text === undefined) open = flag;
    else given.push({ flag: flag.flag, name: longName(flag), text });
  }
  return { given, open };
}

function longName({ names }: GrammarFlag): string {
  return names.find((name) => name.startsWith('--')) ?? '';
}

/** Long names only: who knows a short one has typed it already. */
function flagCandidates({ flags }: GrammarCommand, given: readonly GivenFlag[]): Candidate[] {
  return flags
    .filter(({ flag }) => flag.isRepeatable === true || given.every((each) => each.flag !== flag))
    .flatMap(({ names, flag: { about } }) =>
      names.filter((name) => name.startsWith('--')).map((value) => ({ value, about })),
    );
}

function commandCandidates(): Candidate[] {
  return GRAMMAR.map(({ names: [value = ''], about }) => ({ value, about }));
}
