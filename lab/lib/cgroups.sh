# shellcheck shell=bash disable=SC2154 # the settings come from config.sh, by the command that sources this
# The machines' control groups, in version 1's many hierarchies or in version 2's only one.
# $prefix/MACHINE/starter holds the process that waits for the machine, $prefix/MACHINE/machine the machine itself: it is
# the root of the machine's cgroup namespace, and under version 2 must hold no process of the host.
cgroup_mount=/sys/fs/cgroup

cgroup_v2() { [ -e $cgroup_mount/cgroup.controllers ]; }

# cgroup_hierarchies: one a line, as mount's option for it: "cpu,cpuacct", "name=systemd". Version 2 has one, ".".
cgroup_hierarchies() {
  if cgroup_v2; then echo .; else sed -nE 's/^[1-9][0-9]*:([^:]+):.*/\1/p' /proc/self/cgroup; fi
}

# cgroup_delegate GROUP: lets the group's children (version 2) use all the controllers that it has itself.
cgroup_delegate() {
  local controller
  # A controller may be refused, such as cpu while real-time processes are about; the kubelet names one that it misses.
  for controller in $(<"$1/cgroup.controllers"); do
    echo "+$controller" 2>/dev/null >"$1/cgroup.subtree_control" || true
  done
}

# cgroup_enter GROUP: makes it (a path such as kokotap-lab/node-a/machine) and moves the calling shell there.
cgroup_enter() {
  local hierarchy top child part file
  for hierarchy in $(cgroup_hierarchies); do
    top=$cgroup_mount/${hierarchy#name=}
    mkdir -p "$top/$1"
    child=
    for part in ${1//\// }; do
      ! cgroup_v2 || cgroup_delegate "$top/$child"
      child+=/$part
      for file in cpuset.cpus cpuset.mems; do # version 1's groups are born with none and would take no process
        [[ $hierarchy != *cpuset* ]] || cat "$top/${child%/*}/$file" >"$top/$child/$file"
      done
    done
    echo 0 >"$top/$1/cgroup.procs" # 0: the writer
  done
}

# cgroup_mount_inside FOLDER MACHINE: mounts what the machine sees, from within its cgroup namespace.
cgroup_mount_inside() {
  local hierarchy
  if cgroup_v2; then
    mount -t cgroup2 cgroup2 "$1"
    [ "$CGROUP_DRIVER" = cgroupfs ] || [ "$2" = control ] || return 0 # its systemd does the rest
    mkdir "$1/init"
    echo 0 >"$1/init/cgroup.procs" # a group whose children have controllers may not have processes too
    cgroup_delegate "$1"
    return
  fi
  mount -t tmpfs -o mode=755 tmpfs "$1"
  for hierarchy in $(cgroup_hierarchies); do # name=systemd too: the kubelet wants every path of /proc/self/cgroup
    mkdir "$1/${hierarchy#name=}"
    mount -t cgroup -o "${hierarchy/#name=/none,name=}" cgroup "$1/${hierarchy#name=}"
  done
}

# cgroup_remove GROUP: ends every process in it and below, then removes it. No error if there is none.
cgroup_remove() {
  local hierarchy group
  for hierarchy in $(cgroup_hierarchies); do
    group=$cgroup_mount/${hierarchy#name=}/$1
    for _ in {1..100}; do
      [ -d "$group" ] || continue 2
      # A frozen process (version 1) does not die.
      find "$group" -name freezer.state -exec sh -c 'for file; do echo THAWED >"$file"; done' sh {} + 2>/dev/null || true
      # 0 stands for a process that this pid namespace does not see; to kill it would mean this process group.
      find "$group" -name cgroup.procs -exec cat {} + 2>/dev/null | grep -vx 0 | xargs -r kill -KILL 2>/dev/null || true
      find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || true
      [ ! -d "$group" ] || sleep "$poll"
    done
    fail "cannot remove the control group $group, look at the cgroup.procs in it"
  done
}
