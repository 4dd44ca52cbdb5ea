import { Command, CommanderError, Option } from 'commander';
import * as z from 'zod/mini';
import { UsageError } from '#src/errors.ts';
import { tapSchema } from '#src/spec/tap.ts';
import { FLAG_GROUPS } from '../flags.ts';
import { givenFlags, optionOf } from '../givenFlags.ts';
import { clusterOptions, type ClusterOptions } from '../options.ts';
import { oneLine, quote } from '../text.ts';
import { CAPTURE_FLAGS } from './flags.ts';
import type { CaptureOptions } from './options.ts';
import { parseTarget } from './targetWord.ts';

/** Text to print, and nothing else to do; or a capture. */
export type CaptureLine =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'capture'; readonly options: CaptureOptions; readonly cluster: ClusterOptions };

const CLUSTER_FLAGS = Object.values(FLAG_GROUPS)
  .flat()
  .filter(({ isOfKubectl, usage }) => isOfKubectl === true || /--kubectl|--verbose/u.test(usage));

const DESCRIPTION =
  'Captures the packets of pods, wherever they run, with the pod and the direction of each and a count of what is missing. ' +
  'TARGET is a pod, or deploy/NAME, sts/, ds/, rs/, job/, svc/, node/ or tap/ID.';

const EXAMPLE = `
Examples:
  $ kokotap capture deploy/web                      a line for each packet
  $ kokotap capture deploy/web | wireshark -k -i -
  $ kokotap capture web -w web.pcapng --filter='tcp port 80' --duration=30s`;

/**
 * Reads the words behind `kokotap capture`.
 *
 * @throws {UsageError} for the first that is wrong
 */
export function parseCaptureLine(argv: readonly string[]): CaptureLine {
  let text = '';
  const own = new Map<string, Option>();
  const program = new Command('kokotap capture')
    .usage('[TARGET...] [flags]')
    .argument('[target...]')
    .description(DESCRIPTION)
    .configureHelp({ helpWidth: 80, visibleArguments: () => [] })
    .exitOverride()
    .helpOption('-h, --help', 'print this help')
    .addHelpText('after', EXAMPLE)
    .configureOutput({
      writeOut: (written) => {
        text += written;
      },
      writeErr: () => undefined,
    });
  for (const [title, flags] of Object.entries(CAPTURE_FLAGS)) {
    program.optionsGroup(title);
    for (const [name, { usage, about }] of Object.entries(flags)) {
      own.set(name, new Option(usage, about));
      program.addOption(own.get(name) ?? new Option(usage));
    }
  }
  program.optionsGroup('Other:').option('-q, --quiet', 'say nothing but what goes wrong');
  const ofCluster = new Map(CLUSTER_FLAGS.map((flag) => [flag, optionOf(flag)]));
  program.optionsGroup('Cluster, by flags of kubectl:');
  for (const option of ofCluster.values()) program.addOption(option);
  try {
    program.parse(argv, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { kind: 'text', text };
    throw new UsageError(`${oneLine(error.message.replace(/^error: /u, ''))}, see kokotap capture --help`, {
      cause: error,
    });
  }
  const values = new Map([...own].map(([name, option]) => [name, valueOf(program, option)]));
  const options = readOptions(program.args, values, program.getOptionValue('quiet') === true);
  return { kind: 'capture', options, cluster: clusterOptions(givenFlags(program, ofCluster)) };
}

/** Commander has `--no-follow` as a follow that is false. */
function valueOf(program: Command, option: Option): unknown {
  const value: unknown = program.getOptionValue(option.attributeName());
  if (!option.negate) return value;
  return value === false ? true : undefined;
}

function readOptions(
  words: readonly string[],
  texts: ReadonlyMap<string, unknown>,
  quiet: boolean,
): CaptureOptions {
  const read = Object.fromEntries(
    Object.values(CAPTURE_FLAGS).flatMap((flags) =>
      Object.entries(flags).flatMap(([name, flag]) => {
        const value = texts.get(name);
        return value === undefined ? [] : [[name, checked(flag, value)]];
      }),
    ),
  );
  const options = z.parse(optionsSchema, read);
  const targets = words.map(parseTarget);
  if (targets.length === 0 && options.labels === undefined)
    throw new UsageError('Name what to capture, such as deploy/web, or give -l with labels');
  if (options.wireshark && options.file !== undefined)
    throw new UsageError('--wireshark and -w exclude each other: give one of them');
  const rotates = options.fileBytes !== undefined || options.fileSeconds !== undefined;
  if (rotates && (options.file === undefined || options.file === '-'))
    throw new UsageError('-C and -G need a file: give its name with -w');
  if (options.fileCount !== undefined && !rotates)
    throw new UsageError('-W needs -C or -G, which say when a file ends');
  return { ...options, words: targets, quiet };
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

interface Checkable {
  readonly usage: string;
  readonly schema: z.ZodMiniType;
  readonly read?: (text: string) => unknown;
  readonly advice?: string;
}

function checked({ usage, schema, read, advice }: Checkable, value: unknown): unknown {
  if (typeof value !== 'string') return value;
  const result = z.safeParse(schema, read === undefined ? value : read(value));
  if (result.success) return result.data;
  const [name = ''] = /--[a-z-]+/u.exec(usage) ?? [];
  throw new UsageError(
    `${name} ${quote(value)} is not possible: ${advice ?? result.error.issues[0]?.message}`,
  );
}
