import { messageOf } from '#src/errors.ts';
import { CommandError } from '#src/exec/command.ts';
import { UnresolvedError } from './unresolvedError.ts';

interface Listeners {
  readonly warn: (message: string) => void;
  readonly trace: (message: string) => void;
}

/** The agent gets the tap as one argument, which Linux lets have 128 KiB. */
const mostCharacters = 100_000;
/** A filter that this machine takes longer for is left to the sender. */
const timeoutMs = 10_000;

/**
 * Compiles a filter as the sender will, where tcpdump is at hand: what is wrong with it is known before there is a pod.
 *
 * @throws {UnresolvedError} for a filter that is wrong everywhere
 */
export async function checkFilter(filter: string | undefined, { warn, trace }: Listeners): Promise<void> {
  if (filter === undefined) return;
  if (filter.length > mostCharacters)
    throw new UnresolvedError(
      `--filter has ${filter.length} characters, and an agent can be given ${mostCharacters}: name networks in place of hosts`,
    );
  // Loaded only here: most taps have no filter.
  const [{ compileUserFilter }, { compilePcapFilter, FilterError }] = await Promise.all([
    import('#src/net/userFilter.ts'),
    import('#src/net/pcapFilter.ts'),
  ]);
  const left = (reason: string) => trace(`the filter is left to the sender to check: ${reason}`);
  try {
    await compileUserFilter(filter, { timeoutMs });
  } catch (error) {
    if (error instanceof CommandError) return left(error.message);
    if (!(error instanceof FilterError)) throw error;
    const unusable = await whyUnusable(compilePcapFilter);
    if (unusable !== undefined) return left(unusable);
    if (!error.isHereOnly) throw new UnresolvedError(error.message, { cause: error });
    warn(`${error.message}; the sender will try it on its node`);
  }
}

/** Why this machine's tcpdump compiles nothing; undefined when it does. */
async function whyUnusable(compile: (expression: string) => Promise<string>): Promise<string | undefined> {
  try {
    await compile('ip');
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}
