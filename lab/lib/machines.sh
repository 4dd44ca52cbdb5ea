# shellcheck shell=bash disable=SC2154 # the settings come from config.sh, by the command that sources this
# Starts and removes machines.

# boot MACHINE: starts its first process in a control group and namespaces of its own, unless it runs. The array
# `folders` says where the parts are.
boot() {
  local home=$state/machines/$1 word=${runtime[$1]-} part=etcd
  ! machine_pid "$1" >/dev/null || return 0
  cgroup_remove "$prefix/$1" # a kubelet would look for half a minute into what an ended machine left
  rm -rf --one-file-system "$home"/{pid,root,upper,work}
  mkdir -p "$home"/{root,upper,work,lib,log}
  [ -z "$word" ] || part=$(own_part "$word")
  echo "$word" >"$home/runtime" # for lab/status
  (
    for fd in /proc/self/fd/*; do # the machine outlives what the caller holds open, a lock for example
      fd=${fd##*/}
      ((fd <= 2)) || exec {fd}>&-
    done
    cgroup_enter "$prefix/$1/starter"
    exec setsid unshare --pid --fork --kill-child --mount --net --uts --ipc \
      "$lab/machine/first" "$1" "$word" "${folders[root]}/files" \
      "${folders[kubernetes]}/files" ${part:+"${folders[$part]}/files"}
  ) </dev/null &>"$home/log/machine.log" &
}

# await_boot MACHINE: waits until its first process has recorded its number.
await_boot() {
  local end=$((SECONDS + $(patiently 60)))
  until machine_pid "$1" >/dev/null; do
    ((SECONDS < end)) || fail "$1 does not start, see $state/machines/$1/log/machine.log"
    sleep "$poll"
  done
}

# remove_lab: ends all machines and removes all that the host can see of them, however far they had come.
remove_lab() {
  ip link delete "${prefix}0" 2>/dev/null || true # would vanish with the control machine, but only later
  cgroup_remove "$prefix"
  rm -rf --one-file-system "$state"
}
