import { expect } from 'vitest';
import { TAP_SELECTOR } from '#src/pods/labels.ts';
import { CommandError } from '#src/exec/command.ts';
import { api, pathOf } from './support/api.ts';
import { captureOnNode } from './support/capture.ts';
import { families, kokotap, kubectl, kubectlWith, onNode, scriptOnNode } from './support/lab.ts';
import { pings } from './support/packets.ts';
import { pair, type Sandbox, test } from './support/sandbox.ts';
import { until } from './support/until.ts';

test('a node with a tap is drained with --force alone, which takes the tap away', async ({ sandbox }) => {
  const { web } = await pair(sandbox);
  const before = await sandbox.snapshot(web);
  const names = await sandbox.tap('--pod=web', '--dest-node=node-b');
  const tap = await sandbox.tapId(names[0] ?? '');
  const drain = (node: string, ...flags: string[]) =>
    // Without a trial other tests would find the node closed.
    kubectl('drain', node, `--pod-selector=kokotap.dev/tap=${tap}`, '--dry-run=server', ...flags);
  for (const [index, node] of ['node-a', 'node-b'].entries()) {
    await expect(drain(node)).rejects.toThrow('cannot delete Pods that declare no controller');
    expect(await drain(node, '--force')).toContain(`evicting pod ${sandbox.namespace}/${names[index]} (`);
  }
  await Promise.all(names.map((name) => evict(sandbox, name)));
  await until('the pods are gone', async () => {
    const left = await sandbox.fields('pods', TAP_SELECTOR, '.metadata.name');
    return left.length === 0;
  });
  expect(await sandbox.snapshot(web)).toEqual(before);
  expect(await sandbox.traces()).toEqual([]);
});

test('copies go between the addresses named, also if the API does not have them', async ({ sandbox }) => {
  const { web, peer } = await pair(sandbox);
  const isIPv4 = families[0] === 'IPv4';
  const [network, length] = isIPv4 ? ['10.100.0', '24'] : ['fd00:10:100:', '64'];
  const address = (node: 'node-a' | 'node-b') =>
    isIPv4 ? `${network}.21${node === 'node-a' ? 1 : 2}` : `${network}:21${node === 'node-a' ? 1 : 2}`;
  for (const node of ['node-a', 'node-b'] as const) {
    const found = await scriptOnNode(node, 'ip -json address show scope global');
    const device = underlayOf(JSON.parse(found), network ?? '');
    const change = (verb: string, ...flags: string[]) =>
      onNode(node, 'ip', 'address', verb, `${address(node)}/${length}`, 'dev', device, ...flags);
    await change('add', ...(isIPv4 ? [] : ['nodad']));
    sandbox.defer(() => change('delete'));
  }
  const named = [`--source-address=${address('node-a')}`, `--dest-address=${address('node-b')}`];
  await sandbox.tap('--pod=web', '--dest-node=node-b', ...named);
  const link = await onNode('node-b', 'ip', '-details', 'link', 'show', 'dev', sandbox.ifname);
  expect(link).toContain(`remote ${address('node-a')} local ${address('node-b')}`);
  const there = await peer.address();
  const packets = await captureOnNode('node-b', sandbox.ifname, () => web.ping(there, 4));
  expect(pings(packets, 'reply')).toEqual([1, 2, 3, 4]);
});

/** The interface that has an address of the underlay's network. */
function underlayOf(
  links: readonly { ifname: string; addr_info: readonly { local: string }[] }[],
  network: string,
): string {
  const found = links.find(({ addr_info }) => addr_info.some(({ local }) => local.startsWith(network)));
  if (found === undefined) throw new Error(`no interface has an address of ${network}`);
  return found.ifname;
}

test('a namespace with limits has a tap, by default or by flags', async ({ sandbox }) => {
  await sandbox.startPod({ name: 'web', node: 'node-a' });
  const line = ['--pod=web', '--dest-node=node-a', '-n', sandbox.namespace];
  const admitted = async (limits: object, ...flags: string[]): Promise<string> => {
    const range = {
      apiVersion: 'v1',
      kind: 'LimitRange',
      metadata: { name: 'limits' },
      spec: { limits: [{ type: 'Container', ...limits }] },
    };
    await kubectlWith(range, 'apply', '-n', sandbox.namespace);
    const { stdout } = await kokotap([...line, ...flags]);
    return kubectlWith(stdout, 'create', '--dry-run=server').then(
      () => 'yes',
      (error: unknown) => String(error),
    );
  };
  const ratio = { maxLimitRequestRatio: { cpu: '10', memory: '10' } };
  await until('a tap may be made', async () => (await admitted(ratio)) === 'yes');
  const least = { min: { cpu: '100m' } };
  await until('a request is too low', async () => (await admitted(least)).includes('minimum cpu usage'));
  expect(await admitted(least, '--requests=cpu=100m')).toBe('yes');
  const most = { max: { cpu: '200m' } };
  await until('a limit is too high', async () => (await admitted(most)).includes('maximum cpu usage'));
  expect(await admitted(most, '--limits=cpu=200m')).toBe('yes');
});

test('a quota that takes one pod of two leaves a sender that waits, and goes by the same line', async ({
  sandbox,
}) => {
  const web = await sandbox.startPod({ name: 'web', node: 'node-a' });
  const before = await sandbox.snapshot(web);
  await sandbox.kubectl('create', 'quota', 'two', '--hard=pods=2');
  await until('the quota counts', async () => {
    return (await sandbox.field('resourcequotas', 'two', '.status.used.pods')) === '1';
  });
  const args = ['--pod=web', '--dest-node=node-b', `--ifname=${sandbox.ifname}`, '-n', sandbox.namespace];
  const { stdout } = await kokotap(args);
  const refused = await kubectlWith(stdout, 'create').catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(CommandError);
  expect(String(refused)).toContain('exceeded quota: two');
  const [sender = ''] = await sandbox.fields('pods', 'kokotap.dev/role', '.metadata.name');
  await until('the sender says what is missing', async () =>
    (await sandbox.logs(sender)).includes('nothing of the receiver comes from'),
  );
  await kubectlWith(stdout, 'delete', '--ignore-not-found');
  expect(await sandbox.snapshot(web)).toEqual(before);
});

/** What `kubectl drain` asks for each pod. */
async function evict(sandbox: Sandbox, name: string): Promise<void> {
  const { namespace } = sandbox;
  const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace } };
  await api.create(`${pathOf('pods', namespace, name)}/eviction`, eviction);
}
