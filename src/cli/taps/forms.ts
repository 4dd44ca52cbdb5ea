import { UsageError } from '#src/errors.ts';
import { plain } from '../flags.ts';

/** `-o`, with the forms that a command knows. */
export function outputFlag(forms: readonly string[]) {
  return { ...plain('-o, --output <form>', `one of ${forms.join(', ')}`), completes: forms };
}

export const WATCH = plain('--watch', 'go on, and show what changes');

/** @throws {UsageError} for a form that the command does not know */
export function checkForm(form: string | undefined, forms: readonly string[]): void {
  if (form !== undefined && !forms.includes(form))
    throw new UsageError(`--output "${form}" is not possible: give one of ${forms.join(', ')}`);
}
