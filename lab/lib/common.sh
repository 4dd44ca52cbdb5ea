# shellcheck shell=bash
# What the lab's commands share: settings, messages, the lock, and what they must know of a machine's first process.
lab=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=lab/config.sh
. "$lab/config.sh"
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin # an ordinary user's path, kept by sudo or su, lacks them

# shellcheck disable=SC2034
machine_path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin # of what runs in a machine

# On a terminal it takes the place of the line that says how far a build is.
say() {
  [ ! -t 2 ] || printf '\r\e[K' >&2
  printf 'lab: %s\n' "$*" >&2
}
fail() { say "$@"; exit 1; }

# patiently SECONDS: so many as this machine may take for what takes a usual one SECONDS.
patiently() { echo $(($1 * slowness)); }

# step WHAT COMMAND...: runs the command and says how long it took.
step() {
  local what=$1 begin=${EPOCHREALTIME/[.,]/} tenths
  "${@:2}"
  tenths=$(((${EPOCHREALTIME/[.,]/} - begin) / 100000))
  say "$(printf '%-48s %4d.%d s' "$what" $((tenths / 10)) $((tenths % 10)))"
}

# need_root: the lab makes namespaces, mounts and network devices.
need_root() { [ "$(id -u)" = 0 ] || fail "needs root: run it with sudo"; }

# need_programs [PART...]: names every program that the host lacks, to run the lab or to make these parts, with the Debian
# package that has it.
need_programs() {
  local program part package missing=0
  while read -r program part package; do
    [[ $part = - || " $* " == *" $part "* ]] || continue
    command -v "$program" >/dev/null && continue
    say "no $program on this machine: $package"
    missing=1
  done <<'END'
go          kubernetes  a Go toolchain of version 1.21 or newer, which fetches the one it needs; Debian 12's golang is too old
mmdebstrap  root        apt-get install mmdebstrap
gcc         cri-o       apt-get install gcc libc6-dev libseccomp-dev pkg-config
ip          -           apt-get install iproute2
mount       -           apt-get install mount
nsenter     -           apt-get install util-linux
flock       -           apt-get install util-linux
setpriv     -           apt-get install util-linux
END
  [ "$missing" = 0 ] || exit 1
}

# take_lock: makes the lab's commands that start or stop machines wait for each other. The lock is on the state
# folder's parent, for a lock file would be left behind. File 9 must not be handed to what outlives the command.
take_lock() {
  exec 9<"${state%/*}"
  flock --nonblock 9 || { say "waiting for another lab command"; flock 9; }
}

# start_time PID: when the process started, in clock ticks since boot. Fails for one that has ended.
start_time() {
  local stat
  stat=$(cat "/proc/$1/stat" 2>/dev/null) || return
  read -ra stat <<<"${stat##*) }" # the second field, the name in parentheses, can hold blanks
  [ "${stat[0]}" != Z ] && echo "${stat[19]}"
}

# machine_pid MACHINE: the number of its first process. Fails if it is not running; the start time tells a number that
# another process has got since.
machine_pid() {
  local pid started
  read -r pid started 2>/dev/null <"$state/machines/$1/pid" || return
  [ "$(start_time "$pid")" = "$started" ] && echo "$pid"
}
