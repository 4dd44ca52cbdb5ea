import { expect, onTestFinished, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { command } from './support/kokotap.ts';

test('help is grouped, has an example and fits 80 columns', async () => {
  const { exitCode, stdout, stderr } = await command(['--help']);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([]);
  expect(stdout.replace(packageJson.version, 'VERSION')).toMatchInlineSnapshot(`
    "Usage: kokotap --pod=NAME {--dest-node=NODE | --dest-ip=ADDRESS} [flags]

    Prints the manifests of a tap: two pods that copy a pod's packets, live and
    complete, to an interface of a node you choose. Pipe them into kubectl.

    Target:
      --pod <name>                    pod whose packets are copied (required)
      -n, --namespace <name>          namespace of the pod (default: "default")
      --pod-ifname <names>            its interfaces: eth0,net1, or all (default:
                                      "eth0")
      --pod-container <name>          a container that the pod must have

    Destination (one of them):
      --dest-node <node>              node that gets the mirror interface
      --dest-ip <address>             address outside the cluster that ends the
                                      VXLAN itself

    Mirror:
      --mirrortype <type>             ingress, egress, both: as the pod sees it
                                      (default: "both")
      --filter <expression>           copy only what matches, such as "tcp port 80"
      --snaplen <bytes>               copy no more of each packet, 64 to 65535
      --sample <1/N>                  copy one conversation in N, both directions
      --max-rate <rate>               copy no more, such as 200mbit; the rest is
                                      counted
      --dest-ifname, --ifname <name>  mirror interface, at both ends (default:
                                      "mirror")
      --vxlan-id <vni>                VNI, 1 to 16777215 (default: one that no other
                                      tap has)
      --vxlan-port <port>             UDP port of the VXLAN (default: "4789")
      --source-address <address>      of the pod's node, where copies come from
      --dest-address <address>        of --dest-node, where copies go (default for
                                      both: the node's InternalIP)
      --metrics-port <port>           serve Prometheus on the nodes' loopback
      --duration <time>               end the tap after, for example, 30m or 1h30m

    Cluster:
      --kubeconfig <file>             default: $KUBECONFIG, ~/.kube/config,
                                      in-cluster
      --context <name>                default: the kubeconfig's current context
      --tap-namespace <name>          namespace of the tap's pods (default: the
                                      target's)
      --image <image>                 image of the tap's pods (default:
                                      "localhost/kokotap:VERSION")
      --requests <list>               what each of the tap's pods asks for:
                                      cpu=50m,memory=64Mi
      --limits <list>                 the most that each gets: cpu=500m,memory=128Mi
      --any-node                      also nodes that are not amd64, or whose kernel
                                      is untried

    Other:
      -v, --verbose                   show API requests and error stacks on stderr
      --version                       print the version
      -h, --help                      print this help

    Example: show all packets of pod "centos" on interface "mirror" of kube-master
      $ kokotap --pod=centos --dest-node=kube-master | kubectl create -f -
      kube-master$ tcpdump -i mirror

    The same line with "kubectl delete -f -" removes the tap.
    "
  `);
});

test.each([['-h'], ['--pod=web', '--help'], ['--help', '--pod=web']])(
  '%j %j prints the same help',
  async (...args) => {
    expect(await command(args)).toEqual(await command(['--help']));
  },
);

test('help is as wide on every terminal', async () => {
  const narrow = await command(['--help']);
  const { isTTY, columns } = process.stdout;
  Object.assign(process.stdout, { isTTY: true, columns: 200 });
  onTestFinished(() => void Object.assign(process.stdout, { isTTY, columns }));
  expect(await command(['--help'])).toEqual(narrow);
});

test('version', async () => {
  expect(await command(['--version'])).toEqual({
    exitCode: 0,
    stdout: `${packageJson.version}\n`,
    stderr: '',
  });
});
