import type { RunOptions } from '#src/exec/command.ts';
import type { Filter, Hook } from '#src/tap/state.ts';
import { runBatch } from './batch.ts';
import type { Netns } from './netns.ts';
import {
  classifierOf,
  type CountedClassifier,
  type CountedFilter,
  noClassifier,
  parseBpfFilters,
  parseFilters,
  parseHeads,
} from './tcAnswers.ts';
import { isDeviceGone } from './gone.ts';

/** What came by the hooks of an interface so far: see {@link CountedClassifier.packets}. */
export async function readClassified(netns: Netns, ifname: string): Promise<number> {
  const json = await netns.run('tc', ['-json', '-stats', 'qdisc', 'show', 'dev', ifname]);
  return classifierOf(json).packets;
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
    if (!isDeviceGone(error.stderr)) throw error;
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

function questionsAbout(ifname: string) {
  const filters = (hook: Hook) => ({ ifname, hook, words: ['filter', 'show', 'dev', ifname, hook] });
  return [
    { ifname, words: ['qdisc', 'show', 'dev', ifname] },
    filters('ingress'),
    filters('egress'),
  ] as const;
}

/** The heads of all filters, and those of kind bpf, asked for by their preferences. */
async function findFilters(
  netns: Netns,
  ifname: string,
  hook: Hook,
  answer: string,
): Promise<CountedFilter[]> {
  const heads = parseHeads(answer, hook);
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
  return parseBpfFilters(await netns.run('tc', ['-json', '-stats', ...show]), hook, preference);
}
