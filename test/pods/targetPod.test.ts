import { expect, test } from 'vitest';
import { awaitedPod } from '#src/pods/targetPod.ts';

const tap = { id: '0123456789ab', namespace: 'taps' };

test.each([
  [
    { uid: 'u', name: 'team/web-0' },
    tap,
    true,
    'a running container of the pod team/web-0 with UID u on this node',
  ],
  [
    { uid: 'u', name: undefined },
    { ...tap, namespace: undefined },
    true,
    'a running container of the pod with UID u on this node',
  ],
  [
    { uid: 'u', name: 'team/web-0' },
    tap,
    false,
    'the pod team/web-0 with UID u, which this node does not have: a pod made anew under its name, as a StatefulSet does, has another UID; to renew the tap: kubectl delete pod -n taps -l kokotap.dev/tap=0123456789ab, then the line that made it',
  ],
  [
    { uid: 'u', name: undefined },
    { ...tap, namespace: undefined },
    false,
    'the pod with UID u, which this node does not have: a pod made anew under its name, as a StatefulSet does, has another UID; to renew the tap: kubectl delete pod -l kokotap.dev/tap=0123456789ab, then the line that made it',
  ],
])('of %j and %j, on the node: %s', (pod, { id, namespace }, isHere, awaited) => {
  expect(awaitedPod(pod, { id, namespace }, isHere)).toBe(awaited);
});
