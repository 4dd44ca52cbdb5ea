import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { belongsToPod, podDepth } from '#src/tap/cgroup.ts';

const uid = '11111111-2222-3333-4444-555555555555';
const slice = uid.replaceAll('-', '_');

describe('a process belongs to the pod', () => {
  test.each([
    ['cgroup v1, cgroupfs driver', `12:pids:/kubepods/besteffort/pod${uid}/0123abcd\n1:name=systemd:/`],
    ['Guaranteed, cgroupfs driver', `3:cpu:/kubepods/pod${uid}/0123abcd`],
    ['CRI-O', `3:cpu:/kubepods/burstable/pod${uid}/crio-0123abcd`],
    ['cgroup v2, cgroupfs driver', `0::/kubepods/burstable/pod${uid}/0123abcd`],
    [
      'systemd driver',
      `0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${slice}.slice/cri-containerd-01.scope`,
    ],
    ['Guaranteed, systemd driver', `0::/kubepods.slice/kubepods-pod${slice}.slice/crio-01.scope`],
    [
      'a node inside a container',
      `0::/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-besteffort.slice/kubelet-kubepods-besteffort-pod${slice}.slice/cri-containerd-01.scope`,
    ],
    ["seen from a cgroup namespace of one's own", `0::/../../pod${uid}/0123abcd`],
  ])('%s', (_, cgroup) => {
    expect(belongsToPod(cgroup, uid)).toBe(true);
  });

  test.each([
    ['another pod', `0::/kubepods/pod21111111-2222-3333-4444-555555555555/c`],
    ['a pod whose UID begins alike', `0::/kubepods/pod${uid}0/c`],
    ['a pod whose UID ends alike', `0::/kubepods/pod0${uid}/c`],
    ["the UID as a container's name", `0::/kubepods/pod0/${uid}`],
    ['the node itself', '0::/system.slice/containerd.service'],
    ['nothing', ''],
  ])('not: %s', (_, cgroup) => {
    expect(belongsToPod(cgroup, uid)).toBe(false);
  });

  test("never another pod's, in any form", () => {
    fc.assert(
      fc.property(fc.uuid(), fc.uuid(), (a, b) => {
        fc.pre(a !== b);
        for (const cgroup of forms(b)) expect(belongsToPod(cgroup, a)).toBe(false);
      }),
    );
  });

  test('nearer to it the fewer folders are between', () => {
    expect(podDepth(`0::/kubepods/pod${uid}/c`, uid)).toBe(1);
    expect(podDepth(`0::/kubepods/pod${uid}/c/docker/nested`, uid)).toBe(3);
  });
});

function forms(of: string): string[] {
  return [
    `0::/kubepods/besteffort/pod${of}/c`,
    `0::/kubepods.slice/kubepods-pod${of.replaceAll('-', '_')}.slice/c.scope`,
  ];
}
