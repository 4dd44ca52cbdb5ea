import { UserError } from '#src/errors.ts';

/** The cluster was asked, but what the user named is not there or cannot be tapped as it is now. */
export class UnresolvedError extends UserError {
  override readonly name = 'UnresolvedError';
}
