# shellcheck shell=bash disable=SC2154 # the settings come from config.sh, by the command that sources this
# The underlay: a bridge in the control machine, a cable from it to each machine's eth0 and one to the host.
# A cable's end at the bridge is named after the machine, or "host". All vanishes with the control machine.

# in_network MACHINE COMMAND...: runs one of the host's programs in the machine's network.
in_network() {
  local pid
  pid=$(machine_pid "$1")
  nsenter --net="/proc/$pid/ns/net" -- "${@:2}"
}

underlay_mtu() { cat "$state/mtu" 2>/dev/null || echo "$default_mtu"; }

# plugged MACHINE: says whether its eth0 is there and set up.
plugged() {
  local found address
  found=$(in_network "$1" ip -brief address show dev eth0 2>/dev/null) || return
  [[ $found == *" UP "* ]] || return
  for address in ${addresses[$1]}; do [[ $found == *" $address/"* ]] || return; done
}

# make_bridge: in the control machine, unless it is there. Without ARP: it would answer for that machine's address too,
# with a hardware address that changes as cables come and go, and all that had believed it would miss the API for a while.
make_bridge() {
  if ! in_network control ip link show underlay &>/dev/null; then
    in_network control ip link add underlay arp off type bridge
    [ "$any_address" != :: ] || in_network control ip link set underlay addrgenmode none # it needs no address
    in_network control ip link set underlay up
  fi
  in_network control ip link set underlay mtu "$(underlay_mtu)"
  # A switch has no netfilter; packets that pass one here would cost the nodes' CPUs what no real one takes.
  in_network control sysctl -q -e -w net.bridge.bridge-nf-call-iptables=0 net.bridge.bridge-nf-call-ip6tables=0
}

# join_bridge PORT: puts a cable's end, already in the control machine, on the bridge.
join_bridge() { in_network control ip link set "$1" up master underlay; }

# mac_of MACHINE: the same at every start, for the others remember it for half a minute.
mac_of() { printf '02:00:0a:64:00:%02x' "${number[$1]}"; }

# address_lines MACHINE DEVICE: what `ip -batch` reads to give it the machine's addresses. An IPv6 address can be used at
# once: it waits for no detection of duplicates.
address_lines() {
  local address
  for address in ${addresses[$1]}; do
    if [[ $address == *:* ]]; then address+="/64 nodad"; else address+=/24; fi
    echo "address add $address dev $2"
  done
}

# route_lines NODE: what `ip -batch` reads to route to the node's pods.
route_lines() {
  local networks gateways i
  read -ra networks <<<"${pods[$1]}"
  read -ra gateways <<<"${addresses[$1]}"
  for i in "${!networks[@]}"; do echo "route replace ${networks[i]} via ${gateways[i]}"; done
}

# plug MACHINE: connects it, unless it is: a machine that started anew has lost its cable, and all have with `control`.
plug() {
  local mtu node gateway
  ! plugged "$1" || return 0
  mtu=$(underlay_mtu)
  # The old cable's end stays a moment after its machine, whose network the kernel removes later.
  in_network control ip link delete "$1" 2>/dev/null || true
  in_network control ip link add "$1" mtu "$mtu" type veth \
    peer name eth0 mtu "$mtu" address "$(mac_of "$1")" netns "/proc/$(machine_pid "$1")/ns/net"
  join_bridge "$1"
  {
    echo "link set lo up"
    address_lines "$1" eth0
    echo "link set eth0 up"
    for node in "${nodes[@]}"; do
      [ "$node" = "$1" ] || route_lines "$node"
    done
    # Leads nowhere, but a node needs some route to a service's address before kube-proxy's rules change it.
    if [ "$1" != control ]; then
      for gateway in ${addresses[control]}; do echo "route replace default via $gateway"; done
    fi
  } | in_network "$1" ip -batch -
}

# plug_host: gives the host its cable, unless it has it.
plug_host() {
  local mtu
  ! ip link show "${prefix}0" &>/dev/null || return 0
  mtu=$(underlay_mtu)
  ip link add "${prefix}0" mtu "$mtu" address "$(mac_of host)" type veth \
    peer name host mtu "$mtu" netns "/proc/$(machine_pid control)/ns/net"
  join_bridge host
  address_lines host "${prefix}0" | ip -batch -
  ip link set "${prefix}0" up
}

# set_mtu BYTES: on the bridge and on both ends of every cable.
set_mtu() {
  local machine
  for machine in "${machines[@]}"; do
    in_network control ip link set "$machine" mtu "$1"
    in_network "$machine" ip link set eth0 mtu "$1"
  done
  in_network control ip link set host mtu "$1"
  ip link set "${prefix}0" mtu "$1"
  in_network control ip link set underlay mtu "$1"
}
