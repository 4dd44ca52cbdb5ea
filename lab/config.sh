# shellcheck shell=bash disable=SC2034
# What the lab consists of and where it keeps things. Sourced by every script, on the host and inside the machines.

prefix=kokotap-lab # begins the name of everything that the host sees: state folder, cgroup, network interface
state=/var/lib/$prefix # keys, etcd's data, the machines' folders, pids and logs: gone with lab/down
cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/kokotap/lab # what takes long to make: outlives the lab

host_address=10.100.0.254 # the host's own on the underlay, by which it reaches the API
service_network=10.96.0.0/16
default_mtu=1500 # of the underlay, in bytes; lab/mtu changes it

# A row per machine: name, address on the underlay (a /24), network of its pods, container runtime (a folder in
# runtime/). The first is the control plane, which runs no pods.
machines=() nodes=()
declare -A address pods runtime
while read -r machine ip network word; do
  machines+=("$machine") address[$machine]=$ip
  [ "$network" = - ] || { nodes+=("$machine") pods[$machine]=$network runtime[$machine]=$word; }
done <<'END'
control  10.100.0.1   -              -
node-a   10.100.0.11  10.244.1.0/24  containerd
node-b   10.100.0.12  10.244.2.0/24  cri-o
node-c   10.100.0.13  10.244.3.0/24  docker
END

# RUNTIMES, words separated by commas or blanks, are dealt out to the nodes in turn instead.
IFS=', ' read -ra words <<<"${RUNTIMES-}"
if [ ${#words[@]} -gt 0 ]; then
  for i in "${!nodes[@]}"; do runtime[${nodes[i]}]=${words[i % ${#words[@]}]}; done
fi
unset machine ip network word words i
