import type { Cluster } from '#src/kube/cluster.ts';
import type { Destination } from '#src/spec/tap.ts';
import type { Outcome } from '../outcome.ts';
import { podsNamespace } from '../podsNamespace.ts';
import type { TargetWord } from '../targets/targetWord.ts';
import { checkDestination } from './destination.ts';
import type { Finding } from './finding.ts';
import { checkNode } from './nodes.ts';
import { checkPlace } from './place.ts';
import { reportJson, reportText } from './report.ts';
import { checkResource } from './resource.ts';
import { checkRights } from './rights.ts';
import { checkTargets } from './targets.ts';

export interface DoctorOptions {
  readonly words: readonly TargetWord[];
  readonly to: Destination | undefined;
  /** Of the targets; undefined: that of the context. */
  readonly namespace: string | undefined;
  readonly tapNamespace: string | undefined;
  readonly image: string;
  readonly isJson: boolean;
}

/**
 * Looks at what would stop or spoil a tap or a capture. Nothing is made.
 *
 * @returns the findings as text, and 1 where one is a `fail`
 */
export async function diagnose(
  { words, to, namespace: named, tapNamespace, image, isJson }: DoctorOptions,
  { api, namespace: ofContext }: Cluster,
): Promise<Outcome> {
  const namespace = named ?? (await ofContext());
  const place = await podsNamespace(api, tapNamespace, namespace);
  const [rights, ofPlace, targets, destination, ofResource] = await Promise.all([
    checkRights(api, { targets: namespace, pods: place }),
    checkPlace(api, place),
    checkTargets(api, namespace, words),
    to === undefined ? { findings: [], node: undefined } : checkDestination(api, namespace, to),
    checkResource(api),
  ]);
  const nodes = new Set([...targets.nodes, ...(destination.node === undefined ? [] : [destination.node])]);
  const ofNodes = await Promise.all([...nodes].map((node) => checkNode(api, node, image)));
  const findings: readonly Finding[] = [
    ...rights,
    ...ofPlace,
    ...ofNodes.flat(),
    ...targets.findings,
    ...destination.findings,
    ...ofResource,
  ];
  const hasFailed = findings.some(({ level }) => level === 'fail');
  return { exitCode: hasFailed ? 1 : 0, text: isJson ? reportJson(findings) : reportText(findings) };
}
