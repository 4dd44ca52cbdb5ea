import { readFileSync } from 'node:fs';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, inject, test, vi } from 'vitest';
import { ApiServer } from './support/apiServer.ts';
import { Cluster } from './support/cluster.ts';

let server: ApiServer;

beforeAll(async () => {
  server = await ApiServer.start();
  expect(await kubectl(['apply', '-f', 'deploy/kokotap.yaml'])).toContain(
    'deployment.apps/kokotap-controller created',
  );
}, 300_000);

afterAll(() => server.stop());

/** What kubectl says, and what the API server says through it. */
async function kubectl(args: readonly string[], input = ''): Promise<string> {
  const { all } = await execa(inject('kubectl'), [`--kubeconfig=${server.kubeconfig}`, ...args], {
    reject: false,
    input,
    all: true,
  });
  return all;
}

describe('a Tap goes', () => {
  const rule = 'give exactly one of nodeName, podRef and address';
  test.each([
    [{ nodeName: 'node-b' }, 'created'],
    [{ podRef: { name: 'suricata' } }, 'created'],
    [{ address: '192.0.2.1' }, 'created'],
    [{ podRef: { name: 'suricata' }, nodeName: 'node-b' }, rule],
    [{}, rule],
  ])('to %o: %s', async (destination, expected) => {
    const tap = {
      apiVersion: 'kokotap.dev/v1alpha1',
      kind: 'Tap',
      metadata: { name: 'web', namespace: 'default' },
      spec: { targets: { selector: {} }, destination },
    };
    expect(await kubectl(['create', '--dry-run=server', '-f', '-'], JSON.stringify(tap))).toContain(expected);
  });
});

describe('a Tap is of', () => {
  const rule = 'give exactly one of selector and ref';
  const ref = { kind: 'Deployment', name: 'web' };
  test.each([
    [{ selector: {} }, 'created'],
    [{ ref }, 'created'],
    [{ ref: { kind: 'Job', name: 'load.2' } }, 'created'],
    [{ ref, selector: { matchLabels: { app: 'web' } } }, rule],
    [{}, rule],
    [{ ref: { kind: 'Service', name: 'web' } }, 'Unsupported value: "Service"'],
    [{ ref: { kind: 'Deployment', name: 'Web' } }, 'targets.ref.name'],
  ])('%o: %s', async (targets, expected) => {
    const tap = {
      apiVersion: 'kokotap.dev/v1alpha1',
      kind: 'Tap',
      metadata: { name: 'web', namespace: 'default' },
      spec: { targets, destination: { nodeName: 'node-b' } },
    };
    expect(await kubectl(['create', '--dry-run=server', '-f', '-'], JSON.stringify(tap))).toContain(expected);
  });
});

test.each([
  ['tap.spec.destination', 'The node that gets the mirror interface'],
  ['tap.spec.targets', 'The pods of this workload, now and later'],
  ['ktap.status.failing', 'are not in order, and why'],
])('kubectl explains %s', async (field, expected) => {
  // What a description says may be broken into lines anywhere.
  expect((await kubectl(['explain', field])).replaceAll(/\s+/gu, ' ')).toContain(expected);
});

test('kubectl lists Taps by a short name and by their category', async () => {
  const none = 'No resources found in default namespace.';
  expect(await kubectl(['get', 'ktap'])).toBe(none);
  expect(await kubectl(['get', 'kokotap'])).toBe(none);
});

/** The pods that the controller makes of a Tap into a pod. */
function tapPods() {
  const cluster = new Cluster();
  cluster.node('node-0', 0);
  cluster.node('node-1', 1);
  cluster.pod('default', 'web', 'u1', 'node-0');
  cluster.pod('default', 'tool', 'u2', 'node-1');
  cluster.tap('t1', 'default', 'web', {
    targets: { selector: {} },
    destination: { podRef: { name: 'tool' } },
  });
  cluster.settle();
  return cluster.tapPods.map(({ name }) => {
    const { apiVersion, kind, metadata, spec } = JSON.parse(JSON.stringify(cluster.manifest(name)));
    const { labels, annotations } = metadata;
    return { apiVersion, kind, metadata: { name, namespace: 'kokotap', labels, annotations }, spec };
  });
}

const image = 'localhost/kokotap:0.1.0';

/** Makes a pod as the controller would. */
function create(pod: object): Promise<string> {
  return kubectl(
    ['create', '--as=system:serviceaccount:kokotap:kokotap-controller', '--dry-run=server', '-f', '-'],
    JSON.stringify(pod),
  );
}

