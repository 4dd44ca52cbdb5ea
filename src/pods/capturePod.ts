import { DEFAULT_RESOURCES, type Quantities } from '#src/spec/resources.ts';
import { VERSION } from '#src/version.ts';
import { CONTAINER, imagePullPolicy, securityContext } from './container.ts';
import { OWN_PREFIX } from './labels.ts';
import { type AppArmorForm, appArmorAnnotation } from './appArmor.ts';

/** Selects the pods of all captures. */
export const CAPTURE_SELECTOR = 'app.kubernetes.io/name=kokotap-capture';
const CAPTURE_LABEL = `${OWN_PREFIX}capture`;

/** Where a spool is, if one is asked for. */
const SPOOL_FOLDER = '/spool';
/** What a spool may take of the disk beyond its size: the file that is just read. */
const SPOOL_MARGIN_BYTES = 64 * 2 ** 20;

/** The agent does what the pod is for, and ends by itself; there is nothing to clean up. */
const GRACE_SECONDS = 5;

export interface CapturePodInput {
  readonly captureId: string;
  readonly name: string;
  readonly namespace: string;
  readonly nodeName: string;
  readonly image: string;
  readonly imagePullSecret: string | undefined;
  readonly appArmor: AppArmorForm;
  /** The last guard: however the capture ends, the pod does not run longer. */
  readonly deadlineSeconds: number;
  readonly spoolBytes: number;
  /** How the reader calls what is captured, for people who find the pod. */
  readonly targets: string;
}

/** Entering another pod's network namespace takes the first two, capturing the third. */
const CAPABILITIES = ['SYS_ADMIN', 'SYS_PTRACE', 'NET_RAW'];

/** Rings and spool are no memory of the container's, but two processes of Node.js are, with what they have on the way. */
const LIMITS: Quantities = { memory: '512Mi' };

/**
 * The pod in which a reader starts the program that captures on a node. It has no network of its own to speak of, and nothing of
 * its node's but the process ids, by which it finds the network namespaces of the targets.
 */
export function capturePod(input: CapturePodInput) {
  const { captureId, name, namespace, nodeName, image, imagePullSecret, appArmor, spoolBytes } = input;
  const hasSpool = spoolBytes > 0;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace,
      labels: {
        'app.kubernetes.io/name': 'kokotap-capture',
        'app.kubernetes.io/instance': captureId,
        'app.kubernetes.io/version': VERSION,
        'app.kubernetes.io/managed-by': 'kokotap',
        [CAPTURE_LABEL]: captureId,
      },
      annotations: {
        [`${OWN_PREFIX}targets`]: input.targets,
        'cluster-autoscaler.kubernetes.io/safe-to-evict': 'true',
        ...appArmorAnnotation(appArmor),
      },
    },
    spec: {
      nodeName,
      hostPID: true,
      restartPolicy: 'Never',
      terminationGracePeriodSeconds: GRACE_SECONDS,
      activeDeadlineSeconds: input.deadlineSeconds,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      tolerations: [{ operator: 'Exists' }],
      ...(imagePullSecret === undefined ? {} : { imagePullSecrets: [{ name: imagePullSecret }] }),
      containers: [
        {
          name: CONTAINER,
          image,
          imagePullPolicy: imagePullPolicy(image),
          args: ['capture-pod'],
          resources: { requests: DEFAULT_RESOURCES.requests, limits: LIMITS },
          securityContext: securityContext(CAPABILITIES, appArmor === 'field'),
          ...(hasSpool ? { volumeMounts: [{ name: 'spool', mountPath: SPOOL_FOLDER }] } : {}),
        },
      ],
      ...(hasSpool
        ? { volumes: [{ name: 'spool', emptyDir: { sizeLimit: String(spoolBytes + SPOOL_MARGIN_BYTES) } }] }
        : {}),
    },
  };
}
