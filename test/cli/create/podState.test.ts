import { expect, test } from 'vitest';
import { podStateOf, type StartingPod } from '#src/cli/create/podState.ts';

function starting(status: StartingPod['status'], metadata = {}): StartingPod {
  return {
    metadata: { name: 'kokotap-web-sender', namespace: 'taps', uid: 'u', ...metadata },
    spec: { nodeName: 'node-a', containers: [{ image: 'registry/kokotap:1' }] },
    status,
  };
}

const waiting = (reason: string, message?: string) =>
  starting({ phase: 'Pending', containerStatuses: [{ state: { waiting: { reason, message } } }] });

test.each([
  [
    starting({ phase: 'Running', conditions: [{ type: 'ContainersReady', status: 'True' }] }),
    { kind: 'ready' },
  ],
  [undefined, { kind: 'failed', reason: 'somebody has deleted it' }],
  [starting({}, { deletionTimestamp: 'now' }), { kind: 'failed', reason: 'somebody has deleted it' }],
  [
    starting({ phase: 'Failed', reason: 'OutOfcpu', message: 'Node has no cpu left' }),
    { kind: 'failed', reason: 'OutOfcpu: Node has no cpu left' },
  ],
  [
    waiting('ErrImageNeverPull'),
    {
      kind: 'failed',
      reason:
        'node node-a does not have the image registry/kokotap:1: import it there, or name one in a registry with --image',
    },
  ],
  [waiting('InvalidImageName', 'no'), { kind: 'failed', reason: 'InvalidImageName: no' }],
  [
    waiting('ImagePullBackOff', 'not found'),
    { kind: 'waiting', reason: 'node node-a cannot pull the image registry/kokotap:1: not found' },
  ],
  [waiting('CreateContainerError', 'no'), { kind: 'waiting', reason: 'CreateContainerError: no' }],
  [
    starting({
      phase: 'Running',
      containerStatuses: [
        {
          state: { waiting: { reason: 'CrashLoopBackOff' } },
          lastState: { terminated: { reason: 'Error', message: 'the document is wrong' } },
        },
      ],
    }),
    { kind: 'waiting', reason: 'its agent ends: Error: the document is wrong' },
  ],
  [
    waiting('ContainerCreating'),
    { kind: 'waiting', reason: 'node node-a has yet to start it', knows: 'events' },
  ],
  [
    starting({ phase: 'Pending' }),
    { kind: 'waiting', reason: 'node node-a has yet to start it', knows: 'events' },
  ],
  [
    starting({ phase: 'Running', containerStatuses: [{ state: { running: {} } }] }),
    { kind: 'waiting', reason: 'its agent has just started', knows: 'agent' },
  ],
])('%j', (pod, state) => {
  expect(podStateOf(pod)).toStrictEqual(state);
});
