# shellcheck shell=bash disable=SC2034
# What the lab consists of and where it keeps things. Sourced by every script, on the host and inside the machines.

prefix=kokotap-lab # begins the name of everything that the host sees: state folder, cgroup, network interface
state=/var/lib/$prefix # keys, etcd's data, the machines' folders, pids and logs: gone with lab/down
cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/kokotap/lab # what takes long to make: outlives the lab
default_mtu=1500 # of the underlay, in bytes; lab/mtu changes it

# So many times slower than a usual machine is this one (a virtual machine without KVM says it), and so many seconds lie
# between two looks whether something is so.
slowness=${KOKOTAP_TEST_SLOWNESS:-1}
printf -v poll '%d.%02d' $((slowness / 20)) $((slowness * 5 % 100))

# The address families of the underlay, the pods and the services. All lists of addresses have this order.
case ${LAB_NETWORK:=v4} in
  v4) families=(4) any_address=0.0.0.0 ;;
  v6) families=(6) any_address=:: ;;
  dual) families=(4 6) any_address=:: ;;
  *) echo "lab: LAB_NETWORK is \"$LAB_NETWORK\", but must be v4, v6 or dual" >&2; exit 1 ;;
esac

# per_family IPv4 IPv6: those of the two that the lab has, separated by a blank.
per_family() {
  local -A value=([4]=$1 [6]=$2)
  local family values=
  for family in "${families[@]}"; do values+=" ${value[$family]}"; done
  echo "${values# }"
}
service_networks=$(per_family 10.96.0.0/16 fd00:10:96::/112)
api_services=$(per_family 10.96.0.1 fd00:10:96::1) # of the API, which takes the first
pod_networks=$(per_family 10.244.0.0/16 fd00:10:244::/48) # of all nodes

# NODES, words separated by commas or blanks, are the only nodes then.
IFS=', ' read -ra wanted <<<"${NODES-}"

# What makes the nodes' control groups: their kubelets and runtimes themselves, or a systemd that each of them has then.
case ${CGROUP_DRIVER:=cgroupfs} in
  cgroupfs | systemd) ;;
  *) echo "lab: CGROUP_DRIVER is \"$CGROUP_DRIVER\", but must be cgroupfs or systemd" >&2; exit 1 ;;
esac

# A row per machine: name, number N of its addresses on the underlay (10.100.0.N/24, fd00:10:100::N/64), number P of its
# pods' networks (10.244.P.0/24, fd00:10:244:P::/64), container runtime (a folder in runtime/). `control` is the control
# plane, which runs no pods. `host` is no machine: by these addresses the host reaches the API.
machines=() nodes=()
declare -A number addresses pods runtime
while read -r machine n p word; do
  [[ $p = - || ${#wanted[@]} = 0 || " ${wanted[*]} " == *" $machine "* ]] || continue
  number[$machine]=$n addresses[$machine]=$(per_family "10.100.0.$n" "fd00:10:100::$n")
  [ "$machine" = host ] || machines+=("$machine")
  [ "$p" != - ] || continue
  nodes+=("$machine") runtime[$machine]=$word
  pods[$machine]=$(per_family "10.244.$p.0/24" "fd00:10:244:$p::/64")
done <<'END'
host     254  -  -
control  1    -  -
node-a   11   1  containerd
node-b   12   2  cri-o
node-c   13   3  docker
END
api_address=${addresses[control]%% *}
for word in "${wanted[@]}"; do
  [ -n "${pods[$word]-}" ] || { echo "lab: NODES has \"$word\", but may have only: node-a node-b node-c" >&2; exit 1; }
done

# RUNTIMES, words separated by commas or blanks, are dealt out to the nodes in turn instead.
IFS=', ' read -ra words <<<"${RUNTIMES-}"
if [ ${#words[@]} -gt 0 ]; then
  for i in "${!nodes[@]}"; do runtime[${nodes[i]}]=${words[i % ${#words[@]}]}; done
fi
unset machine n p word words wanted i
