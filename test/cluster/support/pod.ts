import { api, pathOf } from './api.ts';
import { fieldOf } from './field.ts';
import { flowPort, flowProgram } from './flowProgram.ts';
import { kubectl, type NodeName, scriptOnNode } from './lab.ts';
import { until } from './until.ts';

export interface PodWish {
  readonly name: string;
  readonly node: NodeName;
  /** Default: one, `main`. */
  readonly containers?: readonly string[];
  /** Changes to the pod's spec. */
  readonly spec?: Record<string, unknown>;
}

export const toolsImage = 'localhost/kokotap-lab-tools:1';

const tcpPort = 8080;

const HASH = String.raw`.metadata.annotations.kubernetes\.io/config\.hash`;

/** Answers with what it gets, over TCP and UDP. */
export const echoCommand = [
  'bash',
  '-c',
  `socat TCP6-LISTEN:${tcpPort},ipv6only=0,fork,reuseaddr EXEC:cat & exec python3 -c "$1" echo ${flowPort}`,
  'bash',
  flowProgram,
];

/** The pod as the API takes it. */
export function podObject({ name, node, containers = ['main'], spec = {} }: PodWish) {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: {
      nodeName: node,
      // With none, the API forgets the pod before its node does.
      terminationGracePeriodSeconds: 1,
      containers: containers.map((container, index) => ({
        name: container,
        image: toolsImage,
        command: index === 0 ? echoCommand : ['sleep', 'infinity'],
        // To ping; CRI-O does not give it unless asked to.
        securityContext: { capabilities: { add: ['NET_RAW'] } },
        // With none, all other work of its node goes before it: on a busy machine it echoes seconds late.
        resources: { requests: { cpu: '50m' } },
      })),
      ...spec,
    },
  };
}

/** A running pod of a test. */
export class Pod {
  readonly namespace: string;
  readonly name: string;
  readonly node: NodeName;
  /** The one that its node knows it by. */
  #uid: string | undefined;

  constructor(namespace: string, name: string, node: NodeName) {
    this.namespace = namespace;
    this.name = name;
    this.node = node;
  }

  /** The object in the API. */
  async object(): Promise<unknown> {
    const object = await api.get(pathOf('pods', this.namespace, this.name));
    if (object === undefined) throw new Error(`there is no pod ${this.namespace}/${this.name}`);
    return object;
  }

  /** A field of the object in the API: see {@link fieldOf}. */
  async field(path: string): Promise<string> {
    return fieldOf(await this.object(), path);
  }

  address(): Promise<string> {
    return this.field('.status.podIP');
  }

  /** One of each family that the lab has. */
  async addresses(): Promise<string[]> {
    return (await this.field('.status.podIPs[*].ip')).split(' ');
  }

  /** Waits until the API has the address that the pod has now. */
  addressKnown(): Promise<void> {
    return until("the API has the pod's new address", async () =>
      (await this.inNetns('ip', '-brief', 'address')).includes(` ${await this.address()}/`),
    );
  }

  /** Runs a program in the pod's container, as a user does. */
  exec(...command: string[]): Promise<string> {
    return kubectl('exec', this.name, '-n', this.namespace, '--', ...command);
  }

  async ping(address: string, count: number): Promise<void> {
    await this.inNetns('ping', '-q', '-i', '0.1', '-c', String(count), address);
  }

  /** Has bytes echoed over TCP. */
  async sendTcp(address: string, bytes: number): Promise<void> {
    const script = 'head -c "$1" /dev/zero | socat -t 5 - "TCP:$2" | wc -c';
    const back = await this.inNetns('bash', '-c', script, 'bash', String(bytes), at(address, tcpPort));
    if (Number(back) !== bytes) throw new Error(`${back} of ${bytes} bytes came back`);
  }

  /** Has texts echoed over UDP, a datagram each. */
  async sendUdp(address: string, texts: readonly string[]): Promise<void> {
    const script = 'to=$1; shift; for text; do printf "$text" | socat -t 0.2 - "UDP:$to"; done';
    const back = await this.inNetns('bash', '-c', script, 'bash', at(address, flowPort), ...texts);
    if (back !== texts.join('')) throw new Error(`UDP came back as ${back}`);
  }

  /** A process of the pod, in its network, by the number that its node has for it. */
  pid(): Promise<string> {
    return this.script('echo "$pid"');
  }

  /** Runs a shell script on the pod's node; $pid is a process of the pod there. */
  async script(script: string, ...args: string[]): Promise<string> {
    this.#uid ??= await this.#askUid();
    return scriptOnNode(this.node, `${findPid}\n${script}`, this.#uid, ...args);
  }

  /** Of a static pod the kubelet knows another UID than the API. */
  async #askUid(): Promise<string> {
    const object = await this.object();
    return fieldOf(object, HASH) || fieldOf(object, '.metadata.uid');
  }

  /** Runs a program of the node in the pod's network namespace. */
  inNetns(...command: string[]): Promise<string> {
    return this.script('nsenter --net="/proc/$pid/ns/net" "$@"', ...command);
  }

  /** Inode number of its network namespace. */
  netns(): Promise<string> {
    return this.script('stat -L -c %i "/proc/$pid/ns/net"');
  }
}

/** An address and a port as socat takes them. */
function at(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/**
 * Sets $pid to a process in the network of the pod whose UID is the first argument, and takes that away. systemd's name of
 * the pod's group has `_` for `-`.
 */
const findPid = `
pid=
for file in $(grep -lsE "/pod$1(/|$)|-pod\${1//-/_}[.]slice(/|$)" /proc/[0-9]*/cgroup); do
  folder=\${file%/cgroup}
  netns=$(readlink "$folder/ns/net") || continue
  if [ "$netns" != "$(readlink /proc/1/ns/net)" ]; then pid=\${folder#/proc/}; break; fi
done
if [ -z "$pid" ]; then echo "the pod $1 has no process" >&2; exit 1; fi
shift`;
