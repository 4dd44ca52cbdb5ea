/** One object of the API, or (without a name) a list of them. */
export interface Resource {
  readonly kind: keyof typeof API;
  /** Of what is in one; a list without it is of all namespaces. */
  readonly namespace?: string | undefined;
  readonly name?: string;
  /** A part of one, such as `log`. */
  readonly subresource?: 'exec' | 'log';
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
}

/** What can be done with one, as a role names it. */
export type Verb = 'get' | 'list' | 'watch' | 'create' | 'patch' | 'delete';

/** Where the API has which kinds, and which of them are in namespaces. */
const API = {
  pods: { root: '/api/v1', isNamespaced: true },
  nodes: { root: '/api/v1', isNamespaced: false },
  namespaces: { root: '/api/v1', isNamespaced: false },
  services: { root: '/api/v1', isNamespaced: true },
  deployments: { root: '/apis/apps/v1', isNamespaced: true },
  statefulsets: { root: '/apis/apps/v1', isNamespaced: true },
  daemonsets: { root: '/apis/apps/v1', isNamespaced: true },
  replicasets: { root: '/apis/apps/v1', isNamespaced: true },
  jobs: { root: '/apis/batch/v1', isNamespaced: true },
  taps: { root: '/apis/kokotap.dev/v1alpha1', isNamespaced: true },
  events: { root: '/api/v1', isNamespaced: true },
  selfsubjectaccessreviews: { root: '/apis/authorization.k8s.io/v1', isNamespaced: false },
  poddisruptionbudgets: { root: '/apis/policy/v1', isNamespaced: true },
} as const;

/** The right that reading it takes. */
export function readingVerb({ name }: Resource): 'get' | 'list' {
  return name === undefined ? 'list' : 'get';
}

/** Verb, resource and namespace as one writes them in a role. */
export function describe(verb: Verb, { kind, namespace, subresource }: Resource): string {
  const place = API[kind].isNamespaced ? ` in ${namespaceText(namespace)}` : '';
  return `${verb} ${kind}${subresource === undefined ? '' : `/${subresource}`}${place}`;
}

/** The API group, as a role names it. */
export function groupOf({ kind }: Resource): string {
  return /^\/apis\/([^/]+)/u.exec(API[kind].root)?.[1] ?? '';
}

/** @param query what else is asked for */
export function pathOf(
  { kind, namespace, name, subresource, labelSelector, fieldSelector }: Resource,
  query: readonly (readonly [string, string])[] = [],
): string {
  const scope = namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`;
  const object = name === undefined ? '' : `/${encodeURIComponent(name)}`;
  const part = subresource === undefined ? '' : `/${subresource}`;
  const selected = Object.entries({ labelSelector, fieldSelector });
  const search = new URLSearchParams(
    [...selected, ...query].flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])),
  );
  return `${API[kind].root}${scope}/${kind}${object}${part}${search.size > 0 ? `?${search.toString()}` : ''}`;
}

function namespaceText(namespace: string | undefined): string {
  return namespace === undefined ? 'all namespaces' : `namespace ${JSON.stringify(namespace)}`;
}
