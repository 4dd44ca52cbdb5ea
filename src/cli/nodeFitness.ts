import type { Node } from '#src/kube/schemas.ts';
import { isOlderKernel, OLDEST_KERNEL } from '#src/tap/proc/kernelRelease.ts';
import { quote } from './text.ts';
import { UnresolvedError } from './unresolvedError.ts';

/** What the default image is built for, in the words of a node's `status.nodeInfo`. */
const IMAGE_ARCHITECTURE = 'amd64';

/** Labels of nodes that are no machine with a kubelet of its own. */
const VIRTUAL_NODE_LABELS = [
  { key: 'type', value: 'virtual-kubelet' },
  { key: 'eks.amazonaws.com/compute-type', value: 'fargate' },
] as const;

/**
 * Checks that a tap's pod can run on a node and do its work there. What the node does not say is not held against it.
 *
 * @param allowsAny lifts what an image of the user's own, or a trial, may overcome: architecture and kernel
 * @throws {UnresolvedError} if it cannot
 */
export function checkNodeFitness(name: string, { metadata, status }: Node, allowsAny: boolean): void {
  const node = `Node ${quote(name)}`;
  const labels = metadata?.labels ?? {};
  const virtual = VIRTUAL_NODE_LABELS.find(({ key, value }) => labels[key] === value);
  if (virtual !== undefined)
    throw new UnresolvedError(
      `${node} is a virtual one (label ${virtual.key}=${virtual.value}), which runs no pods with hostNetwork such as a tap's: choose another node`,
    );
  // Of a node that no kubelet has reported yet they are empty.
  const { operatingSystem = '', architecture = '', kernelVersion = '' } = status?.nodeInfo ?? {};
  if (!['', 'linux'].includes(operatingSystem))
    throw new UnresolvedError(
      `${node} runs ${quote(operatingSystem)}, and a tap needs Linux: choose another node`,
    );
  if (allowsAny) return;
  if (!['', IMAGE_ARCHITECTURE].includes(architecture))
    throw new UnresolvedError(
      `${node} is ${quote(architecture)}, and kokotap's image is built for ${IMAGE_ARCHITECTURE}: choose another node, or build the image for ${quote(architecture)}, name it with --image and add --any-node`,
    );
  if (isOlderKernel(kernelVersion, OLDEST_KERNEL))
    throw new UnresolvedError(
      `${node} has the kernel ${quote(kernelVersion)}, older than ${OLDEST_KERNEL}, the oldest that kokotap was tried on: choose another node, or try this one with --any-node`,
    );
}
