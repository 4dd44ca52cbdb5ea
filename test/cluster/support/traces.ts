import { handleOf } from '#src/tap/ownership/mark.ts';
import { type NodeName, nodes, scriptOnNode } from './lab.ts';
import type { Pod } from './pod.ts';

/** Extended regular expressions for the lines of {@link listScript} that show a device, filter or table of these taps. */
export function tracesOf(tapIds: Iterable<string>): string[] {
  return [...tapIds].flatMap((id) => {
    const handles = [true, false].map((ownsQdisc) => handleOf(id, ownsQdisc).toString(16));
    return [`kokotap[:-]${id}`, `tap-${id}-`, `handle 0x(${handles.join('|')})( |$)`];
  });
}

/** The same for any tap. In the lab nobody else makes a clsact qdisc. */
export const tracesOfAnyTap =
  'kokotap[:-][0-9a-f]{12}|table inet kokotap|handle 0x6b[0-9a-f]{6}|qdisc clsact';

/** The lines with these traces, in all network namespaces of all nodes. */
export async function traces(pattern: string): Promise<string[]> {
  const found = await Promise.all(nodes.map((node) => scriptOnNode(node, tracesScript, listScript, pattern)));
  return found.flatMap((lines, index) =>
    lines.split('\n').flatMap((line) => (line === '' ? [] : `${nodes[index]}: ${line}`)),
  );
}

/** What a tap can change of a pod's network namespace, which is everything. */
export function podSnapshot(pod: Pod): Promise<string> {
  return pod.inNetns('bash', '-ec', podScript);
}

/**
 * Of a node's network namespace: its own devices, the ends there of these pods' cables, and traces. Other tests' pods and
 * taps come and go meanwhile and are left out.
 */
export async function nodeSnapshot(node: NodeName, pods: readonly Pod[], pattern: string): Promise<string> {
  const cables = await Promise.all(pods.filter((pod) => pod.node === node).map(cableOf));
  return scriptOnNode(node, nodeScript, listScript, pattern, JSON.stringify(cables));
}

/** The index that the other end of the pod's eth0 has on its node. */
async function cableOf(pod: Pod): Promise<number> {
  const link = await pod.inNetns('ip', '-oneline', 'link', 'show', 'eth0');
  const [, index] = /^\d+: eth0@if(\d+):/.exec(link) ?? [];
  if (index === undefined) throw new Error(`eth0 of the pod ${pod.name} has no other end: ${link}`);
  return Number(index);
}

/** The names of a network namespace's devices. jq takes ten times as long. */
const namesScript = String.raw`ip -oneline link show | sed -E 's/^[0-9]+: ([^:@]+).*/\1/'`;

/** Links, qdiscs, filters and tables of a network namespace. A device may go between being listed and being looked into. */
const listScript = String.raw`
ip -details link show
tc qdisc show
${namesScript} | sed 's/.*/filter show dev & ingress\nfilter show dev & egress/' |
  tc -force -batch - 2>/dev/null || true
nft list tables
nft list table inet kokotap 2>/dev/null || true`;

/** A process may end between being listed and being looked into. */
const tracesScript = String.raw`
find /proc/[0-9]*/ns/net -printf '%l %h\n' 2>/dev/null | sort -u -k1,1 | while read -r _ folder; do
  nsenter --net="$folder/net" bash -ec "$1" 2>/dev/null | grep -E "$2" || true
done`;

/** Where nodes name network namespaces, ip takes the name for the other end's from the node's list, which changes. */
const podScript = String.raw`
ip -details link show | sed -E 's/ link-netns(id)? [^ ]+//'
for device in $(${namesScript}); do
  echo "$device"
  tc qdisc show dev "$device"
  for hook in ingress egress; do tc filter show dev "$device" "$hook" 2>/dev/null || true; done
done
nft list tables`;

/**
 * A node's own devices are those that are no cables of pods and no taps': lo, eth0 and the bridge. The bridge comes with the
 * first pod on the node, and takes its address and state from those on it. A tap of a node that another test has made puts clsact and its filters, told by
 * their preferences, onto the node's devices.
 */
const nodeScript = String.raw`
ip -details -json link show | jq -r --argjson cables "$3" '.[]
  | .ifname as $name
  | select((.ifindex as $index | any($cables[]; . == $index))
      or .ifname == "eth0" or (.linkinfo.info_kind == "bridge" and ($cables | length > 0))
      or (.linkinfo.info_kind as $kind | any("veth", "bridge"; . == $kind) or ($name | test("^mirror|^kokotap|^k[st]-")) | not))
  | del(.linkinfo.info_slave_data, .link_netns, .link_netnsid)
  | if .linkinfo.info_kind == "bridge" then {ifname, mtu, promiscuity, allmulti, txqlen, qdisc} else . end
  | "\(.ifname) \(tojson)"' |
  while read -r name device; do
    echo "$device"
    tc qdisc show dev "$name" | grep -v '^qdisc clsact ' || true
    for hook in ingress egress; do
      tc filter show dev "$name" "$hook" 2>/dev/null | awk '/^filter/ { others = !/ pref [678] / } others'
    done
  done
bash -ec "$1" | grep -E "$2" || true`;
