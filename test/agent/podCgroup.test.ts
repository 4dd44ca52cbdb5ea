import { mkdirSync, mkdtempSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { findPodCgroups } from '#src/net/podCgroup.ts';
import { podFolderNames } from '#src/tap/proc/cgroup.ts';

const uid = '11111111-2222-3333-4444-555555555555';
const slice = uid.replaceAll('-', '_');

function findPodCgroup(root: string, podUid: string): string | undefined {
  const found = findPodCgroups(root);
  return [...podFolderNames(podUid)].map((name) => found.get(name)).find((folder) => folder !== undefined);
}

/** A tree of folders as the kubelet makes them, in place of a node's cgroups. */
function cgroups(...folders: readonly string[]): string {
  const root = mkdtempSync(path.join(tmpdir(), 'kokotap-test-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  for (const folder of ['system.slice/sshd.service', 'kubepods/besteffort', ...folders])
    mkdirSync(path.join(root, folder), { recursive: true });
  return root;
}

test.each([
  `kubepods/pod${uid}`,
  `kubepods/besteffort/pod${uid}`,
  `kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${slice}.slice`,
  `kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-besteffort.slice/kubelet-kubepods-besteffort-pod${slice}.slice`,
  `actions_job/node/kubelet/kubepods/pod${uid}`,
])('the cgroup %s of a pod is found, and is not when it is gone', (folder) => {
  const root = cgroups(`${folder}/0123`);
  expect(findPodCgroup(root, uid)).toBe(path.join(root, folder));
  rmdirSync(path.join(root, folder, '0123'));
  rmdirSync(path.join(root, folder));
  expect(findPodCgroup(root, uid)).toBe(undefined);
});

test("another pod's is not, nor one deeper than a kubelet makes them", () => {
  const other = uid.replace('1', '2');
  expect(findPodCgroup(cgroups(`kubepods/pod${other}`, `a/b/c/d/e/pod${uid}`), uid)).toBe(undefined);
});
