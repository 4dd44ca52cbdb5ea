import { isIP } from 'node:net';
import { parseArgs } from 'node:util';
import * as z from 'zod/mini';
import { UsageError } from '#src/errors.ts';
import type { TapId } from '#src/tap/mark.ts';
import { NODE_VXLAN_PORT } from '#src/tap/nodeTarget.ts';
import { defaultLeaseMs, defaultRareMs, defaultTickMs } from './timing.ts';

const number = (low: number, high: number) =>
  z.pipe(
    z.string().check(z.regex(/^\d+$/, `must be a number from ${low} to ${high}`)),
    z.pipe(z.transform(Number), z.number().check(z.minimum(low), z.maximum(high))),
  );
const ip = z.string().check(z.refine((value) => isIP(value) !== 0, 'must be an IP address'));
const ifname = z.string().check(z.regex(/^(?!\.{1,2}$)[!-.0-~]{1,15}$/, 'must be an interface name'));
/** Other names of an interface may be longer (ALTIFNAMSIZ). */
const altName = z.string().check(z.regex(/^(?!\.{1,2}$)[!-.0-~]{1,127}$/, 'must be an interface name'));
const targets = z.union(
  [
    z.literal('all'),
    z.pipe(
      z.pipe(
        z.string(),
        z.transform((value) => value.split(',')),
      ),
      z.array(altName),
    ),
  ],
  'must be interface names separated by commas, or all',
);
const flag = z.optional(z.boolean());

/** For tests: what one second of the agent's periods takes. Shorter periods load the node. */
const tickMs = z._default(number(100, defaultTickMs), defaultTickMs);

/** For tests too. */
const leaseMs = z._default(number(1000, defaultLeaseMs), defaultLeaseMs);

const rareMs = z._default(number(1000, defaultRareMs), defaultRareMs);

const common = {
  'tap-id': z.string().check(z.regex(/^[0-9a-f]{12}$/, 'must be 12 hexadecimal digits')),
  ifname,
  'metrics-port': z.optional(number(1, 65_535)),
  'log-level': z._default(z.enum(['debug', 'info', 'warn', 'error']), 'info'),
  'tick-ms': tickMs,
  'lease-ms': leaseMs,
  'rare-ms': rareMs,
};
const way = z.union([
  z.object({ 'same-node': z.literal(true) }),
  z.object({
    'same-node': flag,
    vni: number(1, 0xff_ffff),
    'vxlan-port': number(1, 65_535),
    local: ip,
    remote: ip,
  }),
]);
const schemas = {
  sender: z
    .intersection(
      z.object({
        ...common,
        'pod-uid': z.optional(z.string().check(z.regex(/^[0-9A-Za-z-]+$/, 'must be a pod UID'))),
        'host-network': flag,
        // These two are for messages only.
        pod: z.optional(z.string()),
        'tap-namespace': z.optional(z.string()),
        'pod-ifname': targets,
        'mirror-type': z.enum(['ingress', 'egress', 'both']),
        filter: z.optional(z.string()),
        snaplen: z.optional(number(64, 0xffff)),
        'one-in': z.optional(number(1, 0xffff_ffff)),
        'max-bytes-per-second': z.optional(number(1, Number.MAX_SAFE_INTEGER)),
        'external-peer': flag,
      }),
      way,
    )
    .check(
      z.refine((all) => (all['pod-uid'] === undefined) === (all['host-network'] === true), {
        path: ['pod-uid'],
        error: 'or else --host-network must be given',
      }),
      z.refine(
        (all) => all['host-network'] !== true || ('vni' in all && all['vxlan-port'] === NODE_VXLAN_PORT),
        {
          path: ['host-network'],
          error: `needs another node as the peer, and --vxlan-port=${NODE_VXLAN_PORT}`,
        },
      ),
    ),
  receiver: z.intersection(z.object(common), way),
  question: z.object({ 'tap-id': z.optional(common['tap-id']), 'tick-ms': tickMs }),
};

export type SenderOptions = z.infer<typeof schemas.sender>;
export type ReceiverOptions = z.infer<typeof schemas.receiver>;

/** A parsed command line of the agent. */
export type AgentCommand =
  | { readonly name: 'sender'; readonly options: SenderOptions }
  | { readonly name: 'receiver'; readonly options: ReceiverOptions }
  | { readonly name: 'status' | 'probe'; readonly tapId: TapId | undefined; readonly tickMs: number };

const text = { type: 'string' } as const;
const bool = { type: 'boolean' } as const;
const wayFlags = { 'same-node': bool, vni: text, 'vxlan-port': text, local: text, remote: text };
const roleFlags = {
  'tap-id': text,
  ifname: text,
  'log-level': text,
  'metrics-port': text,
  'tick-ms': text,
  'lease-ms': text,
  'rare-ms': text,
  ...wayFlags,
};
const flags: Record<AgentCommand['name'], NonNullable<Parameters<typeof parseArgs>[0]>['options']> = {
  sender: {
    ...roleFlags,
    'pod-uid': text,
    'host-network': bool,
    pod: text,
    'tap-namespace': text,
    'pod-ifname': text,
    'mirror-type': text,
    filter: text,
    snaplen: text,
    'one-in': text,
    'max-bytes-per-second': text,
    'external-peer': bool,
  },
  receiver: roleFlags,
  status: { 'tap-id': text },
  probe: { 'tap-id': text, 'tick-ms': text },
};

/**
 * Parses the agent's command line: `sender …` or `receiver …`, as the manifests give it, `status` or `probe`.
 *
 * @throws {UsageError}
 */
export function parseCommand([name, ...args]: readonly string[]): AgentCommand {
  switch (name) {
    case 'sender':
      return { name, options: parse(schemas.sender, read(name, args)) };
    case 'receiver':
      return { name, options: parse(schemas.receiver, read(name, args)) };
    case 'status':
    case 'probe': {
      const options = parse(schemas.question, read(name, args));
      return { name, tapId: options['tap-id'], tickMs: options['tick-ms'] };
    }
    default:
      throw new UsageError(
        `Unknown command ${JSON.stringify(name ?? '')}: give sender, receiver, status or probe`,
      );
  }
}

function read(name: AgentCommand['name'], args: readonly string[]): unknown {
  try {
    return parseArgs({ args: [...args], options: flags[name] ?? {}, strict: true }).values;
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
