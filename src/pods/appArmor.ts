import { CONTAINER } from './container.ts';

/** Kubernetes has a field for a container's AppArmor profile from 1.30 on; before, there was an annotation. */
export type AppArmorForm = 'field' | 'annotation';

/** Runs the container without the runtimes' default profile, where that is said by an annotation. */
export function appArmorAnnotation(form: AppArmorForm): Record<string, string> {
  return form === 'annotation'
    ? { [`container.apparmor.security.beta.kubernetes.io/${CONTAINER}`]: 'unconfined' }
    : {};
}
