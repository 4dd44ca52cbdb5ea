import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { expect, onTestFinished } from 'vitest';
import { codeOf, textOf } from '../support/documents.ts';
import { type NodeName, nodeProgram, onNode, runtimes, scriptOnNode } from './support/lab.ts';
import { type Sandbox, test } from './support/sandbox.ts';
import { until } from './support/until.ts';

const archive = 'kokotap-image.tar';

/** The program of README's line for a runtime, and how to have it forget an image. */
function toolOf(runtime: string): { program: string; remove: string[] } {
  if (runtime.startsWith('containerd'))
    return { program: 'ctr', remove: ['ctr', '-n', 'k8s.io', 'images', 'rm'] };
  const program = runtime === 'cri-o' ? 'podman' : runtime;
  return { program, remove: [program, 'rmi'] };
}

/** README's line that begins with the program. */
function lineOf(program: string): string {
  const found = codeOf(textOf('README.md')).find((code) => code.startsWith(`${program} `));
  if (found === undefined) throw new Error(`README has no line for ${program}`);
  return found;
}

test("each runtime imports the image's archive as README types it", async ({ sandbox }) => {
  // Other tests' taps have the image by its own name.
  const image = `localhost/kokotap:${sandbox.namespace}`;
  const file = await archiveNamed(sandbox, image);
  await Promise.all(
    runtimes.map(async ({ node, runtime }, index) => {
      const { program, remove } = toolOf(runtime);
      await inFolderWith(sandbox, node, file, lineOf(program));
      sandbox.defer(() => onNode(node, remove[0] ?? '', ...remove.slice(1), image));
      await expectTap(sandbox, node, image, index);
    }),
  );
});

test("a registry gets the image's archive as README types it, and nodes pull it", async ({ sandbox }) => {
  const { node, runtime } = runtimes.find((each) => each.runtime === 'docker') ?? runtimes[0] ?? nowhere();
  const registry = '127.0.0.1:5000';
  await startRegistry(sandbox, node, registry);
  await inFolderWith(
    sandbox,
    node,
    path.resolve('dist', archive),
    lineOf('skopeo').replace('REGISTRY', registry),
  );
  const image = `${registry}/kokotap:0.1.0`;
  const { remove } = toolOf(runtime);
  sandbox.defer(() => onNode(node, remove[0] ?? '', ...remove.slice(1), image));
  await expectTap(sandbox, node, image, 0);
});

test("the image's compiler of filters knows the names of ports and protocols", async () => {
  const root = mkdtempSync(path.join(tmpdir(), 'kokotap-test-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  await execa('bash', [
    '-ec',
    'tar -xOf "$1" base.tar.gz | tar -xzC "$2"',
    'bash',
    path.resolve('dist', archive),
    root,
  ]);
  const compile = async (expression: string) => {
    const { stdout } = await execa('chroot', [root, 'tcpdump', '-ddd', '-y', 'EN10MB', expression]);
    return stdout;
  };
  for (const [names, numbers] of [
    ['tcp port http', 'tcp port 80'],
    ['not port ssh', 'not tcp port 22'],
    ['udp port domain', 'udp port 53'],
    [String.raw`ip proto \udp or ip proto ospf`, 'ip proto 17 or ip proto 89'],
  ] as const)
    expect(await compile(names)).toBe(await compile(numbers));
  await expect(compile(String.raw`ip proto \nosuch`)).rejects.toThrow("unknown ip proto 'nosuch'");
});

test('a node asks nobody for an image of localhost that it lacks', async ({ sandbox }) => {
  await sandbox.startPod({ name: 'web', node: 'node-a' });
  const image = '--image=localhost/kokotap:nowhere';
  const names = await sandbox.createTap('--pod=web', '--dest-node=node-b', image);
  const reason = '.status.containerStatuses[*].state.waiting.reason';
  await until('both pods say so', async () => {
    const reasons = await Promise.all(names.map((name) => sandbox.field('pods', name, reason)));
    return reasons.join(' ') === 'ErrImageNeverPull ErrImageNeverPull';
  });
});