describe.each(['sender', 'receiver'])('whoever takes the controller over can make a %s', (role) => {
  const found = tapPods().find(({ metadata }) => metadata.name.endsWith(role));
  const [container] = found?.spec.containers ?? [];
  const { securityContext: context } = container;
  const withSpec = (more: object) => ({
    ...found,
    spec: { ...found?.spec, containers: [{ ...container, image }], ...more },
  });
  const withContainer = (more: object) => withSpec({ containers: [{ ...container, image, ...more }] });
  test('as it should be', async () => {
    expect(await create(withSpec({}))).toContain('created');
  });

  test.each([
    ['of another image', 'is of the image', withContainer({ image: 'localhost/other:1' })],
    ['with a shell', 'runs kokotap-agent sender or receiver', withContainer({ command: ['sh'] })],
    ['of another command', 'runs kokotap-agent sender or receiver', withContainer({ args: ['capture-pod'] })],
    [
      'with an environment',
      'has no environment',
      withContainer({ env: [{ name: 'NODE_OPTIONS', value: 'x' }] }),
    ],
    ['without bounds', 'is not privileged', withContainer({ securityContext: {} })],
    [
      'that is privileged',
      'is not privileged',
      withContainer({ securityContext: { ...context, privileged: true, allowPrivilegeEscalation: true } }),
    ],
    [
      'with more capabilities',
      'the capabilities of taps only',
      withContainer({
        securityContext: { ...context, capabilities: { drop: ['ALL'], add: ['NET_ADMIN', 'SYS_MODULE'] } },
      }),
    ],
    [
      'with a folder of its node',
      'has no volume but',
      withSpec({ volumes: [...(found?.spec.volumes ?? []), { name: 'root', hostPath: { path: '/' } }] }),
    ],
    ['with a token', 'has no token', withSpec({ automountServiceAccountToken: true })],
    ["with its node's memory", "does not share its node's memory", withSpec({ hostIPC: true })],
    [
      'in another namespace',
      'cannot create resource "pods"',
      { ...withSpec({}), metadata: { ...found?.metadata, namespace: 'default' } },
    ],
  ])('but none %s', async (_, why, pod) => {
    expect(await create(pod)).toContain(why);
  });
});

test.each([
  ['kokotap-controller', ['get', 'secrets']],
  ['kokotap-controller', ['create', 'pods', '--subresource=exec']],
  ['kokotap-controller', ['create', 'serviceaccounts', '--subresource=token']],
  ['kokotap-controller', ['update', 'nodes']],
  ['default', ['list', 'pods']],
  ['default', ['list', 'taps.kokotap.dev']],
] as const)('the service account %s may not %s', async (account, right) => {
  const as = `--as=system:serviceaccount:kokotap:${account}`;
  expect(await kubectl(['auth', 'can-i', ...right, '-n', 'kokotap', as])).toMatch(/no$/u);
});

/** Makes a ConfigMap as the controller would. */
function applyConfigMap(namespace: string): Promise<string> {
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'vnis', namespace } };
  const as = '--as=system:serviceaccount:kokotap:kokotap-controller';
  return kubectl(['apply', '--server-side', as, '--dry-run=server', '-f', '-'], JSON.stringify(object));
}

test('the controller may write ConfigMaps beside the pods of the taps, and nowhere else', async () => {
  expect(await applyConfigMap('kokotap')).toContain('serverside-applied');
  expect(await applyConfigMap('default')).toContain('cannot patch resource "configmaps"');
});

test('Taps can be held to namespaces with a label', async () => {
  const template = readFileSync('deploy/chart/templates/policies.yaml', 'utf8');
  const [, policy = ''] = /Values\.policies\.namespaces \}\}\n([\s\S]*)\{\{- end \}\}/u.exec(template) ?? [];
  expect(await kubectl(['apply', '-f', '-'], policy)).toContain('kokotap-namespaces created');
  const tap = {
    apiVersion: 'kokotap.dev/v1alpha1',
    kind: 'Tap',
    metadata: { name: 'web', namespace: 'default' },
    spec: { targets: { selector: {} }, destination: { nodeName: 'node-b' } },
  };
  const createTap = () => kubectl(['create', '--dry-run=server', '-f', '-'], JSON.stringify(tap));
  const waiting = { timeout: 60_000, interval: 200 };
  const why = 'Taps are not allowed in this namespace';
  await vi.waitFor(async () => expect(await createTap()).toContain(why), waiting);
  await kubectl(['label', 'namespace', 'default', 'kokotap.dev/allow-taps=true']);
  await vi.waitFor(async () => expect(await createTap()).toContain('created'), waiting);
});
