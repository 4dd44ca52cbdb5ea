/** What of a pod says which UID its node knows it by. */
export interface IdentifiedPod {
  readonly metadata: {
    readonly uid: string;
    readonly annotations?: Readonly<Record<string, string>> | undefined;
    readonly ownerReferences?: readonly { readonly kind: string; readonly name: string }[] | undefined;
  };
  readonly spec: { readonly nodeName?: string | undefined };
}

/**
 * The UID in the names of the pod's cgroups: that of a static pod is its config hash. Whoever creates a pod may write any
 * annotation, also with another pod's UID, so they count only where the pod's node owns it, as it does what its kubelet made.
 */
export function cgroupUid({ metadata, spec }: IdentifiedPod): string {
  const { uid, annotations = {}, ownerReferences = [] } = metadata;
  const isOfNode = ownerReferences.some(({ kind, name }) => kind === 'Node' && name === spec.nodeName);
  const isStatic = isOfNode && annotations['kubernetes.io/config.mirror'] !== undefined;
  return (isStatic ? annotations['kubernetes.io/config.hash'] : undefined) ?? uid;
}
