import type { LabelSelector } from './labelSelector.ts';

/**
 * A selector as `kubectl -l` and the API's lists take it. Undefined where it selects by something that the text cannot
 * say, or would select everything.
 */
export function selectorText({ matchLabels = {}, matchExpressions = [] }: LabelSelector): string | undefined {
  const labels = Object.entries(matchLabels).map(([key, value]) => `${key}=${value}`);
  const expressions = matchExpressions.map(({ key, operator, values = [] }) => {
    switch (operator) {
      case 'In':
        return `${key} in (${values.join(',')})`;
      case 'NotIn':
        return `${key} notin (${values.join(',')})`;
      case 'Exists':
        return key;
      case 'DoesNotExist':
        return `!${key}`;
      default:
        return undefined;
    }
  });
  const all = [...labels, ...expressions];
  return all.length === 0 || all.includes(undefined) ? undefined : all.join(',');
}
