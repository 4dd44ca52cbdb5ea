import { readdirSync, readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  belongsToPod,
  podDepth,
  podFolderNames,
  podFolders,
  withoutParentsAndContainer,
} from '#src/tap/proc/cgroup.ts';

const uid = '11111111-2222-3333-4444-555555555555';
const slice = uid.replaceAll('-', '_');
const id = '0123456789abcdef'.repeat(4);

describe('recorded on real systems', () => {
  const recorded = readRecorded();

  test.each(recorded)('$system', ({ cgroup, podUid }) => {
    expect(belongsToPod(cgroup, podUid)).toBe(true);
  });

  test.each(recorded)('no other pod: $system', ({ cgroup, podUid }) => {
    const others = recorded.filter((other) => other.podUid !== podUid);
    expect(others.filter((other) => belongsToPod(cgroup, other.podUid))).toEqual([]);
  });
});

describe('built after the forms of the kubelet and the runtimes', () => {
  test.each([
    ['Guaranteed, cgroupfs driver', `3:cpu:/kubepods/pod${uid}/${id}`],
    ['Guaranteed, systemd driver', `0::/kubepods.slice/kubepods-pod${slice}.slice/crio-${id}.scope`],
    ['CRI-O, cgroupfs driver', `3:cpu:/kubepods/burstable/pod${uid}/crio-${id}`],
    ['conmon, cgroupfs driver', `3:cpu:/kubepods/burstable/pod${uid}/crio-conmon-${id}`],
    [
      "the kubelet's cgroup root beside a folder like a pod's",
      `0::/podruntime.slice/kubepods/pod${uid}/${id}`,
    ],
    ["a static pod whose UID is its manifest's", `0::/kubepods/podmine/${id}`, 'mine'],
  ])('%s', (_, cgroup, podUid = uid) => {
    expect(belongsToPod(cgroup, podUid)).toBe(true);
  });

  test.each([
    ["the UID as a container's name", `0::/kubepods/pod0/${uid}`],
    ['a folder that ends like the pod', `0::/kubepods/mypod${uid}/${id}`],
    ['a slice that ends like the pod', `0::/kubepods.slice/mypod${slice}.slice/${id}`],
    ['a hierarchy named like the pod', `1:name=kubepods-pod${slice}.slice:/`],
    ['the node itself', '0::/system.slice/containerd.service'],
    ['nothing', ''],
  ])('not: %s', (_, cgroup) => {
    expect(belongsToPod(cgroup, uid)).toBe(false);
  });
});

describe('in every form', () => {
  test('its own', () => {
    fc.assert(
      fc.property(anyUid, (own) => {
        expect(forms(own).filter((cgroup) => !belongsToPod(cgroup, own))).toEqual([]);
      }),
    );
  });

  test("never another pod's, however alike the UIDs", () => {
    fc.assert(
      fc.property(twoUids, ([own, other]) => {
        expect(forms(other).filter((cgroup) => belongsToPod(cgroup, own))).toEqual([]);
      }),
    );
  });

  test("never another pod's, whatever it names its own cgroups", () => {
    fc.assert(
      fc.property(anyUid, anyUid, (own, other) => {
        fc.pre(own !== other);
        const forged = ownFolders(own).flatMap((folder) => forms(other, folder));
        expect(forged.filter((cgroup) => belongsToPod(cgroup, own))).toEqual([]);
        expect(forged.filter((cgroup) => !belongsToPod(cgroup, other))).toEqual([]);
      }),
    );
  });
});

describe('a cluster in a pod', () => {
  const inner = `/docker/${id}/kubelet/kubepods/pod${uid}/${id}`;
  const outer = '66666666-7777-8888-9999-000000000000';

  test("is that pod's on the node", () => {
    const seen = `0::/kubepods/pod${outer}/${id}${inner}`;
    expect(podDepth(seen, outer)).toBe(7);
    expect(belongsToPod(seen, uid)).toBe(false);
  });

  test('has pods of its own inside, where a cgroup namespace cuts the path', () => {
    expect(belongsToPod(`0::${inner}`, uid)).toBe(true);
    expect(belongsToPod(`0::/../../pod${uid}/${id}`, uid)).toBe(true);
  });
});

test('nearer to the pod the fewer folders are between', () => {
  expect(podDepth(`0::/system.slice/kubepods-pod${slice}.slice:cri-containerd:${id}`, uid)).toBe(0);
  expect(podDepth(`0::/system.slice/kubepods-pod${slice}.slice:cri-containerd:${id}/nested`, uid)).toBe(1);
  expect(podDepth(`0::/kubepods/pod${uid}/c`, uid)).toBe(1);
  expect(podDepth(`0::/kubepods/pod${uid}/c/docker/nested`, uid)).toBe(3);
});

