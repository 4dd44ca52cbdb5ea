import { UserError } from '#src/errors.ts';
import type { KubeApi } from '#src/kube/kubeApi.ts';
import { Selection } from '../targets/selection.ts';
import type { TargetWord } from '../targets/targetWord.ts';
import { quote } from '../text.ts';
import { fail, type Finding, ok, warn } from './finding.ts';

interface Checked {
  readonly findings: readonly Finding[];
  /** Where the targets are. */
  readonly nodes: readonly string[];
}

/** Whether what is to be tapped or captured runs, and where. */
export async function checkTargets(
  api: KubeApi,
  namespace: string,
  words: readonly TargetWord[],
): Promise<Checked> {
  const checked = await Promise.all(words.map(async (word) => checkTarget(api, namespace, word)));
  return {
    findings: checked.flatMap(({ findings }) => findings),
    nodes: [...new Set(checked.flatMap(({ nodes }) => nodes))],
  };
}

async function checkTarget(api: KubeApi, namespace: string, word: TargetWord): Promise<Checked> {
  const name = word.kind === 'workload' ? `${word.resource}/${word.name}` : `${word.kind}/${word.name}`;
  try {
    const selection = await Selection.of(api, {
      namespace,
      words: [word],
      labels: undefined,
      interfaces: [],
    });
    const found = await selection.find();
    const nodes = found.map(({ node }) => node);
    const running = found.filter(({ pod }) => pod === undefined || pod.status?.phase === 'Running');
    const command = `kubectl get pods -n ${namespace} -o wide`;
    if (running.length === 0)
      return {
        findings: [fail('KT0501', `${name} in namespace ${quote(namespace)} has no pod that runs`, command)],
        nodes,
      };
    const ofNodes = running.flatMap(({ pod, target }) =>
      pod?.spec.hostNetwork === true ? [target.name] : [],
    );
    return {
      findings: [
        ok('KT0501', `${name}: ${running.map(({ target, node }) => `${target.name} on ${node}`).join(', ')}`),
        ...(ofNodes.length === 0
          ? []
          : [
              warn(
                'KT0501',
                `${ofNodes.join(', ')} has its node's network: all of that is tapped or captured`,
              ),
            ]),
      ],
      nodes,
    };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { findings: [fail('KT0501', error.message)], nodes: [] };
  }
}
