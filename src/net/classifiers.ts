import * as z from 'zod/mini';
import type { RunOptions } from '#src/exec/command.ts';
import type { Classifier, Filter, Hook } from '#src/tap/state.ts';
import { runBatch } from './batch.ts';
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

/** What came by the hooks of an interface so far: see {@link CountedClassifier.packets}. */
export async function readClassified(netns: Netns, ifname: string): Promise<number> {
  const json = await netns.run('tc', ['-json', '-stats', 'qdisc', 'show', 'dev', ifname]);
  return z.parse(z.array(qdisc), JSON.parse(json)).find(isClassifying)?.packets ?? 0;
}

/**
 * What classifies the packets of interfaces, by name, read by one process. Interfaces that are not there are left out.
 *
 * @throws {CommandError}
 */
export async function readClassifiers(
  netns: Netns,
  ifnames: Iterable<string>,
  options: RunOptions = {},
): Promise<ReadonlyMap<string, CountedClassifier>> {
  const questions = [...ifnames].flatMap((ifname) => questionsAbout(ifname));
  const commands = questions.map(({ words }) => words);
  const batch = { ...options, flags: ['-json', '-stats'], force: true };
  const { stdout, failures } = await runBatch(netns, 'tc', commands, batch);
  const gone = new Set<string>();
  for (const { at, error } of failures) {
    if (!error.stderr.includes('Cannot find device')) throw error;
    gone.add(questions[at]?.ifname ?? '');
  }
  const failed = new Set(failures.map(({ at }) => at));
  const answers = stdout.split(/^(?=\[)/m); // each is one JSON array, whose begin is the only one at a line's begin
  const answered = questions.filter((_, at) => !failed.has(at));
  const found = new Map<string, CountedClassifier>();
  for (const [at, { ifname, ...question }] of answered.entries()) {
    if (gone.has(ifname)) continue;
    const answer = answers[at] ?? '';
    if (!('hook' in question)) {
      found.set(ifname, { ...classifierOf(answer), filters: [] });
      continue;
    }
    const { hook } = question;
    const filters = parseFilters(answer, hook) ?? (await findFilters(netns, ifname, hook, answer));
    const before = found.get(ifname) ?? noClassifier;
    // An ingress qdisc has no egress: asked for that it shows the same filters.
    if (before.qdisc === 'ingress' && hook === 'egress') continue;
    found.set(ifname, { ...before, filters: [...before.filters, ...filters] });
  }
  return found;
}

function questionsAbout(ifname: string) {
  const filters = (hook: Hook) => ({ ifname, hook, words: ['filter', 'show', 'dev', ifname, hook] });
  return [
    { ifname, words: ['qdisc', 'show', 'dev', ifname] },
    filters('ingress'),
    filters('egress'),
  ] as const;
}

/** What classifies the packets of one interface. */
export async function readClassifier(netns: Netns, ifname: string): Promise<CountedClassifier> {
  const found = (await readClassifiers(netns, [ifname])).get(ifname);
  return found ?? noClassifier;
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

const noClassifier: CountedClassifier = { qdisc: 'none', filters: [], packets: 0 };

function isClassifying({ kind }: z.infer<typeof qdisc>): boolean {
  return kind === 'clsact' || kind === 'ingress';
}

function classifierOf(answer: string): Pick<CountedClassifier, 'qdisc' | 'blackhole' | 'packets'> {
  const qdiscs = z.parse(z.array(qdisc), JSON.parse(answer));
  const found = qdiscs.find(isClassifying);
  const blackhole = qdiscs.some(({ kind }) => kind === 'blackhole');
  if (found === undefined) return { qdisc: 'none', blackhole, packets: 0 };
  return { qdisc: found.kind === 'clsact' ? 'clsact' : 'ingress', blackhole, packets: found.packets ?? 0 };
}

/** The filters in tc's answer, each head aside; undefined when the answer is not valid JSON, as for some kinds of filters. */
function parseFilters(answer: string, hook: Hook): CountedFilter[] | undefined {
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

/** The heads of all filters, by their form alone, and those of kind bpf, asked for by their preferences. */
async function findFilters(
  netns: Netns,
  ifname: string,
  hook: Hook,
  answer: string,
): Promise<CountedFilter[]> {
  const heads = [...answer.matchAll(/"pref":(\d+),"kind":"([^"]*)"/g)].map(([, pref, kind = '']) => ({
    hook,
    preference: Number(pref),
    kind,
    packets: 0,
  }));
  const found = new Set(heads.filter(isBpf).map(({ preference }) => preference));
  const bpf = await Promise.all([...found].map((each) => listBpf(netns, ifname, hook, each)));
  return [...heads.filter((head) => !isBpf(head)), ...bpf.flat()];
}

function isBpf({ kind }: Filter): boolean {
  return kind === 'bpf';
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
