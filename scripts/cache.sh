# shellcheck shell=bash
# What takes long to make is kept in folders CACHE/KIND-KEY, whose key is the first 12 characters of a hash of all that the
# thing is made from. FOLDER/users has a link to each checkout that uses the folder; a checkout uses one of a kind.

# cache_use CHECKOUT FOLDER: records that the checkout now uses this folder of its kind, and removes those of the kind that
# nobody uses any more. Fails if the folder is not there.
cache_use() (
  user=$(sha256sum <<<"$1")
  exec 7<"${2%/*}"
  flock 7
  [ -d "$2" ] || exit 1
  mkdir -p "$2/users"
  ln -sfn "$1" "$2/users/${user:0:12}"
  for other in "${2%-*}"-????????????; do
    [ "$other" != "$2" ] || continue
    rm -f "$other/users/${user:0:12}"
    cache_used "$other" || rm -rf --one-file-system "$other"
  done
)

# cache_used FOLDER: says whether a checkout uses it that is still there, or something has it mounted, as a lab's machines
# have. A folder without records, which an earlier version of this project made, counts as used for a day.
cache_used() {
  local user
  [ -d "$1/users" ] || [ -z "$(find "$1" -maxdepth 0 -mtime 0)" ] || return 0
  for user in "$1"/users/*; do [ ! -d "$user" ] || return 0; done
  grep -qs "/${1##*/}/" /proc/[0-9]*/mountinfo
}
