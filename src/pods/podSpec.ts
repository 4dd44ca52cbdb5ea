import type { Tap } from '#src/spec/tap.ts';
import type { Role } from '#src/tap/ownership/mark.ts';
import type { ReadySocket } from '#src/tap/ownership/readySocket.ts';
import { containerResources } from '#src/spec/resources.ts';
import { type AppArmorForm, appArmorAnnotation } from './appArmor.ts';
import { CONTAINER, imagePullPolicy, securityContext } from './container.ts';
import { listMount, listVolume } from './endpointAnnotation.ts';
import { READY_FILE } from './runFolder.ts';

export interface PodSpecInput {
  readonly role: Role;
  readonly nodeName: string;
  readonly args: readonly string[];
  readonly appArmor: AppArmorForm;
  /** The agent enters other pods' network namespaces: a sender its target's, a receiver that of a destination pod. */
  readonly entersPods: boolean;
  /** The agent reads a list of endpoints from the pod's own annotation: `args` are {@link listArgs}. */
  readonly readsList?: boolean;
  /** Where the agent of one endpoint listens while it is ready. */
  readonly readyAt?: ReadySocket;
}

/** What of a tap its pods are made of. */
export type PodSettings = Pick<Tap, 'image' | 'requests' | 'limits' | 'durationSeconds' | 'imagePullSecret'>;

/**
 * The removal of a tap of a pod takes 70 ms of CPU time, that of a node with 300 interfaces 400 ms (measured,
 * test/kernel/grace.test.ts): 8 s by the 50m that it requests, and 1 s at its limit.
 */
export const GRACE_SECONDS = 30;

/** Changing the node's own network takes one, entering another pod's network namespace all three. */
const NODE_CAPABILITIES = ['NET_ADMIN'];
const POD_CAPABILITIES = ['NET_ADMIN', 'SYS_ADMIN', 'SYS_PTRACE'];

/**
 * The spec of a tap's pod. It names its node instead of asking the scheduler, tolerates every taint (a tap is
 * wanted on that node and no other), and has no rights in the Kubernetes API.
 */
export function podSpec(tap: PodSettings, input: PodSpecInput) {
  const { entersPods, nodeName, readsList } = input;
  const { durationSeconds, imagePullSecret } = tap;
  return {
    nodeName,
    hostNetwork: true,
    // Other pods' network namespaces are found in the node's /proc.
    // Without that the agent shares its pod's: as PID 1 it would not hear a SIGTERM before Node.js has installed its handlers.
    ...(entersPods ? { hostPID: true } : { shareProcessNamespace: true }),
    restartPolicy: 'Always',
    terminationGracePeriodSeconds: GRACE_SECONDS,
    ...(durationSeconds === undefined ? {} : { activeDeadlineSeconds: durationSeconds }),
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    tolerations: [{ operator: 'Exists' }],
    ...(imagePullSecret === undefined ? {} : { imagePullSecrets: [{ name: imagePullSecret }] }),
    ...(readsList === true ? { volumes: [listVolume] } : {}),
    containers: [agentContainer(tap, input)],
  };
}

/** What the kubelet and the cluster autoscaler read from the pod's annotations. */
export function podAnnotations({
  entersPods,
  appArmor,
}: Pick<PodSpecInput, 'entersPods' | 'appArmor'>): Record<string, string> {
  return {
    // A pod without a controller keeps its node from being removed otherwise.
    'cluster-autoscaler.kubernetes.io/safe-to-evict': 'true',
    ...(entersPods ? appArmorAnnotation(appArmor) : {}),
  };
}

/** After the first time: so late it may be seen that a tap is not Ready any more, or is again. */
export const READINESS_SECONDS = 10;
/** The same of a pod of many endpoints. */
const LIST_READINESS_SECONDS = 30;

/**
 * The kubelet itself connects to where the agent of one endpoint listens, which costs it next to nothing. To run a program in
 * the container takes kubelet and runtime some 45 ms of CPU time (measured with containerd), as for a pod of many endpoints:
 * those have no address of their own.
 */
function probes(readyAt: ReadySocket | undefined) {
  const isReady =
    readyAt === undefined
      ? { exec: { command: ['test', '-e', READY_FILE] }, timeoutSeconds: 5 }
      : { tcpSocket: { host: readyAt.address, port: readyAt.port }, timeoutSeconds: 5 };
  const periodSeconds = readyAt === undefined ? LIST_READINESS_SECONDS : READINESS_SECONDS;
  return {
    // Frequent only until the tap is there for the first time, which no number of failures is to end.
    startupProbe: { ...isReady, periodSeconds: 3, failureThreshold: NEVER },
    readinessProbe: { ...isReady, periodSeconds, failureThreshold: 1 },
  };
}
/** The largest number of failures that the API takes: 200 years. */
const NEVER = 2 ** 31 - 1;

function agentContainer(
  { image, requests, limits }: PodSettings,
  { args, entersPods, appArmor, readsList, readyAt }: PodSpecInput,
) {
  return {
    name: CONTAINER,
    image,
    imagePullPolicy: imagePullPolicy(image),
    args,
    ...(readsList === true ? { volumeMounts: [listMount] } : {}),
    resources: containerResources({ requests, limits }),
    ...probes(readyAt),
    // The runtimes' default AppArmor profile denies reading other processes' namespaces.
    securityContext: securityContext(
      entersPods ? POD_CAPABILITIES : NODE_CAPABILITIES,
      entersPods && appArmor === 'field',
    ),
  };
}
