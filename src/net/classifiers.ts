import * as z from 'zod/mini';
import { filterPreference, programPreference } from '#src/tap/mark.ts';
import type { Classifier, Filter, Hook } from '#src/tap/state.ts';
import type { Netns } from './netns.ts';

const qdisc = z.object({ kind: z.string(), dev: z.optional(z.string()) });

const action = z.object({
  kind: z.optional(z.string()),
  mirred_action: z.optional(z.string()),
  direction: z.optional(z.string()),
  to_dev: z.optional(z.string()),
  control_action: z.optional(z.object({ type: z.string() })),
  stats: z.optional(z.object({ bytes: z.number(), packets: z.number() })),
});

/** `tc -json -stats filter show` of iproute2 6.1 for filters of kind bpf; the first entry of a preference has no options. */
const bpfFilter = z.object({
  kind: z.string(),
  options: z.optional(
    z.object({
      handle: z.optional(z.string()),
      'direct-action': z.optional(z.boolean()),
      bpf_name: z.optional(z.string()),
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

/** A filter with what it has copied so far; zero for one that copies nothing. */
export type CountedFilter = Filter & { readonly packets: number; readonly bytes: number };

export interface CountedClassifier extends Classifier {
  readonly filters: readonly CountedFilter[];
}

/** What classifies the packets of an interface. */
export async function readClassifier(netns: Netns, ifname: string): Promise<CountedClassifier> {
  const json = await netns.run('tc', ['-json', 'qdisc', 'show', 'dev', ifname]);
  const kinds = z.parse(z.array(qdisc), JSON.parse(json)).map(({ kind }) => kind);
  const kind = kinds.find((found) => found === 'clsact' || found === 'ingress');
  if (kind === undefined) return { qdisc: 'none', filters: [] };
  const hooks: Hook[] = kind === 'clsact' ? ['ingress', 'egress'] : ['ingress'];
  const filters = await Promise.all(hooks.map((hook) => listFilters(netns, ifname, hook)));
  return { qdisc: kind, filters: filters.flat() };
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
      bytes: 0,
    }),
  );
  const preferences = new Set(heads.filter(isOurs).map(({ preference }) => preference));
  const ours = await Promise.all([...preferences].map((each) => listBpf(netns, ifname, hook, each)));
  return [...heads.filter((head) => !isOurs(head)), ...ours.flat()];
}

const ourPreferences = new Set([filterPreference, programPreference]);

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
): Pick<CountedFilter, 'handle' | 'program' | 'action' | 'packets' | 'bytes'> {
  const { handle, bytecode, bpf_name: name } = options;
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
    bytes: copy?.stats?.bytes ?? 0,
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
