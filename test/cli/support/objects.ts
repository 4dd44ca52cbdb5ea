/** API objects as a real cluster answers them, cut to what matters here. */

export interface PodSettings {
  readonly namespace?: string;
  readonly node?: string | undefined;
  readonly phase?: string;
  readonly metadata?: object;
  readonly spec?: object;
  readonly status?: object;
}

export function pod(name: string, settings: PodSettings = {}) {
  const { namespace = 'default', phase = 'Running' } = settings;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace,
      uid: `uid-of-${name}`,
      creationTimestamp: '2026-01-01T00:00:00Z',
      ...settings.metadata,
    },
    spec: {
      nodeName: 'node' in settings ? settings.node : 'node-a',
      containers: [{ name: 'main', image: 'x' }],
      ...settings.spec,
    },
    status: { phase, ...settings.status },
  };
}

interface NodeSettings {
  readonly ready?: string;
  readonly kubeletVersion?: string;
  readonly labels?: object;
  readonly nodeInfo?: object;
  /** Empty: none. */
  readonly external?: string;
}

export function node(
  name: string,
  addresses: readonly string[],
  {
    ready = 'True',
    kubeletVersion = 'v1.34.4',
    labels = {},
    nodeInfo = {},
    external = '203.0.113.99',
  }: NodeSettings = {},
) {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, uid: `uid-of-${name}`, labels },
    status: {
      addresses: [
        { type: 'Hostname', address: `host-of-${name}` },
        ...(external === '' ? [] : [{ type: 'ExternalIP', address: external }]),
        ...addresses.map((address) => ({ type: 'InternalIP', address })),
      ],
      conditions: [
        { type: 'MemoryPressure', status: 'False' },
        { type: 'Ready', status: ready },
      ],
      nodeInfo: {
        kubeletVersion,
        architecture: 'amd64',
        operatingSystem: 'linux',
        kernelVersion: '6.1.0-44-amd64',
        ...nodeInfo,
      },
    },
  };
}

export function tapPod(name: string, tapId: string, vni: number) {
  return pod(name, {
    metadata: {
      labels: {
        'app.kubernetes.io/name': 'kokotap',
        'kokotap.dev/tap': tapId,
        'kokotap.dev/vni': String(vni),
      },
    },
  });
}

/** The answer of an API server that refuses or does not find. */
export function status(code: number, reason: string, message: string) {
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, code };
}
