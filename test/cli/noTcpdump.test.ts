import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from './support/folder.ts';
import { startFakeApi } from './support/fakeApi.ts';
import { documents, kokotap, kubeconfig, kubeconfigFile } from './support/kokotap.ts';
import { node, pod } from './support/objects.ts';

const objects = [pod('web'), node('node-a', ['10.0.0.1']), node('node-b', ['10.0.0.2'])];
const args = ['--pod=web', '--dest-node=node-b', '--vxlan-id=5'];

test.each([
  ['there is none', undefined],
  ['it may not compile', '#!/bin/sh\necho "tcpdump: no permission" >&2; exit 1\n'],
])('a wrong filter is left to the sender where of tcpdump %s', async (_, program) => {
  const folder = await temporaryFolder();
  if (program !== undefined) await writeFile(path.join(folder, 'tcpdump'), program, { mode: 0o755 });
  await using api = await startFakeApi({ objects });
  const env = { PATH: folder, KUBECONFIG: await kubeconfigFile(kubeconfig(api.url)) };
  const outcome = await kokotap([...args, '--filter=tcp prt 80'], env);
  expect(outcome).toMatchObject({ exitCode: 0, stderr: '' });
  expect(documents(outcome.stdout)).toHaveLength(2);
});
