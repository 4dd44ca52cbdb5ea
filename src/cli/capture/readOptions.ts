import * as z from 'zod/mini';
import { UsageError } from '#src/errors.ts';
import { tapSchema } from '#src/spec/tap.ts';
import type { Typed } from '../commands/command.ts';
import { checked } from '../options.ts';
import { parseTarget } from '../targets/targetWord.ts';
import { CAPTURE_FLAGS, QUIET } from './flags.ts';
import type { CaptureOptions } from './options.ts';

/**
 * What the words behind `kokotap capture` ask for.
 *
 * @throws {UsageError} for the first that is wrong
 */
export function readCaptureOptions({ args, given }: Pick<Typed, 'args' | 'given'>): CaptureOptions {
  const read = Object.values(CAPTURE_FLAGS).flatMap((flags) =>
    Object.entries(flags).flatMap(([field, flag]) => {
      const each = given.find((one) => one.flag === flag);
      return each === undefined ? [] : [[field, checked(each)] as const];
    }),
  );
  const options = z.parse(optionsSchema, Object.fromEntries(read));
  const targets = args.map(parseTarget);
  if (targets.length === 0 && options.labels === undefined)
    throw new UsageError('Name what to capture, such as deploy/web, or give -l with labels');
  if (options.wireshark && options.file !== undefined)
    throw new UsageError('--wireshark and -w exclude each other: give one of them');
  const rotates = options.fileBytes !== undefined || options.fileSeconds !== undefined;
  if (rotates && (options.file === undefined || options.file === '-'))
    throw new UsageError('-C and -G need a file: give its name with -w');
  if (options.fileCount !== undefined && !rotates)
    throw new UsageError('-W needs -C or -G, which say when a file ends');
  return { ...options, words: targets, quiet: given.some(({ flag }) => flag === QUIET) };
}

/** @throws {UsageError} when packets would go to a terminal, which bytes may confuse */
export function refuseTerminal({ file }: CaptureOptions, isTerminal: boolean): void {
  if (file === '-' && isTerminal)
    throw new UsageError(
      'Packets are not written to a terminal: give -w a file, or leave it out to see lines',
    );
}

/** What has been checked already, with the defaults. */
const optionsSchema = z.object({
  namespace: z.optional(z.string()),
  labels: z.optional(z.string()),
  interfaces: tapSchema.shape.interfaces,
  direction: tapSchema.shape.direction,
  filter: z.optional(z.string()),
  snapLengthBytes: z.optional(z.number()),
  maxPods: z._default(z.number(), 50),
  noFollow: z._default(z.boolean(), false),
  file: z.optional(z.string()),
  fileBytes: z.optional(z.number()),
  fileSeconds: z.optional(z.number()),
  fileCount: z.optional(z.number()),
  wireshark: z._default(z.boolean(), false),
  packetCount: z.optional(z.number()),
  durationSeconds: z.optional(z.number()),
  timeoutSeconds: z._default(z.number(), 60),
  spoolBytes: z._default(z.number(), 0),
  allowLoss: z._default(z.boolean(), false),
  tapNamespace: z.optional(z.string()),
  image: tapSchema.shape.image,
  imagePullSecret: z.optional(z.string()),
});
