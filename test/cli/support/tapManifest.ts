import { expect } from 'vitest';
import * as z from 'zod/mini';
import packageJson from '../../../package.json' with { type: 'json' };

export interface ExpectedTap {
  readonly id: string;
  /** As the annotation has it. */
  readonly destination: string;
  /** Those that not every tap has. */
  readonly labels: Readonly<Record<string, string>>;
}

/** The whole manifest of a pod of a tap of pod `centos`; `document` is what else its agent is given. */
export function tapManifest(
  { id, destination, labels }: ExpectedTap,
  role: keyof typeof OF_ROLE,
  name: string,
  nodeName: string,
  document: object,
) {
  const { capabilities, security, spec } = OF_ROLE[role];
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: 'default',
      labels: {
        'app.kubernetes.io/name': 'kokotap',
        'app.kubernetes.io/instance': id,
        'app.kubernetes.io/component': role,
        'app.kubernetes.io/version': packageJson.version,
        'app.kubernetes.io/managed-by': 'kokotap',
        'kokotap.dev/tap': id,
        'kokotap.dev/role': role,
        ...labels,
      },
      annotations: {
        'cluster-autoscaler.kubernetes.io/safe-to-evict': 'true',
        'kokotap.dev/target': 'pod/default/centos',
        'kokotap.dev/target-interface': 'eth0',
        'kokotap.dev/destination': destination,
      },
    },
    spec: {
      nodeName,
      hostNetwork: true,
      ...spec,
      restartPolicy: 'Always',
      terminationGracePeriodSeconds: 30,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      tolerations: [{ operator: 'Exists' }],
      containers: [
        {
          name: 'agent',
          image: `localhost/kokotap:${packageJson.version}`,
          imagePullPolicy: 'Never',
          args: [role, jsonOf({ apiVersion: 'kokotap.dev/v1alpha1', tapId: id, ...document })],
          resources: {
            requests: { cpu: '50m', memory: '64Mi' },
            limits: { cpu: '500m', memory: '128Mi' },
          },
          startupProbe: {
            tcpSocket: readyAt(id, role),
            timeoutSeconds: 5,
            periodSeconds: 3,
            failureThreshold: 2147483647,
          },
          readinessProbe: {
            tcpSocket: readyAt(id, role),
            timeoutSeconds: 5,
            periodSeconds: 10,
            failureThreshold: 1,
          },
          securityContext: {
            runAsUser: 0,
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'], add: capabilities },
            seccompProfile: { type: 'RuntimeDefault' },
            ...security,
          },
        },
      ],
    },
  };
}

/** The rights that a role needs and the other does not. */
const OF_ROLE = {
  sender: {
    capabilities: ['NET_ADMIN', 'SYS_ADMIN', 'SYS_PTRACE'],
    security: { appArmorProfile: { type: 'Unconfined' } },
    spec: { hostPID: true },
  },
  receiver: { capabilities: ['NET_ADMIN'], security: {}, spec: { shareProcessNamespace: true } },
};

/** Matches the JSON text of an object, in whatever order its fields are. */
function jsonOf(expected: object): unknown {
  return expect.toSatisfy((text: string) => {
    expect(JSON.parse(text)).toEqual(expected);
    return true;
  });
}

/** What the agent of a printed pod is given. */
export function documentOf(manifest: unknown): unknown {
  const { spec } = z.parse(podSchema, manifest);
  return JSON.parse(spec.containers[0].args[1]);
}

const podSchema = z.object({
  spec: z.object({ containers: z.tuple([z.object({ args: z.tuple([z.string(), z.string()]) })]) }),
});

/** A loopback address of the tap's own. */
function readyAt(id: string, role: string) {
  const bytes = [0, 2, 4].map((at) => Number.parseInt(id.slice(at, at + 2), 16));
  return { host: ['127', ...bytes].join('.'), port: role === 'sender' ? 27_400 : 27_401 };
}
