import { expect } from 'vitest';
import { codeOf, commandsOf, textOf } from '../support/documents.ts';
import { kubectl } from './support/lab.ts';
import { type Sandbox, test } from './support/sandbox.ts';
import { typed } from './support/typed.ts';
import { user } from './support/users.ts';

const readme = codeOf(textOf('README.md'));

/** The line of README that begins so. */
function line(beginning: string): string {
  const found = readme.find((code) => code.startsWith(beginning));
  if (found === undefined) throw new Error(`README has no line that begins with: ${beginning}`);
  return found;
}

function tapLine({ namespace, ifname }: Sandbox, ...flags: string[]): string {
  return ['kokotap --pod=web --dest-node=node-b', `-n=${namespace}`, `--ifname=${ifname}`, ...flags].join(
    ' ',
  );
}

/** The pods that a line's output names. */
function podsIn(stdout: string, verb: string): string[] {
  return [...stdout.matchAll(/^pod\/(\S+) (\S+)$/gmu)].flatMap(([, name = '', did]) =>
    did === verb ? [name] : [],
  );
}

test('the block of rights is enough for a user, and ends where it says', async ({ sandbox }) => {
  const { namespace } = sandbox;
  const [taps, name] = [`${namespace}-taps`, `${namespace}-user`];
  const granting = readme.filter((code) => /^kubectl (?:label|create [a-z])/u.test(code));
  expect(granting).toHaveLength(10);
  sandbox.defer(() => kubectl('delete', 'namespace', taps, '--wait=false'));
  sandbox.defer(() => kubectl('delete', 'pods', '--all', '-n', taps));
  for (const kind of ['clusterrole', 'clusterrolebinding'])
    sandbox.defer(() => kubectl('delete', kind, `${namespace}-nodes`, `${namespace}-vni`));
  for (const code of granting) {
    const own = code
      .replaceAll(/\btap-(?=target|nodes|vni)/gu, `${namespace}-`)
      .replaceAll(/\btaps\b/gu, taps)
      .replace('-n default', `-n ${namespace}`)
      .replace('USER', name);
    expect(await typed(own)).toMatchObject({ exitCode: 0, stderr: '' });
  }
  const web = await sandbox.startPod({ name: 'web', node: 'node-a' });
  await sandbox.createPod({ name: 'other', node: 'node-a' });
  const before = await sandbox.snapshot(web);
  const kubeconfig = await user(sandbox, name);
  const works = async (command: string): Promise<string> => {
    const { exitCode, stdout, stderr } = await typed(command, kubeconfig);
    expect({ command, exitCode, stderr }).toEqual({ command, exitCode: 0, stderr: '' });
    return stdout;
  };

  const tap = tapLine(sandbox, `--tap-namespace=${taps}`);
  const made = podsIn(await works(`${tap} | kubectl create -f -`), 'created');
  expect(made).toHaveLength(2);
  const [sender = ''] = made;
  const pods = made.map((pod) => `pod/${pod}`).join(' ');
  await works(`kubectl wait -n ${taps} --for=condition=Ready --timeout=60s ${pods}`);
  expect(await works(`kubectl get pods -n ${taps} -o name`)).toBe(
    made
      .map((pod) => `pod/${pod}`)
      .toSorted()
      .join('\n'),
  );
  const id = await works(
    `kubectl get pod ${sender} -n ${taps} -o jsonpath='{.metadata.labels.kokotap\\.dev/tap}'`,
  );
  sandbox.watchTap(id);

  const logs = `kubectl logs -n ${taps} ${sender}`;
  const status = `kubectl exec -n ${taps} ${sender} -- kokotap-agent status --tap-id=${id}`;
  for (const beyond of [
    logs,
    status,
    `kubectl get pod -n ${namespace} other`,
    `kubectl delete pod -n ${namespace} web`,
    `${tapLine(sandbox)} | kubectl create -f -`,
    'kubectl get nodes',
    `kubectl get secrets -n ${taps}`,
    `kubectl delete namespace ${taps}`,
  ]) {
    const { exitCode, stderr } = await typed(beyond, kubeconfig);
    expect({ beyond, exitCode, stderr }).toEqual({
      beyond,
      exitCode: 1,
      stderr: expect.stringContaining(`User "${name}" cannot `),
    });
  }

  // README: logs and `status` need these as well.
  for (const [verb, resource] of [
    ['get', 'pods/log'],
    ['create', 'pods/exec'],
  ] as const) {
    await kubectl('create', 'role', verb, '-n', taps, `--verb=${verb}`, `--resource=${resource}`);
    await kubectl('create', 'rolebinding', verb, '-n', taps, `--role=${verb}`, `--user=${name}`);
  }
  expect(await works(logs)).toContain('"state":"ready"');
  expect(JSON.parse(await works(status)).observed).toMatchObject([{ role: 'sender' }]);

  expect(await works(`${tap} | kubectl delete -f -`)).toContain(`pod "${sender}" deleted`);
  expect(await sandbox.snapshot(web)).toEqual(before);
});

