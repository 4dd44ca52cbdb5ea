# shellcheck shell=bash disable=SC2154 # the settings come from config.sh, by the command that sources this
# The cache: a folder per part, named after a hash of all that the part is made from. files/ is the part, seal its
# fingerprint. A part is made under a temporary name and renamed when it is whole.

# part_folder PART: where it is or will be.
part_folder() {
  local hash
  hash=$({ declare -f "make_$1"; "inputs_$1"; } | sha256sum)
  echo "$cache/$1-${hash:0:12}"
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
  flock 8
  ! part_sound "$1" "$folder" || exit 0
  [ ! -d "$folder" ] || say "$folder is broken: making it anew"
  rm -rf "$cache/.$1".new.* "$folder" # also what an interrupted build left
  new=$cache/.$1.new.$$
  mkdir -p "$new/files"
  trap 'say "cannot make $1, see $cache/$1.log"' EXIT # not `||`, under which errors inside would be passed over
  "make_$1" "$new/files" >"$cache/$1.log" 2>&1 8>&-
  trap - EXIT
  fingerprint "$1" "$new" >"$new/seal"
  sync -f "$new" # so that a power failure leaves no whole-looking folder of empty files
  mv -T "$new" "$folder"
)
