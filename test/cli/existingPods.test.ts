import { expect, test } from 'vitest';
import { type Override, refuse, startFakeApi } from './support/fakeApi.ts';
import { commandAt, documents } from './support/kokotap.ts';
import { node, pod } from './support/objects.ts';

const nodes = [node('node-a', ['10.0.0.1']), node('node-b', ['10.0.0.2'])];
const LINE = ['--pod=web', '--dest-node=node-b', '--vxlan-id=5'];

interface Manifest {
  readonly kind: string;
  readonly metadata: object;
  readonly spec?: object;
}

const OUR_ANNOTATION = { 'kokotap.dev/target': 'pod/default/web' };

/** What the line prints while all is well. */
async function printedManifests(line: readonly string[] = LINE): Promise<Manifest[]> {
  await using api = await startFakeApi({ objects: [pod('web'), ...nodes] });
  const { stdout } = await commandAt(api.url, line);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return documents(stdout) as Manifest[];
}

/** The manifest as the API server gives it back. */
function live(manifest: Manifest) {
  return {
    ...manifest,
    metadata: {
      ...manifest.metadata,
      uid: 'u',
      resourceVersion: '1',
      managedFields: [],
      annotations: { ...OUR_ANNOTATION, 'kubectl.kubernetes.io/last-applied-configuration': '{}' },
    },
    spec: { ...manifest.spec, dnsPolicy: 'ClusterFirst', schedulerName: 'default-scheduler' },
    status: { phase: 'Running' },
  };
}

async function runWith(objects: readonly Manifest[], line: readonly string[] = LINE, override?: Override) {
  await using api = await startFakeApi({
    objects: [...objects, ...nodes],
    ...(override ? { override } : {}),
  });
  return await commandAt(api.url, line);
}

test.each([
  ['gone', [], 'There is no pod "web" in namespace "default"'],
  [
    'pending',
    [pod('web', { phase: 'Pending', node: undefined })],
    'Pod "web" in namespace "default" is not running yet (phase Pending): wait until it is, then try again',
  ],
  [
    'finished',
    [pod('web', { phase: 'Failed' })],
    'Pod "web" in namespace "default" has finished (phase Failed): tap a running pod',
  ],
  ['on a node that is gone', [pod('web', { node: 'gone' })], 'There is no node "gone"'],
])('a tap whose target is %s can be deleted by the same line', async (_, target, reason) => {
  const printed = await printedManifests();
  const { exitCode, stdout, stderr } = await runWith([...printed.map(live), ...target]);
  expect(stderr).toBe(
    `kokotap: warning: ${reason}; these are the tap's pods that still exist, to be deleted\n`,
  );
  expect(exitCode).toBe(0);
  expect(documents(stdout)).toEqual(printed.map(withOurAnnotation));
});

test('a time limit is printed again', async () => {
  const line = [...LINE, '--duration=1h'];
  const printed = await printedManifests(line);
  const { stdout } = await runWith(printed.map(live), line);
  expect(documents(stdout)).toEqual(printed.map(withOurAnnotation));
});

test('what only some taps have is printed again', async () => {
  const special = { readinessGates: [{ conditionType: 'x' }], imagePullSecrets: [{ name: 'login' }] };
  const printed = await printedManifests();
  const { stdout } = await runWith(
    printed.map((manifest) => live({ ...manifest, spec: Object.assign({}, manifest.spec, special) })),
  );
  expect(documents(stdout)).toMatchObject([{ spec: special }, { spec: special }]);
});

test('only the pods that still exist are printed', async () => {
  const [, receiver] = await printedManifests();
  const { stdout } = await runWith(receiver ? [live(receiver)] : []);
  expect(documents(stdout)).toMatchObject([{ metadata: { name: 'kokotap-web-receiver-node-b' } }]);
});

test("the sender of the pod's tap to another destination is left alone", async () => {
  const others = await printedManifests(['--pod=web', '--dest-node=node-a']);
  const { exitCode, stdout } = await runWith(others.map(live));
  expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
});

test('who may not see the tap hears of the target', async () => {
  const printed = await printedManifests();
  const { exitCode, stdout, stderr } = await runWith(printed.map(live), LINE, ({ path }) =>
    path.includes('kokotap-') ? refuse(403, 'Forbidden', 'no') : undefined,
  );
  expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
  expect(stderr).toContain('There is no pod "web"');
});

test('no hint is asked for while there are pods to print', async () => {
  const printed = await printedManifests();
  const asked: string[] = [];
  const { exitCode, stdout } = await runWith(printed.map(live), LINE, ({ path }) => {
    asked.push(path);
    return undefined;
  });
  expect(exitCode).toBe(0);
  expect(documents(stdout)).toHaveLength(2);
  expect(asked).not.toContain('/api/v1/namespaces/default/pods');
});

test('a line says so if the pods cannot be asked for', async () => {
  const printed = await printedManifests();
  const { exitCode, stdout, stderr } = await runWith(printed.map(live), LINE, ({ path }) =>
    path.includes('receiver') ? refuse(503, 'ServiceUnavailable', 'no etcd') : undefined,
  );
  expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
  expect(stderr).toMatch(
    /^kokotap: There is no pod "web" in namespace "default", and whether pods of the tap are left is not known: API server \S+ is in trouble \(status 503\): no etcd; try again later\n$/u,
  );
});

function withOurAnnotation({ metadata, ...rest }: Manifest) {
  return { ...rest, metadata: { ...metadata, annotations: OUR_ANNOTATION } };
}

test('the pods of a tap whose filter is wrong are printed to be deleted', async () => {
  const manifests = await printedManifests();
  const line = [...LINE, '--filter=tcp prt 80'];
  const outcome = await runWith([pod('web'), ...manifests.map(live)], line);
  expect(outcome.exitCode).toBe(0);
  expect(outcome.stderr).toContain('syntax error ("tcp prt 80"); these are the tap\'s pods that still exist');
  expect(documents(outcome.stdout)).toHaveLength(manifests.length);
});
