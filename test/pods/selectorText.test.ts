import { expect, test } from 'vitest';
import { selectorText } from '#src/pods/selectorText.ts';

test.for([
  [{ matchLabels: { app: 'web', tier: 'front' } }, 'app=web,tier=front'],
  [{ matchExpressions: [{ key: 'app', operator: 'In', values: ['a', 'b'] }] }, 'app in (a,b)'],
  [{ matchExpressions: [{ key: 'app', operator: 'NotIn', values: ['a'] }] }, 'app notin (a)'],
  [{ matchLabels: { a: '' }, matchExpressions: [{ key: 'b', operator: 'Exists' }] }, 'a=,b'],
  [{ matchExpressions: [{ key: 'b', operator: 'DoesNotExist' }] }, '!b'],
  [{ matchExpressions: [{ key: 'b', operator: 'Gt', values: ['1'] }] }, undefined],
  [{}, undefined],
] as const)('%j is %s', ([selector, text]) => {
  expect(selectorText(selector)).toBe(text);
});
