import { expect, test } from 'vitest';
import { capturePod } from '#src/pods/capturePod.ts';

const input = {
  captureId: '0123456789',
  name: 'kokotap-capture-0123456789-1',
  namespace: 'kokotap',
  nodeName: 'node-a',
  image: 'registry.example/kokotap:1',
  imagePullSecret: undefined,
  appArmor: 'field',
  deadlineSeconds: 90,
  spoolBytes: 0,
  targets: 'shop/web',
} as const;

test('the pod of a capture has a network of its own, the rights to look into others, and an end', () => {
  expect(capturePod(input)).toMatchSnapshot();
});

test('a spool is a volume with a limit, and a secret pulls the image', () => {
  const { spec } = capturePod({ ...input, spoolBytes: 1_000_000, imagePullSecret: 'pull' });
  expect(spec.volumes).toStrictEqual([{ name: 'spool', emptyDir: { sizeLimit: '68108864' } }]);
  expect(spec.containers[0]?.volumeMounts).toStrictEqual([{ name: 'spool', mountPath: '/spool' }]);
  expect(spec.imagePullSecrets).toStrictEqual([{ name: 'pull' }]);
});

test('AppArmor is left out as the node knows it', () => {
  const { metadata, spec } = capturePod({ ...input, appArmor: 'annotation', image: 'localhost/kokotap:1' });
  expect(metadata.annotations).toHaveProperty(
    ['container.apparmor.security.beta.kubernetes.io/agent'],
    'unconfined',
  );
  expect(spec.containers[0]?.securityContext).not.toHaveProperty('appArmorProfile');
  expect(spec.containers[0]?.imagePullPolicy).toBe('Never');
});
