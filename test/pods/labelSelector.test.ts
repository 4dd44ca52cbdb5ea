import { expect, test } from 'vitest';
import { type LabelSelector, selects } from '#src/pods/labelSelector.ts';

const labels = { app: 'kokotap', role: 'sender' };

test.each<[LabelSelector | null | undefined, boolean]>([
  [undefined, false],
  [null, false],
  [{}, true],
  [{ matchLabels: {}, matchExpressions: [] }, true],
  [{ matchLabels: { app: 'kokotap' } }, true],
  [{ matchLabels: { app: 'kokotap', role: 'receiver' } }, false],
  [{ matchLabels: { other: '' } }, false],
  [{ matchExpressions: [{ key: 'app', operator: 'In', values: ['web', 'kokotap'] }] }, true],
  [{ matchExpressions: [{ key: 'app', operator: 'In', values: ['web'] }] }, false],
  [{ matchExpressions: [{ key: 'other', operator: 'In', values: ['web'] }] }, false],
  [{ matchExpressions: [{ key: 'app', operator: 'In' }] }, false],
  [{ matchExpressions: [{ key: 'app', operator: 'NotIn', values: ['web'] }] }, true],
  [{ matchExpressions: [{ key: 'app', operator: 'NotIn', values: ['kokotap'] }] }, false],
  [{ matchExpressions: [{ key: 'other', operator: 'NotIn', values: ['web'] }] }, true],
  [{ matchExpressions: [{ key: 'app', operator: 'Exists' }] }, true],
  [{ matchExpressions: [{ key: 'other', operator: 'Exists' }] }, false],
  [{ matchExpressions: [{ key: 'app', operator: 'DoesNotExist' }] }, false],
  [{ matchExpressions: [{ key: 'other', operator: 'DoesNotExist' }] }, true],
  [{ matchExpressions: [{ key: 'app', operator: 'Gt', values: ['1'] }] }, false],
  [{ matchLabels: { app: 'kokotap' }, matchExpressions: [{ key: 'role', operator: 'DoesNotExist' }] }, false],
])('%j selects: %s', (selector, selected) => {
  expect(selects(selector, labels)).toBe(selected);
});
