const LABEL = '[a-z0-9](?:[-a-z0-9]*[a-z0-9])?';
const LABEL_PATTERN = new RegExp(`^${LABEL}$`, 'u');
const SUBDOMAIN_PATTERN = new RegExp(`^${LABEL}(?:\\.${LABEL})*$`, 'u');

export const MAX_LABEL_LENGTH = 63;
export const MAX_SUBDOMAIN_LENGTH = 253;

/** Whether a namespace or a container can have this name (a DNS label of RFC 1123). */
export function isDnsLabel(name: string): boolean {
  return name.length <= MAX_LABEL_LENGTH && LABEL_PATTERN.test(name);
}

/** Whether a pod or a node can have this name (a DNS subdomain of RFC 1123). */
export function isDnsSubdomain(name: string): boolean {
  return name.length <= MAX_SUBDOMAIN_LENGTH && SUBDOMAIN_PATTERN.test(name);
}
