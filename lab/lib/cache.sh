# shellcheck shell=bash disable=SC2154 # the settings come from config.sh, by the command that sources this
# The cache of the lab's parts. In a part's folder (see scripts/cache.sh) files/ is the part, seal its fingerprint. A part is
# made under a temporary name and renamed when it is whole.
# shellcheck source=scripts/cache.sh
. "$lab/../scripts/cache.sh"

# part_folder PART: where it is or will be.
part_folder() {
  local kind=$1 hash
  [ "$1" != kubernetes ] || kind=$(kubernetes_kind)
  hash=$({ declare -f "make_$1"; "inputs_$1"; } | sha256sum)
  echo "$cache/$kind-${hash:0:12}"
}

# fingerprint PART FOLDER: of its files' names, kinds, modes, owners, sizes and times, and of their contents too unless
# they are too many to read at every start (the Debian root).
fingerprint() {
  (
    cd "$2/files" || exit
    find . -type d -printf '%P %m\n' -o -printf '%P %y %m %U:%G %s %Ts %l\n'
    [ "$1" = root ] || find . -type f -exec sha256sum {} +
  ) | LC_ALL=C sort | sha256sum
}

# part_sound PART FOLDER: says whether it is as it was made.
part_sound() { [ -e "$2/seal" ] && [ "$(fingerprint "$1" "$2")" = "$(<"$2/seal")" ]; }

# ensure_part PART: makes it unless the cache has it. Waits while another process makes it.
ensure_part() (
  folder=$(part_folder "$1")
  mkdir -p "$cache"
  exec 8>"$cache/.$1.lock"
  flock --nonblock 8 || { say "waiting for $1, which another command makes"; flock 8; }
  rm -rf "$cache/.$1".new.* # what an interrupted build left
  ! part_sound "$1" "$folder" || exit 0
  if [ -d "$folder" ]; then say "making $1 anew: $folder is broken"; else say "making $1"; fi
  rm -rf "$folder"
  new=$cache/.$1.new.$$
  mkdir -p "$new/files"
  trap 'say "cannot make $1, see $cache/$1.log"' EXIT # not `||`, under which errors inside would be passed over
  "make_$1" "$new/files" >"$cache/$1.log" 2>&1 8>&-
  trap - EXIT
  fingerprint "$1" "$new" >"$new/seal"
  sync -f "$new" # so that a power failure leaves no whole-looking folder of empty files
  mv -T "$new" "$folder"
)

# progress PART...: says how far each of the parts is that are being made, for as long as this shell runs: every second in
# a line that stays in its place on a terminal, otherwise every half minute.
progress() {
  local interval=30 next part line columns
  [ ! -t 2 ] || interval=1
  next=$interval
  exec 6<> <(:)
  while [ -e "/proc/$$" ]; do
    read -rt 1 -u 6 || true # a sleep that does not outlive this shell
    ((SECONDS >= next)) || continue
    next=$((SECONDS + interval))
    line=
    for part; do
      ! compgen -G "$cache/.$part.new.*" >/dev/null || line+=", $part$(packages_done <"$cache/$part.log")"
    done
    [ -n "$line" ] || continue
    line="lab: after $SECONDS s: ${line#, }"
    if [ -t 2 ]; then
      read -r _ columns < <(stty size <&2)
      ((columns > 0)) || columns=80 # a terminal that does not know
      printf '\r\e[K%s' "${line:0:columns-1}" >&2
    else
      echo "$line" >&2
    fi
  done
}

# packages_done: how many packages a Go build has come to, of all that it may have to compile, from the log of build_go.
packages_done() {
  awk '/^packages / { total = $2; next } total && /^[^ :#]+$/ { done++ }
    END { if (total) printf " %d of %d packages", done, total }'
}