/** Each file: its system, its source and its pod's UID behind `#`, then the content of a process's cgroup file. */
function readRecorded() {
  const folder = new URL('cgroups/', import.meta.url);
  return readdirSync(folder).map((file) => {
    const [, system = '', podUid = '', cgroup = ''] =
      /^# (.+)\n# .+\n# pod (.+)\n([^]+)$/.exec(readFileSync(new URL(file, folder), 'utf8')) ?? [];
    return { system, podUid, cgroup };
  });
}

/** Of the API server, or of a static pod. */
const anyUid = fc.oneof(fc.uuid(), fc.stringMatching(/^[\da-f]{32}$/));

const twoUids = fc
  .tuple(anyUid, anyUid, fc.stringMatching(/^[\da-f]{1,4}$/), fc.nat(35))
  .chain(([a, b, more, at]) =>
    fc.constantFrom<[string, string]>(
      [a, b],
      [a, a + more],
      [a, more + a],
      [a, `${more}-${a}`],
      [a, a.slice(0, -more.length)],
      [a, a.slice(more.length)],
      [a, a.replaceAll('-', '')],
      [a, a.slice(0, at) + more + a.slice(at + more.length)],
    ),
  )
  .filter(([a, b]) => a !== b)
  .chain(([a, b]) => fc.constantFrom<[string, string]>([a, b], [b, a]));

/** Contents of /proc/PID/cgroup for a process of the pod: drivers, runtimes, nodes in containers, cgroup versions. */
function forms(of: string, below = ''): string[] {
  const nodes = ['', `/docker/${id}`, `/machine.slice/libpod-${id}.scope/container`, '/../..'];
  const containers = [`/${id}`, `/crio-${id}.scope/container`, `/crio-conmon-${id}`, `/docker-${id}.scope`];
  const paths = ownFolders(of).flatMap((folder) => containers.map((container) => folder + container));
  const inColons = ownFolders(of).flatMap((folder) =>
    folder.endsWith('.slice') ? `${folder}:cri-containerd:${id}` : [],
  );
  return nodes
    .flatMap((node) => [...paths, ...inColons].map((path) => node + path + below))
    .flatMap((path) => [`0::${path}\n`, `12:rdma:/\n11:cpu,cpuacct:${path}\n1:name=systemd:${path}\n0::/\n`]);
}

function ownFolders(of: string): string[] {
  const escaped = of.replaceAll('-', '_');
  return [
    `/pod${of}`,
    `/kubepods/pod${of}`,
    `/kubelet/kubepods/burstable/pod${of}`,
    `/kubepods-pod${escaped}.slice`,
    `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${escaped}.slice`,
    `/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-besteffort.slice/kubelet-kubepods-besteffort-pod${escaped}.slice`,
  ];
}

test.each([
  [`pod${uid}`, true],
  [`pod${slice}.slice`, true],
  [`kubepods-burstable-pod${slice}.slice`, true],
  [`kubelet-kubepods-besteffort-pod${slice}.slice`, true],
  [`kubepods-burstable-pod${slice}.slice:cri-containerd:${id}`, true],
  [`pod${uid.replace('1', '2')}`, false],
  [uid, false],
  ['kubepods', false],
])('the folder %s is the pod: %s', (folder, is) => {
  expect(podFolderNames(uid).has(withoutParentsAndContainer(folder))).toBe(is);
});

test('the folders that may be those of pods, of all hierarchies', () => {
  const lines = [
    `12:cpu:/kubepods/burstable/pod${uid}/${id}`,
    `1:name=systemd:/kubepods.slice/kubepods-pod${slice}.slice:cri-containerd:${id}`,
    '0::/system.slice/mypod.service',
    '',
  ];
  expect(podFolders(lines.join('\n'))).toEqual([`pod${uid}`, `pod${slice}.slice`]);
});

test.each([
  [`kubepods-burstable-pod${slice}.slice`, `pod${slice}.slice`],
  [`pod${slice}.slice:cri-containerd:${id}`, `pod${slice}.slice`],
  [`kubepods-pod${slice}.slice.d`, `kubepods-pod${slice}.slice.d`],
  [`kubepods.pod${slice}.slice`, `kubepods.pod${slice}.slice`],
  [`pod${uid}`, `pod${uid}`],
])('%s is the folder %s', (folder, own) => {
  expect(withoutParentsAndContainer(folder)).toBe(own);
});
