import type { Cluster } from '#src/kube/cluster.ts';
import type { Destination } from '#src/spec/tap.ts';
import type { Outcome } from '../outcome.ts';
import { podsNamespace } from '../podsNamespace.ts';
import type { Terminal } from '../surroundings.ts';
import type { TargetWord } from '../targets/targetWord.ts';
import { checkDestination } from './destination.ts';
import type { Finding } from './finding.ts';
import { checkNode } from './nodes.ts';
import { checkPlace } from './place.ts';
import { probe } from './probe.ts';
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
  /** Have the nodes tried too, by pods. */
  readonly probes: boolean;
}

/**
 * Looks at what would stop or spoil a tap or a capture. Nothing is made but a probe that is asked for, once nothing else fails.
 *
 * @returns the findings as text, and 1 where one is a `fail`
 */
export async function diagnose(
  { words, to, namespace: named, tapNamespace, image, isJson, probes }: DoctorOptions,
  cluster: Cluster,
  terminal: Terminal,
): Promise<Outcome> {
  const { api, namespace: ofContext } = cluster;
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
  const known: readonly Finding[] = [
    ...rights,
    ...ofPlace,
    ...ofNodes.flat(),
    ...targets.findings,
    ...destination.findings,
    ...ofResource,
  ];
  const options = { words, namespace, tapNamespace: place, image };
  const findings = [
    ...known,
    ...(probes && to !== undefined && !hasFailure(known)
      ? await probe({ ...options, to }, cluster, terminal)
      : []),
  ];
  const text = isJson ? reportJson(findings) : reportText(findings);
  return { exitCode: hasFailure(findings) ? 1 : 0, text };
}

function hasFailure(findings: readonly Finding[]): boolean {
  return findings.some(({ level }) => level === 'fail');
}
