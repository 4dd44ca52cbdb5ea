import * as z from 'zod/mini';
import type { Classifier, Filter, FilterAction, Hook } from '#src/tap/state.ts';

const qdisc = z.object({ kind: z.string(), packets: z.optional(z.number()) });

const action = z.object({
  kind: z.optional(z.string()),
  mirred_action: z.optional(z.string()),
  direction: z.optional(z.string()),
  to_dev: z.optional(z.string()),
  control_action: z.optional(z.object({ type: z.string() })),
  stats: z.optional(z.object({ packets: z.number() })),
});

const bpfOptions = z.object({
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
});

/**
 * `tc -json -stats filter show` of iproute2 6.1 for filters of kind bpf at one preference, which it does not repeat; the
 * first entry is a head without options.
 */
const bpfFilter = z.object({ kind: z.string(), options: z.optional(bpfOptions) });

/** The same for filters of any kind at all preferences. */
const anyFilter = z.object({ pref: z.number(), kind: z.string(), options: z.optional(z.unknown()) });

/** A filter with what is counted of it. */
export type CountedFilter = Filter & {
  /** What it has copied so far; zero for one that copies nothing. */
  readonly packets: number;
};

export interface CountedClassifier extends Classifier {
  readonly filters: readonly CountedFilter[];
  /**
   * What came by those of its hooks that have filters so far; one that the kernel cuts into segments later counts as so
   * many.
   */
  readonly packets: number;
}

export const noClassifier: CountedClassifier = { qdisc: 'none', filters: [], packets: 0 };

/** What the qdiscs of one interface are, from `tc -json -stats qdisc show`. */
export function classifierOf(answer: string): Pick<CountedClassifier, 'qdisc' | 'blackhole' | 'packets'> {
  const qdiscs = z.parse(z.array(qdisc), JSON.parse(answer));
  const found = qdiscs.find(isClassifying);
  const blackhole = qdiscs.some(({ kind }) => kind === 'blackhole');
  if (found === undefined) return { qdisc: 'none', blackhole, packets: 0 };
  return { qdisc: found.kind === 'clsact' ? 'clsact' : 'ingress', blackhole, packets: found.packets ?? 0 };
}

/** The filters in tc's answer, each head aside; undefined when the answer is not valid JSON, as for some kinds of filters. */
export function parseFilters(answer: string, hook: Hook): CountedFilter[] | undefined {
  let json: unknown;
  try {
    json = JSON.parse(answer);
  } catch {
    return undefined;
  }
  return z.parse(z.array(anyFilter), json).flatMap(({ pref, kind, options }) => {
    if (options === undefined) return [];
    const found = { hook, preference: pref, kind, packets: 0 };
    const { data } = kind === 'bpf' ? z.safeParse(bpfOptions, options) : {};
    return [{ ...found, ...(data && parseOptions(data)) }]; // others may have options that ours never have
  });
}

/** The filters of kind bpf in tc's answer about one preference. */
export function parseBpfFilters(answer: string, hook: Hook, preference: number): CountedFilter[] {
  return z
    .parse(z.array(bpfFilter), JSON.parse(answer))
    .flatMap(({ kind, options }) =>
      options === undefined ? [] : [{ hook, preference, kind, ...parseOptions(options) }],
    );
}

/** The heads of all filters in an answer that is not valid JSON, by their form alone. */
export function parseHeads(answer: string, hook: Hook): CountedFilter[] {
  return [...answer.matchAll(/"pref":(\d+),"kind":"([^"]*)"/g)].map(([, pref, kind = '']) => ({
    hook,
    preference: Number(pref),
    kind,
    packets: 0,
  }));
}

function isClassifying({ kind }: z.infer<typeof qdisc>): boolean {
  return kind === 'clsact' || kind === 'ingress';
}

function parseOptions(
  options: z.infer<typeof bpfOptions>,
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
    action: options['direct-action'] === true ? 'direct' : actionOf(copy),
    packets: copy?.stats?.packets ?? 0,
    programId: prog?.id,
  };
}

/**
 * Our kinds of action: copy to a device and go on with the other filters, or hand over to the ingress of a device. Anything
 * else is none of ours.
 */
function actionOf(found: z.infer<typeof action> | undefined): FilterAction | undefined {
  if (found?.kind !== 'mirred' || found.to_dev === undefined) return undefined;
  const { mirred_action: does, direction, to_dev: device, control_action: control } = found;
  if (does === 'mirror' && direction === 'egress' && control?.type === 'continue') return { copyTo: device };
  if (does === 'redirect' && direction === 'ingress' && control?.type === 'stolen')
    return { redirectTo: device };
  return undefined;
}
