/** One object of the API, or (without a name) a list of them. */
export interface Resource {
  readonly kind: keyof typeof API;
  /** Of what is in one; a list without it is of all namespaces. */
  readonly namespace?: string;
  readonly name?: string;
  readonly labelSelector?: string;
}

/** Where the API has which kinds, and which of them are in namespaces. */
const API = {
  pods: { root: '/api/v1', isNamespaced: true },
  nodes: { root: '/api/v1', isNamespaced: false },
  namespaces: { root: '/api/v1', isNamespaced: false },
  poddisruptionbudgets: { root: '/apis/policy/v1', isNamespaced: true },
} as const;

/** The right that reading it takes. */
export function verbOf({ name }: Resource): 'get' | 'list' {
  return name === undefined ? 'list' : 'get';
}

/** Verb, resource and namespace as one writes them in a role. */
export function describe(resource: Resource): string {
  const place = API[resource.kind].isNamespaced ? ` in ${namespaceText(resource.namespace)}` : '';
  return `${verbOf(resource)} ${resource.kind}${place}`;
}

export function pathOf({ kind, namespace, name, labelSelector }: Resource): string {
  const scope = namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`;
  const object = name === undefined ? '' : `/${encodeURIComponent(name)}`;
  const query = labelSelector === undefined ? '' : `?${new URLSearchParams({ labelSelector }).toString()}`;
  return `${API[kind].root}${scope}/${kind}${object}${query}`;
}

function namespaceText(namespace: string | undefined): string {
  return namespace === undefined ? 'all namespaces' : `namespace ${JSON.stringify(namespace)}`;
}
