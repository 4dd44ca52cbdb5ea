import { describe, expect, test } from 'vitest';
import { isReady, knowsAppArmorField, type NamedNode } from '#src/cli/namedNode.ts';

function node(name: string, status?: NamedNode['node']['status']): NamedNode {
  return { name, node: { status } };
}

describe('a node is ready', () => {
  test.each<[string, boolean, NamedNode]>([
    ['when it says so', true, node('a', { conditions: [{ type: 'Ready', status: 'True' }] })],
    [
      'not when it says something else',
      false,
      node('a', { conditions: [{ type: 'Ready', status: 'Unknown' }] }),
    ],
    ['when it says nothing of that', true, node('a', { conditions: [{ type: 'Other', status: 'False' }] })],
    ['when it has no conditions', true, node('a', {})],
    ['when it has no status', true, node('a')],
  ])('%s', (_, ready, named) => {
    expect(isReady(named)).toBe(ready);
  });
});

test.each([
  ['v1.9.11', false],
  ['v1.29.99', false],
  ['v1.30.0', true],
  ['v1.100.0', true],
  ['v2.0.0', true],
  [undefined, true],
])('a kubelet %s has the field for AppArmor: %s', (kubeletVersion, has) => {
  const nodeInfo = kubeletVersion === undefined ? undefined : { kubeletVersion };
  expect(knowsAppArmorField(node('a', { nodeInfo }))).toBe(has);
  expect(knowsAppArmorField(node('a'))).toBe(true);
});