test('Pod Security refuses a tap below the level privileged', async ({ sandbox }) => {
  const { namespace } = sandbox;
  await sandbox.startPod({ name: 'web', node: 'node-a' });
  const create = `${tapLine(sandbox)} | kubectl create -f -`;
  const privileged = `${line('kubectl label namespace taps').replace('taps', namespace)} --overwrite`;
  for (const level of ['restricted', 'baseline']) {
    await typed(privileged.replace('privileged', level));
    const { exitCode, stdout, stderr } = await typed(create);
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
    expect(stderr.match(/ is forbidden: violates PodSecurity "[a-z]+:latest": /gu)).toEqual(
      Array(2).fill(` is forbidden: violates PodSecurity "${level}:latest": `),
    );
  }
  expect(await sandbox.kubectl('get', 'pods', '-o', 'name')).toBe('pod/web');
  await typed(privileged);
  await sandbox.ready(...podsIn((await typed(create)).stdout, 'created'));
});

test('a tap can be applied, and listed and deleted by its labels', async ({ sandbox }) => {
  const { namespace, vni } = sandbox;
  const web = await sandbox.startPod({ name: 'web', node: 'node-a' });
  const before = await sandbox.snapshot(web);
  const apply = `${tapLine(sandbox, `--vxlan-id=${vni}`)} | kubectl apply -f -`;
  const names = podsIn((await typed(apply)).stdout, 'created');
  expect(names).toHaveLength(2);
  await sandbox.ready(...names);
  const again = await typed(apply);
  expect(podsIn(again.stdout, 'unchanged')).toEqual(names);
  expect(again.stderr).toBe('');

  const tap = await sandbox.tapId(names[0] ?? '');
  sandbox.watchTap(tap);
  const { stdout } = await typed(line('kubectl get pods -A -l'));
  const [head = '', ...rows] = stdout.split('\n');
  expect(head).toMatch(/ TAP +VNI +ROLE$/u);
  const own = rows.filter((row) => row.startsWith(`${namespace} `));
  const [sender, receiver] = names;
  expect(own).toEqual(
    expect.arrayContaining([
      expect.stringMatching(new RegExp(` ${sender} .* ${tap} +${vni} +sender$`, 'u')),
      expect.stringMatching(new RegExp(` ${receiver} .* ${tap} +${vni} +receiver$`, 'u')),
    ]),
  );
  expect(own).toHaveLength(2);

  const remove = line('kubectl delete pod -l').replace('TAP', tap);
  expect(await typed(`${remove} -n ${namespace}`)).toMatchObject({ exitCode: 0 });
  expect(await sandbox.kubectl('get', 'pods', '-o', 'name')).toBe('pod/web');
  expect(await sandbox.snapshot(web)).toEqual(before);
});

test('kubectl understands every command line of the documents', async () => {
  const commands = new Set(commandsOf('kubectl').map(({ command }) => command));
  expect(commands).toContain('kubectl describe pod POD');
  const outcomes = await Promise.all(
    [...commands]
      // One shortened by an ellipsis cannot be typed, and plugins are not kubectl's own.
      .filter((command) => !/…|^kubectl (?:kokotap|krew)\b/u.test(command))
      .map(async (command) => {
        const [own = '', ...inPod] = command.split(' -- ');
        const { exitCode, stdout, stderr } = await typed([`${own} --help`, ...inPod].join(' -- '));
        const verb = own.split(' ').slice(0, 2).join(' ');
        return exitCode === 0 && stdout.includes(`\n  ${verb} `) ? [] : [`${command}: ${stderr}`];
      }),
  );
  expect(outcomes.flat()).toEqual([]);
});
