import * as z from 'zod/mini';
import { describe, expect } from 'vitest';
import { type EndpointDocument, parseReceiver, parseSender } from '#src/spec/endpoint.ts';
import { endpointListText } from '#src/spec/endpointList.ts';
import { tapSchema } from '#src/spec/tap.ts';
import { joinedDeviceName, type Role } from '#src/tap/ownership/mark.ts';
import { ENDPOINTS_ANNOTATION, listArgs } from '#src/pods/endpointAnnotation.ts';
import { TAP_SELECTOR } from '#src/pods/labels.ts';
import { podAnnotations, podSpec, type PodSpecInput } from '#src/pods/podSpec.ts';
import { kubeletMinor } from './support/api.ts';
import { captureOnNode } from './support/capture.ts';
import { kokotap, type NodeName, nextTo, runtimes, scriptOnNode } from './support/lab.ts';
import { pings } from './support/packets.ts';
import type { Pod } from './support/pod.ts';
import { type Sandbox, test } from './support/sandbox.ts';
import { until } from './support/until.ts';

/** What the two agents are given of one target. */
interface Endpoints {
  readonly sender: EndpointDocument;
  readonly receiver: EndpointDocument;
}

const roles: readonly Role[] = ['sender', 'receiver'];

describe.each(runtimes)('$runtime', ({ node }) => {
  test('one pod at the targets and one at the destination serve many targets, which come and go', async ({
    sandbox,
  }) => {
    const far = nextTo(node);
    const targets = await Promise.all(['web', 'db'].map((name) => sandbox.startPod({ name, node })));
    const endpoints = await Promise.all(targets.map((target) => endpointsOf(sandbox, target, far)));
    for (const role of roles)
      await createAgent(sandbox, role, role === 'sender' ? node : far, endpoints.slice(0, 1));
    await sandbox.ready(...roles);
    expect(await echoesSeen(sandbox, far, targets)).toEqual([6, 0]);
    await setLists(sandbox, endpoints);
    await untilJoined(far, endpoints, endpoints);
    await untilReady(sandbox, endpoints);
    await sandbox.ready(...roles);
    expect(await echoesSeen(sandbox, far, targets)).toEqual([6, 6]);
    await setLists(sandbox, endpoints.slice(1));
    await untilJoined(far, endpoints, endpoints.slice(1));
    expect(await echoesSeen(sandbox, far, targets)).toEqual([0, 6]);
    await sandbox.delete('pods', ...roles);
    expect(await sandbox.traces()).toEqual([]);
  });
});

/** As kokotap gives them to a tap's own pods, but joined into one interface. */
async function endpointsOf(sandbox: Sandbox, target: Pod, destination: NodeName): Promise<Endpoints> {
  const { stdout } = await kokotap([
    `--pod=${target.name}`,
    `--dest-node=${destination}`,
    `--ifname=${sandbox.ifname}`,
    `--namespace=${sandbox.namespace}`,
    `--vxlan-id=${sandbox.vni + (target.name === 'web' ? 0 : 1)}`,
  ]);
  const documentOf = (kind: string): string =>
    new RegExp(`\\{.*"kind":"${kind}".*\\}`, 'u').exec(stdout)?.[0] ?? stdout;
  const sender = parseSender(documentOf('Sender'));
  sandbox.watchTap(sender.tapId);
  return { sender, receiver: { ...parseReceiver(documentOf('Receiver')), joined: true } };
}

/** Makes a pod of many endpoints. */
async function createAgent(
  sandbox: Sandbox,
  role: Role,
  node: NodeName,
  endpoints: readonly Endpoints[],
): Promise<void> {
  const tap = z.parse(tapSchema, { pod: 'web', destination: { node } });
  const input: PodSpecInput = {
    role,
    nodeName: node,
    args: listArgs(role),
    appArmor: (await kubeletMinor(node)) < 30 ? 'annotation' : 'field',
    entersPods: role === 'sender',
    readsList: true,
  };
  const [key, value = ''] = TAP_SELECTOR.split('=');
  const metadata = {
    name: role,
    labels: { [key ?? '']: value },
    annotations: { ...podAnnotations(input), [ENDPOINTS_ANNOTATION]: listOf(role, endpoints) },
  };
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata, spec: podSpec(tap, input) };
  await sandbox.create(pod);
}

function listOf(role: Role, endpoints: readonly Endpoints[]): string {
  return endpointListText(endpoints.map((each) => each[role]));
}

async function setLists(sandbox: Sandbox, endpoints: readonly Endpoints[]): Promise<void> {
  for (const role of roles) {
    const annotation = `${ENDPOINTS_ANNOTATION}=${listOf(role, endpoints)}`;
    await sandbox.kubectl('annotate', '--overwrite', 'pod', role, annotation);
  }
}

/** Waits until the destination has the devices of some endpoints, of all that there may be, and each of them is ready. */
async function untilJoined(
  node: NodeName,
  all: readonly Endpoints[],
  wanted: readonly Endpoints[],
): Promise<void> {
  await until('the destination has the devices of the list', async () => {
    const links = await scriptOnNode(node, 'ip -brief link');
    return all.every((each) => links.includes(joinedDeviceName(each.sender.tapId)) === wanted.includes(each));
  });
}

/** Waits until both agents say of each endpoint that it is ready: the kubelet asks them every few seconds only. */
async function untilReady(sandbox: Sandbox, wanted: readonly Endpoints[]): Promise<void> {
  await until('each endpoint is ready at both ends', async () => {
    const answers = await Promise.all(
      roles.map((role) => sandbox.kubectl('exec', role, '--', 'kokotap-agent', 'status')),
    );
    const ready = answers.map(
      (answer) =>
        new Set(
          z
            .parse(statusSchema, JSON.parse(answer))
            .endpoints.flatMap(({ tap, state }) => (state === 'ready' ? [tap] : [])),
        ),
    );
    return wanted.every(({ sender }) => ready.every((taps) => taps.has(sender.tapId)));
  });
}

const statusSchema = z.object({ endpoints: z.array(z.object({ tap: z.string(), state: z.string() })) });

/** How many echoes of each target, both ways, a capture at the one interface has; each of them pings three times. */
async function echoesSeen(sandbox: Sandbox, node: NodeName, targets: readonly Pod[]): Promise<number[]> {
  const addresses = await Promise.all(targets.map((target) => target.address()));
  const packets = await captureOnNode(node, sandbox.ifname, async () => {
    for (const target of targets) {
      const gateway = (await target.inNetns('ip', 'route', 'show', 'default')).split(' ')[2] ?? '';
      await target.ping(gateway, 3);
    }
  });
  return addresses.map((address) => {
    const own = packets.filter(({ source, destination }) => source === address || destination === address);
    return pings(own, 'request').length + pings(own, 'reply').length;
  });
}
