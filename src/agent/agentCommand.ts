import { parseArgs, type ParseArgsOptionsConfig } from 'node:util';
import * as z from 'zod/mini';
import { UsageError } from '#src/errors.ts';
import { type EndpointDocument, parseReceiver, parseSender } from '#src/spec/endpoint.ts';
import { tapIdText, wholeNumber } from '#src/spec/values.ts';
import type { Role, TapId } from '#src/tap/ownership/mark.ts';
import { defaultLeaseMs, defaultRareMs, defaultTickMs } from './timing.ts';

const number = (low: number, high: number) =>
  z.pipe(
    z.pipe(
      z.string().check(z.regex(/^\d+$/u, `give a whole number from ${low} to ${high}`)),
      z.transform(Number),
    ),
    wholeNumber(low, high),
  );

/** For tests and searches for faults; no tap is printed with them. */
const settings = z.object({
  'log-level': z._default(z.enum(['debug', 'info', 'warn', 'error']), 'info'),
  /** What one second of the agent's periods takes. Shorter periods load the node. */
  'tick-ms': z._default(number(100, defaultTickMs), defaultTickMs),
  'lease-ms': z._default(number(1000, defaultLeaseMs), defaultLeaseMs),
  'rare-ms': z._default(number(1000, defaultRareMs), defaultRareMs),
});
const fileName = z.string().check(z.minLength(1, 'give the name of a file'));
const question = z.object({
  'tap-id': z.optional(tapIdText),
  node: z._default(z.boolean(), false),
  'tick-ms': settings.shape['tick-ms'],
});

/** For tests only: how long a reader may say nothing, and which network namespace is the node's: its first process's. */
const captureSettings = z.object({
  'silence-ms': z._default(number(100, 3_600_000), 20_000),
  'node-netns': z._default(z.string(), '/proc/1/ns/net'),
});

type AgentSettings = z.infer<typeof settings>;

/** Where an agent has its endpoints from: the document of one, or the file of a list that may change. */
export type EndpointSource = { readonly document: EndpointDocument } | { readonly file: string };

/** A parsed command line of the agent. */
export type AgentCommand =
  | {
      readonly name: Role;
      readonly source: EndpointSource;
      /** Where whoever makes the tap says for how long it may be without a confirmation. */
      readonly unconfirmed: string | undefined;
      readonly settings: AgentSettings;
    }
  | {
      readonly name: 'capture' | 'capture-pod';
      readonly silenceMs: number;
      readonly nodeNetns: string;
    }
  | {
      readonly name: 'status' | 'probe';
      readonly tapId: TapId | undefined;
      /** Search the node, whether or not the agent of this pod could tell. */
      readonly node: boolean;
      readonly tickMs: number;
    };

const text = { type: 'string' } as const;

/**
 * Parses the agent's command line: `sender` or `receiver` with the endpoint's document, as the manifests give it, or with
 * `--endpoints=FILE`; `status` or `probe`; in the pod of a capture `capture-pod`, and `capture` for who reads.
 *
 * @throws {UsageError}
 */
export function parseCommand([name, ...args]: readonly string[]): AgentCommand {
  switch (name) {
    case 'sender':
      return { name, ...readEndpoints(args, parseSender) };
    case 'receiver':
      return { name, ...readEndpoints(args, parseReceiver) };
    case 'capture':
    case 'capture-pod': {
      const flags = { 'silence-ms': text, 'node-netns': text };
      const given = parse(captureSettings, read(args, flags, false).values);
      return { name, silenceMs: given['silence-ms'], nodeNetns: given['node-netns'] };
    }
    case 'status':
    case 'probe': {
      const node = { node: { type: 'boolean' } } as const;
      const flags = { 'tap-id': text, ...(name === 'probe' ? { 'tick-ms': text } : node) };
      const options = parse(question, read(args, flags, false).values);
      return { name, tapId: options['tap-id'], node: options.node, tickMs: options['tick-ms'] };
    }
    default:
      throw new UsageError(
        `Unknown command ${JSON.stringify(name ?? '')}: give sender, receiver, capture, capture-pod, status or probe`,
      );
  }
}

function readEndpoints(
  args: readonly string[],
  parseDocument: (json: string) => EndpointDocument,
): { source: EndpointSource; unconfirmed: string | undefined; settings: AgentSettings } {
  const flags = {
    endpoints: text,
    unconfirmed: text,
    'log-level': text,
    'tick-ms': text,
    'lease-ms': text,
    'rare-ms': text,
  };
  const { values, positionals } = read(args, flags, true);
  const { endpoints: file, unconfirmed: maker, ...others } = values;
  const [document, stray] = positionals;
  if ((document === undefined) === (file === undefined) || stray !== undefined)
    throw new UsageError(
      "Give the endpoint's document, and nothing but it, behind the command, or --endpoints=FILE with a list of them",
    );
  const source =
    file === undefined ? { document: parseDocument(document ?? '') } : { file: parse(fileName, file) };
  const unconfirmed = maker === undefined ? undefined : parse(fileName, maker);
  return { source, unconfirmed, settings: parse(settings, others) };
}

function read(args: readonly string[], options: ParseArgsOptionsConfig, allowPositionals: boolean) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals, strict: true });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function parse<T extends z.ZodMiniType>(schema: T, values: unknown): z.output<T> {
  const result = z.safeParse(schema, values);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new UsageError(`--${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'is wrong'}`);
}
