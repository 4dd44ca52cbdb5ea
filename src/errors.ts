/**
 * A mistake or condition the user can mend. The message is one line that says what is wrong, which value, and
 * what to do next; entry points print it without a stack.
 */
export class UserError extends Error {
  override readonly name: string = 'UserError';
}

/** Wrong usage of a command line: like {@link UserError}, but the exit code is 2 instead of 1. */
export class UsageError extends UserError {
  override readonly name = 'UsageError';
}

/** The message of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
