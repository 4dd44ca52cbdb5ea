import type { Node } from '#src/kube/schemas.ts';
import type { AppArmorForm } from '#src/pods/appArmor.ts';

/** A node's name and what the API says of it. */
export interface NamedNode {
  readonly name: string;
  readonly node: Node;
}

export function isReady({ node }: NamedNode): boolean {
  const ready = node.status?.conditions?.find(({ type }) => type === 'Ready');
  return ready === undefined || ready.status === 'True';
}

/** How the node is told of a container's AppArmor profile. */
export function appArmorForm(node: NamedNode): AppArmorForm {
  return knowsAppArmorField(node) ? 'field' : 'annotation';
}

/** Whether the node's kubelet, and with it the API, knows a container's `appArmorProfile`: from Kubernetes 1.30 on. */
export function knowsAppArmorField({ node }: NamedNode): boolean {
  const minor = /^v1\.(\d+)/.exec(node.status?.nodeInfo?.kubeletVersion ?? '')?.[1];
  return minor === undefined || Number(minor) >= 30;
}
