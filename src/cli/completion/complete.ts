import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster } from '#src/kube/cluster.ts';
import { clusterOptions, type ClusterOptions } from '../options.ts';
import { namesInCluster, namesInKubeconfig } from './names.ts';
import { type Candidate, type Question, questionOf } from './question.ts';

/** Whoever has pressed a key waits no longer than that, counted from the start of the program. */
const LONGEST_MS = 300;

/** Bits of the last line, with their meanings in Cobra, which kubectl takes them for, too. */
const NO_SPACE = 2;
const NO_FILES = 4;

export interface Sources {
  readonly env: NodeJS.ProcessEnv;
  readonly open: (options: ClusterOptions) => Promise<Cluster>;
}

/**
 * What a command line can go on with: a line for each candidate, with an explanation behind a tab, and then what shells have
 * to know of them. Where the cluster does not answer in time, or not at all, there are no candidates of it.
 *
 * @param words without the program's name; the last is what has been typed of the next
 */
export async function complete(words: readonly string[], sources: Sources): Promise<string> {
  const question = questionOf(words);
  const { candidates, completes, typed, before } = question;
  if (completes === 'files') return ':0\n';
  const names =
    typeof completes === 'object' ? completes : await inTime(() => namesFor(question, sources), sources.env);
  const all = [...candidates, ...names.map((name): Candidate => ({ value: name }))];
  const found = all.filter(({ value }) => value.startsWith(typed));
  const isPart = found.length > 0 && found.every(({ value }) => value.endsWith('/'));
  const lines = found.map(
    ({ value, about }) => `${before}${value}${about === undefined ? '' : `\t${about}`}\n`,
  );
  return `${lines.join('')}:${NO_FILES + (isPart ? NO_SPACE : 0)}\n`;
}

/** A key that completes says nothing where nothing can be found out: the command itself will. */
async function inTime(
  find: () => Promise<readonly string[]>,
  env: NodeJS.ProcessEnv,
): Promise<readonly string[]> {
  const limitMs = Number(env['KOKOTAP_COMPLETION_MS'] ?? LONGEST_MS);
  const leftMs = Math.max(0, limitMs - process.uptime() * 1000);
  return Promise.race([find().catch(() => []), sleep(leftMs, [], { ref: false })]);
}

async function namesFor({ completes, typed, flag, given }: Question, sources: Sources) {
  if (completes === undefined || typeof completes === 'object') return [];
  const options = clusterOptions(given);
  const { kubectl, flags } = options;
  const program = kubectl ?? (sources.env['KUBECTL'] || 'kubectl');
  const ofKubeconfig = await namesInKubeconfig(completes, { program, flags, env: sources.env });
  if (ofKubeconfig !== undefined) return ofKubeconfig;
  await using cluster = await sources.open(options);
  const place = flag?.names.includes('--dest-pod') ? '--dest-namespace' : '--namespace';
  const namespace = (
    given.find(({ name }) => name === place) ?? given.find(({ name }) => name === '--namespace')
  )?.text;
  // Awaited here: the cluster is closed at the end of this function.
  const names = await namesInCluster(completes, typed, cluster, async () => namespace ?? cluster.namespace());
  return names;
}
