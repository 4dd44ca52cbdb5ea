import { describe, expect, test } from 'vitest';
import { isReady, knowsAppArmorField, type NamedNode, nodeToAddress, nodeToNode } from '#src/cli/path.ts';

function node(name: string, status?: NamedNode['node']['status']): NamedNode {
  return { name, node: { status } };
}

function withAddresses(name: string, ...addresses: readonly string[]): NamedNode {
  return node(name, { addresses: addresses.map((address) => ({ type: 'InternalIP', address })) });
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

describe('the addresses of the path', () => {
  const v4 = withAddresses('v4', 'no-address', '10.0.0.1');
  const v6 = withAddresses('v6', 'fd00::6');

  test('are internal ones of one family', () => {
    expect(nodeToNode(v4, withAddresses('b', 'fd00::2', '10.0.0.2'))).toEqual({
      local: { family: 'IPv4', text: '10.0.0.1' },
      remote: { family: 'IPv4', text: '10.0.0.2' },
    });
    expect(nodeToAddress(v4, '192.0.2.7').remote.text).toBe('192.0.2.7');
  });

  test.each([
    [v4, v6, 'Nodes "v4" (10.0.0.1) and "v6" (fd00::6)'],
    [v4, node('new'), 'Nodes "v4" (10.0.0.1) and "new" (no InternalIP)'],
    [node('new', {}), v4, 'Nodes "new" (no InternalIP) and "v4" (10.0.0.1)'],
  ])('are not to be had of %j and %j', (from, to, nodes) => {
    expect(() => nodeToNode(from, to)).toThrow(
      `${nodes} have no InternalIP of one family: give the nodes such addresses or choose another --dest-node`,
    );
  });
});
