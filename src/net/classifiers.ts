import * as z from 'zod/mini';
import { preferences } from '#src/tap/mark.ts';
import type { Classifier, Filter, Hook } from '#src/tap/state.ts';
import type { Netns } from './netns.ts';

const qdisc = z.object({ kind: z.string(), packets: z.optional(z.number()) });

const action = z.object({
  kind: z.optional(z.string()),
  mirred_action: z.optional(z.string()),
  direction: z.optional(z.string()),
  to_dev: z.optional(z.string()),
  control_action: z.optional(z.object({ type: z.string() })),
  stats: z.optional(z.object({ packets: z.number() })),
});

/** `tc -json -stats filter show` of iproute2 6.1 for filters of kind bpf; the first entry of a preference has no options. */
const bpfFilter = z.object({
  kind: z.string(),
  options: z.optional(
    z.object({
      handle: z.optional(z.string()),
      'direct-action': z.optional(z.boolean()),
      bpf_name: z.optional(z.string()),
      prog: z.optional(z.object({ id: z.number() })),
      bytecode: z.optional(
        z.object({
          length: z.number(),
          insns: z.array(z.object({ code: z.number(), jt: z.number(), jf: z.number(), k: z.number() })),
        }),
      ),
      actions: z.optional(z.array(action)),
    }),
  ),
});

/** A filter with what is counted of it. */
export type CountedFilter = Filter & {
  /** What it has copied so far; zero for one that copies nothing. */
  readonly packets: number;
  /** The kernel's number of its eBPF program. */
  readonly programId?: number | undefined;
};

export interface CountedClassifier extends Classifier {
  readonly filters: readonly CountedFilter[];
  /**
   * What came by those of its hooks that have filters so far; one that the kernel cuts into segments later counts as so
   * many.
   */
  readonly packets: number;
}

/** What came by the hooks of an interface so far: see {@link CountedClassifier.packets}. */
export async function readClassified(netns: Netns, ifname: string): Promise<number> {
  return (await listQdiscs(netns, ifname)).find(isClassifying)?.packets ?? 0;
}

/** What classifies the packets of an interface. */
export async function readClassifier(netns: Netns, ifname: string): Promise<CountedClassifier> {
  const qdiscs = await listQdiscs(netns, ifname);
  const found = qdiscs.find(isClassifying);
  const blackhole = qdiscs.some(({ kind }) => kind === 'blackhole');
  if (found === undefined) return { qdisc: 'none', blackhole, filters: [], packets: 0 };
  const kind = found.kind === 'clsact' ? 'clsact' : 'ingress';
  const hooks: Hook[] = kind === 'clsact' ? ['ingress', 'egress'] : ['ingress'];
  const filters = await Promise.all(hooks.map((hook) => listFilters(netns, ifname, hook)));
  return { qdisc: kind, blackhole, filters: filters.flat(), packets: found.packets ?? 0 };
}

/** The kernel's number of the eBPF program at a preference of a hook, if there is one. */
export async function findProgram(
  netns: Netns,
  ifname: string,
  hook: Hook,
  preference: number,
): Promise<number | undefined> {
  const filters = await listBpf(netns, ifname, hook, preference);
  return filters.find(({ programId }) => programId !== undefined)?.programId;
}

async function listQdiscs(netns: Netns, ifname: string): Promise<z.infer<typeof qdisc>[]> {
  const json = await netns.run('tc', ['-json', '-stats', 'qdisc', 'show', 'dev', ifname]);
  return z.parse(z.array(qdisc), JSON.parse(json));
}

function isClassifying({ kind }: z.infer<typeof qdisc>): boolean {
  return kind === 'clsact' || kind === 'ingress';
}

/**
 * The filters at a hook. Those of others are read from tc's text, whose head line is the same for every kind; tc's
 * JSON is not valid for some kinds, so it is asked for our preferences only, and only when those hold bpf filters.
 */
async function listFilters(netns: Netns, ifname: string, hook: Hook): Promise<CountedFilter[]> {
  const text = await netns.run('tc', ['filter', 'show', 'dev', ifname, hook]);
  const heads = [...text.matchAll(/^filter (?:parent \S+ )?protocol \S+ pref (\d+) (\S+)/gm)].map(
    (match) => ({
      hook,
      preference: Number(match[1]),
      kind: match[2] ?? '',
      packets: 0,
    }),
  );
  const found = new Set(heads.filter(isOurs).map(({ preference }) => preference));
  const ours = await Promise.all([...found].map((each) => listBpf(netns, ifname, hook, each)));
  return [...heads.filter((head) => !isOurs(head)), ...ours.flat()];
}

const ourPreferences = new Set(Object.values(preferences));

function isOurs({ preference, kind }: Filter): boolean {
  return ourPreferences.has(preference) && kind === 'bpf';
}

async function listBpf(
  netns: Netns,
  ifname: string,
  hook: Hook,
  preference: number,
): Promise<CountedFilter[]> {
  const show = ['filter', 'show', 'dev', ifname, hook, 'pref', String(preference)];
  const entries = z.parse(
    z.array(bpfFilter),
    JSON.parse(await netns.run('tc', ['-json', '-stats', ...show])),
  );
  return entries.flatMap(({ kind, options }) =>
    options === undefined ? [] : [{ hook, preference, kind, ...parseOptions(options) }],
  );
}

type BpfOptions = NonNullable<z.infer<typeof bpfFilter>['options']>;

function parseOptions(
  options: BpfOptions,
): Pick<CountedFilter, 'handle' | 'program' | 'action' | 'packets' | 'programId'> {
  const { handle, bytecode, bpf_name: name, prog } = options;
  const copy = options.actions?.length === 1 ? options.actions[0] : undefined;
  return {
    handle: handle === undefined ? undefined : Number(handle),
    program:
      bytecode === undefined
        ? name
        : [bytecode.length, ...bytecode.insns.map(({ code, jt, jf, k }) => `${code} ${jt} ${jf} ${k}`)].join(
            ',',
          ),
    action: options['direct-action'] === true ? 'direct' : copyAction(copy),
    packets: copy?.stats?.packets ?? 0,
    programId: prog?.id,
  };
}

/** Our kind of action: copy to a device and go on with the other filters. Anything else is none of ours. */
function copyAction(found: z.infer<typeof action> | undefined): Filter['action'] {
  const isCopy =
    found?.kind === 'mirred' &&
    found.mirred_action === 'mirror' &&
    found.direction === 'egress' &&
    found.control_action?.type === 'continue';
  return isCopy && found.to_dev !== undefined ? { copyTo: found.to_dev } : undefined;
}
