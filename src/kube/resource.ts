/** One object of the core API, or (without a name) a list of them. */
export interface Resource {
  readonly kind: 'pods' | 'nodes' | 'namespaces';
  /** Of pods; a list without it is of all namespaces. */
  readonly namespace?: string;
  readonly name?: string;
  readonly labelSelector?: string;
}

/** The right that reading it takes. */
export function verbOf({ name }: Resource): 'get' | 'list' {
  return name === undefined ? 'list' : 'get';
}

/** Verb, resource and namespace as one writes them in a role. */
export function describe(resource: Resource): string {
  const place = resource.kind === 'pods' ? ` in ${namespaceText(resource.namespace)}` : '';
  return `${verbOf(resource)} ${resource.kind}${place}`;
}

export function pathOf({ kind, namespace, name, labelSelector }: Resource): string {
  const scope = namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`;
  const object = name === undefined ? '' : `/${encodeURIComponent(name)}`;
  const query = labelSelector === undefined ? '' : `?${new URLSearchParams({ labelSelector }).toString()}`;
  return `/api/v1${scope}/${kind}${object}${query}`;
}

function namespaceText(namespace: string | undefined): string {
  return namespace === undefined ? 'all namespaces' : `namespace ${JSON.stringify(namespace)}`;
}
