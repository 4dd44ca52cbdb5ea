import * as z from 'zod/mini';
import { UserError } from '#src/errors.ts';

const statusSchema = z.object({
  status: z.string(),
  reason: z.optional(z.string()),
  message: z.optional(z.string()),
  details: z.optional(
    z.object({
      causes: z.optional(
        z.array(z.object({ reason: z.optional(z.string()), message: z.optional(z.string()) })),
      ),
    }),
  ),
});

/**
 * The exit code in what the API says of the end of a program in a container.
 *
 * @throws {UserError} if it could not be started.
 */
export function exitCodeOf(text: string): number {
  const { status, reason, message, details } = statusSchema.parse(JSON.parse(text));
  if (status === 'Success') return 0;
  const code = details?.causes?.find((cause) => cause.reason === 'ExitCode')?.message;
  if (reason === 'NonZeroExitCode' && code !== undefined) return Number(code);
  throw new UserError(`The program cannot be started in the container: ${message ?? text}`);
}
