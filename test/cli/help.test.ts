import { expect, onTestFinished, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { command } from './support/kokotap.ts';

test('help is grouped, has an example and fits 80 columns', async () => {
  const { exitCode, stdout, stderr } = await command(['--help']);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([]);
  expect(stdout.replace(packageJson.version, 'VERSION')).toMatchInlineSnapshot(`
    "Usage: kokotap --pod=NAME --dest-{node=NODE|pod=NAME|ip=ADDRESS} [flags]

    Prints the manifests of a tap: two pods that copy a pod's packets, live and
    complete, to an interface of a node you choose. Pipe them into kubectl.

    Target:
      --pod <name>                    pod whose packets are copied; of one with
                                      hostNetwork, those of its node (required)
      -n, --namespace <name>          namespace of the pod (default: the context's)
      --pod-ifname <names>            its interfaces, by any of their names: one,
                                      several (eth0,net1), or all, also those that
                                      come later (default: eth0)
      --pod-container <name>          a container that the pod must have; all
                                      containers of a pod share its network

    Destination (a node, a pod or an address):
      --dest-node <node>              node that gets the mirror interface
      --dest-pod <name>               running pod, such as Suricata, that gets the
                                      mirror interface in its network
      --dest-namespace <name>         namespace of --dest-pod (default: the
                                      target's)
      --dest-ip <address>             address outside the cluster that ends the
                                      VXLAN itself; only a sender is made

    Mirror:
      --mirrortype <type>             ingress, egress or both, as the pod sees it
                                      (default: both)
      --filter <expression>           copy only what matches this pcap-filter(7),
                                      such as 'tcp port 80', or of frames with a
                                      VLAN tag 'vlan 5 and tcp port 80' (default:
                                      everything)
      --snaplen <bytes>               bytes that a copy keeps of a packet, 64 to
                                      65535; its IP header says the true length
                                      (default: all)
      --sample <1/N>                  1/100 copies one conversation in a hundred,
                                      both directions; fragments go by their
                                      addresses (default: all)
      --max-rate <rate>               copy no more a second than, for example,
                                      200mbit; the rest is counted, the pod never
                                      waits (default: unlimited)
      --fast-path                     send copies past the IP stack of the pod's
                                      node while no IPsec policy or netfilter rule
                                      there would treat them
      --dest-ifname, --ifname <name>  mirror interface, at both ends (default:
                                      mirror)
      --vxlan-id <vni>                VNI of the VXLAN, 1 to 16777215, or the first
                                      of a range such as 100-131 that no other tap
                                      has (default: one that no other tap has)
      --vxlan-port <port>             UDP port of the VXLAN; that of a pod with
                                      hostNetwork is 4789 (default: 4789)
      --source-address <address>      address of the pod's node that copies come
                                      from (default: the node's InternalIP)
      --dest-address <address>        address of the destination's node that copies
                                      go to (default: the node's InternalIP)
      --metrics-port <port>           serve the account to Prometheus on 127.0.0.1
                                      of both nodes (default: no metrics)
      --duration <time>               end the tap after, for example, 30m or 1h30m
                                      (default: until deleted)

    Tap's pods:
      --tap-namespace <name>          namespace of the tap's pods (default: the
                                      target's)
      --image <image>                 image of the tap's pods (default:
                                      localhost/kokotap:VERSION)
      --image-pull-secret <name>      Secret to pull the image with, in the
                                      namespace of the tap's pods
      --requests <list>               what each of the tap's pods asks for, as for
                                      kubectl set resources; also ephemeral-storage
                                      (default: cpu=50m,memory=64Mi)
      --limits <list>                 the most that each gets (default:
                                      cpu=500m,memory=128Mi)
      --any-node                      also nodes that are not amd64 (--image must be
                                      built for them), or whose kernel is older than
                                      5.10

    Cluster, by flags of kubectl:
      --kubeconfig <file>             kubeconfig file (default: $KUBECONFIG,
                                      ~/.kube/config, in-cluster)
      --context <name>                context of the kubeconfig (default: its
                                      current one)
      --cluster <name>                cluster of the kubeconfig (default: the
                                      context's)
      --user <name>                   user of the kubeconfig (default: the
                                      context's)
      -s, --server <url>              URL of the API server (default: the cluster's)
      --as <name>                     user to act as
      --as-group <name>               group to act as, may be given again
      --as-uid <uid>                  UID to act as
      --token <token>                 bearer token for the API server
      --client-certificate <file>     certificate to log in with
      --client-key <file>             its key
      --certificate-authority <file>  certificates that the API server is trusted by
      --tls-server-name <name>        name in the API server's certificate (default:
                                      the URL's)
      --insecure-skip-tls-verify      trust any API server
      --request-timeout <time>        the longest that a request may take, 0 for no
                                      limit (default: 8s)

    Other:
      --kubectl <program>             program to reach the cluster through, such as
                                      oc (default: $KUBECTL, kubectl)
      -v, --verbose                   show API requests and error stacks on stderr
      --version                       print the version
      -h, --help                      print this help

    Commands (kokotap COMMAND --help says more):
      capture                         shows or saves packets of pods
      create                          makes a tap, and waits until copies can flow
      list                            lists taps, with their rates and losses
      status                          shows both ends of taps, and their counts
      top                             shows rates and losses of taps, once a second
      delete                          deletes taps, and waits until they are gone
      doctor                          says what would stop a tap or a capture
      extcap                          makes pods interfaces of Wireshark
      completion                      prints a script that completes command lines

    Example: show all packets of pod "centos" on interface "mirror" of kube-master
      $ kokotap --pod=centos --dest-node=kube-master | kubectl create -f -
      kube-master$ tcpdump -i mirror

    The same line with "kubectl delete -f -" removes the tap.

    "kokotap capture deploy/web" shows packets at once, without a tap: see kokotap
    capture --help.
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

test.each(['capture', 'create', 'list', 'ls', 'status', 'delete'])(
  'help of %s fits 80 columns',
  async (name) => {
    const { exitCode, stdout } = await command([name, '--help']);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^Usage: kokotap (?:capture|create|list|status|delete) /u);
    expect(stdout).toContain('-n, --namespace <');
    expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([]);
  },
);
