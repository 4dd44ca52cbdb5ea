import { dump } from 'js-yaml';

/** Kubernetes objects as one stream of YAML documents. */
export function yamlDocuments(objects: readonly object[]): string {
  return objects.map((object) => dump(object, { lineWidth: -1, noRefs: true })).join('---\n');
}
