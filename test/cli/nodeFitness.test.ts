import { expect, test } from 'vitest';
import { startFakeApi } from './support/fakeApi.ts';
import { commandAt, documents } from './support/kokotap.ts';
import { node, pod } from './support/objects.ts';

const nodes = {
  arm: { nodeInfo: { architecture: 'arm64' } },
  windows: { nodeInfo: { operatingSystem: 'windows', kernelVersion: '10.0.20348.2340' } },
  virtual: { labels: { type: 'virtual-kubelet', 'kubernetes.io/role': 'agent' } },
  fargate: { labels: { 'eks.amazonaws.com/compute-type': 'fargate' } },
  old: { nodeInfo: { kernelVersion: '4.18.0-553.el8_10.x86_64' } },
  oldest: { nodeInfo: { kernelVersion: '5.10.0-28-amd64' } },
  ec2: { labels: { 'eks.amazonaws.com/compute-type': 'ec2', type: 'worker' } },
  silent: { nodeInfo: { architecture: undefined, operatingSystem: undefined, kernelVersion: undefined } },
  blank: { nodeInfo: { architecture: '', operatingSystem: '', kernelVersion: '' } },
  strange: { nodeInfo: { kernelVersion: 'unknown' } },
};

const NAMES = Object.keys(nodes);

const OTHER = 'choose another node';
const refusals: Record<string, string> = {
  arm: `Node "arm" is "arm64", and kokotap's image is built for amd64: ${OTHER}, or build the image for "arm64", name it with --image and add --any-node`,
  windows: `Node "windows" runs "windows", and a tap needs Linux: ${OTHER}`,
  virtual: `Node "virtual" is a virtual one (label type=virtual-kubelet), which runs no pods with hostNetwork such as a tap's: ${OTHER}`,
  fargate: `Node "fargate" is a virtual one (label eks.amazonaws.com/compute-type=fargate), which runs no pods with hostNetwork such as a tap's: ${OTHER}`,
  old: `Node "old" has the kernel "4.18.0-553.el8_10.x86_64", older than 5.10, the oldest that kokotap was tried on: ${OTHER}, or try this one with --any-node`,
};

async function run(...args: readonly string[]) {
  const objects = [
    node('good', ['10.0.0.1']),
    ...Object.entries(nodes).map(([name, settings]) => node(name, ['10.0.0.2'], settings)),
    pod('web', { node: 'good' }),
    ...NAMES.map((name) => pod(`on-${name}`, { node: name })),
  ];
  await using api = await startFakeApi({ objects });
  return await commandAt(api.url, ['--vxlan-id=5', ...args]);
}

/** The ways in which a node can be one of a tap's. */
const places: readonly [string, (name: string) => string[]][] = [
  ['the destination', (name) => ['--pod=web', `--dest-node=${name}`]],
  ["the target's", (name) => [`--pod=on-${name}`, '--dest-node=good']],
  ['both', (name) => [`--pod=on-${name}`, `--dest-node=${name}`]],
  ["the target's, of a tap to outside", (name) => [`--pod=on-${name}`, '--dest-ip=192.0.2.9']],
];

test.each(
  places.flatMap(([place, line]) =>
    Object.entries(refusals).map(([name, text]) => [name, place, line, text] as const),
  ),
)('node %s is refused as %s', async (name, _, line, message) => {
  expect(await run(...line(name))).toEqual({ exitCode: 1, stdout: '', stderr: `kokotap: ${message}\n` });
});

test.each(
  places.flatMap(([place, line]) =>
    ['oldest', 'ec2', 'silent', 'blank', 'strange'].map((name) => [name, place, line] as const),
  ),
)('node %s is taken as %s', async (name, _, line) => {
  expect(await run(...line(name))).toMatchObject({ exitCode: 0, stderr: '' });
});

test.each(['arm', 'old'])('--any-node takes node %s too, with an image of its own', async (name) => {
  const image = '--image=registry.example/kokotap:arm64';
  const { stdout, ...outcome } = await run('--pod=web', `--dest-node=${name}`, image, '--any-node');
  expect(outcome).toEqual({ exitCode: 0, stderr: '' });
  expect(documents(stdout)).toHaveLength(2);
});

test.each(['windows', 'virtual', 'fargate'])('--any-node does not make node %s fit', async (name) => {
  expect(await run('--pod=web', `--dest-node=${name}`, '--any-node')).toMatchObject({
    exitCode: 1,
    stdout: '',
    stderr: `kokotap: ${refusals[name]}\n`,
  });
});
