/** What the container of each of kokotap's pods is called. */
export const CONTAINER = 'agent';

/** No registry has an image of localhost, but whatever answers at that name on the node would be asked for it. */
export function imagePullPolicy(image: string): 'Never' | 'IfNotPresent' {
  return image.startsWith('localhost/') ? 'Never' : 'IfNotPresent';
}

/**
 * What the container of each of kokotap's pods may do: it is root with these capabilities only, and cannot get more.
 *
 * @param isUnconfined without the runtimes' default AppArmor profile, said by the field; see `appArmor.ts` for the annotation
 */
export function securityContext(capabilities: readonly string[], isUnconfined: boolean) {
  return {
    runAsUser: 0,
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'], add: capabilities },
    seccompProfile: { type: 'RuntimeDefault' },
    ...(isUnconfined ? { appArmorProfile: { type: 'Unconfined' } } : {}),
  };
}