test('two builds of the image are the same to the byte, whatever the umask', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'kokotap-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const umask of ['022', '077'])
    await execa('bash', ['-ec', 'umask "$1"; image/build "$2"', 'bash', umask, path.join(folder, umask)]);
  expect((await execa('cmp', ['022', '077'], { cwd: folder })).exitCode).toBe(0);
});

function nowhere(): never {
  throw new Error('the lab has no node');
}

/** A tap on one node, both of whose pods run the image. */
async function expectTap(sandbox: Sandbox, node: NodeName, image: string, index: number): Promise<void> {
  const name = `web-${index}`;
  await sandbox.startPod({ name, node });
  const made = await sandbox.tap(`--pod=${name}`, `--dest-node=${node}`, `--image=${image}`);
  const images = await Promise.all(
    made.map((pod) => sandbox.field('pods', pod, '.spec.containers[*].image')),
  );
  expect(images).toEqual([image, image]);
}

/** The image's archive, with another name for the image. */
async function archiveNamed(sandbox: Sandbox, image: string): Promise<string> {
  const folder = mkdtempSync(path.join(tmpdir(), 'kokotap-test-'));
  sandbox.defer(async () => rmSync(folder, { recursive: true }));
  const file = path.join(folder, archive);
  await execa('cp', [path.resolve('dist', archive), file]);
  const { stdout } = await execa('tar', ['-xOf', file, 'manifest.json']);
  const [manifest] = JSON.parse(stdout);
  writeFileSync(path.join(folder, 'manifest.json'), JSON.stringify([{ ...manifest, RepoTags: [image] }]));
  await execa('tar', ['--delete', '-f', file, 'manifest.json']);
  await execa('tar', ['-rf', file, '-C', folder, 'manifest.json']);
  return file;
}

/** Types a line on a node, in a folder that has the archive. */
async function inFolderWith(sandbox: Sandbox, node: NodeName, file: string, line: string): Promise<void> {
  const folder = `/tmp/${sandbox.namespace}`;
  sandbox.defer(() => onNode(node, 'rm', '-rf', folder));
  const script = 'mkdir -p "$1"; cd "$1"; cat >"$2"; bash -ec "$3"; rm "$2"';
  await execa(nodeProgram, [node, 'bash', '-ec', script, 'script', folder, archive, line], {
    input: createReadStream(file),
    timeout: 60_000,
  });
}

/** Starts a registry on a node's loopback, without TLS, which the node's programs are told to accept. */
async function startRegistry(sandbox: Sandbox, node: NodeName, address: string): Promise<void> {
  const folder = `/tmp/${sandbox.namespace}-registry`;
  const accepted = `/etc/containers/registries.conf.d/${sandbox.namespace}.conf`;
  sandbox.defer(() => onNode(node, 'rm', '-rf', folder, accepted));
  const config = {
    version: 0.1,
    storage: { filesystem: { rootdirectory: folder } },
    http: { addr: address },
  };
  await scriptOnNode(
    node,
    `mkdir -p "$1" "\${2%/*}"
    printf '[[registry]]\\nlocation = "%s"\\ninsecure = true\\n' "$3" >"$2"
    echo "$4" >"$1/config.yml"`,
    folder,
    accepted,
    address,
    JSON.stringify(config),
  );
  const child = spawn(nodeProgram, [node, 'docker-registry', 'serve', `${folder}/config.yml`], {
    stdio: 'ignore',
  });
  sandbox.defer(async () => {
    child.kill('SIGTERM');
    await once(child, 'exit');
  });
  await until('the registry answers', async () => {
    await onNode(node, 'curl', '--silent', '--fail', `http://${address}/v2/`);
    return true;
  });
}
