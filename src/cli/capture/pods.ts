import { UserError } from '#src/errors.ts';
import type { KubeApi } from '#src/kube/kubeApi.ts';
import { CAPTURE_SELECTOR, type CapturePodInput } from '#src/pods/capturePod.ts';
import { knowsAppArmorField } from '../namedNode.ts';
import { checkNodeFitness } from '../nodeFitness.ts';
import { quote } from '../text.ts';
import type { CaptureOptions } from './options.ts';
import { podListSchema } from '../targets/schemas.ts';

/** However a capture without a duration ends, its pods do not outlive a day. */
const LONGEST_SECONDS = 86_400;
/** For the start before the duration, and what comes behind it. */
const MARGIN_SECONDS = 120;

interface Place extends Pick<CapturePodInput, 'captureId' | 'namespace' | 'targets'> {
  readonly node: string;
  /** Of the capture's pods, from 1. */
  readonly index: number;
}

/**
 * The pod for a node.
 *
 * @throws {UserError} when the node cannot run it
 */
export async function podInput(
  api: KubeApi,
  { image, imagePullSecret, durationSeconds, spoolBytes }: CaptureOptions,
  { captureId, namespace, targets, node: name, index }: Place,
): Promise<CapturePodInput> {
  const node = await api.getNode(name);
  if (node === undefined) throw new UserError(`There is no node ${quote(name)}`);
  checkNodeFitness(name, node, false);
  return {
    captureId,
    name: `kokotap-capture-${captureId}-${index}`,
    namespace,
    nodeName: name,
    image,
    imagePullSecret,
    appArmor: knowsAppArmorField({ name, node }) ? 'field' : 'annotation',
    deadlineSeconds: durationSeconds === undefined ? LONGEST_SECONDS : durationSeconds + MARGIN_SECONDS,
    spoolBytes,
    targets,
  };
}

/** Pods of captures whose reader was killed have ended by themselves; the next capture takes them away. */
export async function removeEnded(api: KubeApi, namespace: string): Promise<void> {
  try {
    const list = await api.get({ kind: 'pods', namespace, labelSelector: CAPTURE_SELECTOR }, podListSchema);
    const ended = (list?.items ?? []).filter(({ status }) =>
      ['Succeeded', 'Failed'].includes(status?.phase ?? ''),
    );
    await Promise.all(ended.map(({ metadata: { name } }) => api.delete({ kind: 'pods', namespace, name })));
  } catch (error) {
    // Nobody has asked for it, and somebody else may do it.
    if (!(error instanceof UserError)) throw error;
  }
}
