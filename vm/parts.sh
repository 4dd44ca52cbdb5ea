# shellcheck shell=bash disable=SC2034,SC2154 # sourced by vm/boot; `cache` and `lab` are the lab's
# The parts of a virtual machine that the cache keeps; lab/lib/cache.sh makes them.
cache=${cache%/lab}/vm

# kernels.txt has a line per kernel, the newest first: Debian's for the cloud, as it is in a suite itself (not in that
# suite's updates, which are gone when newer ones come).
kernels=()
while read -r version suite; do
  kernels+=("$version")
  eval "make_linux-$version() { make_linux $suite \"\$1\"; }"
  eval "inputs_linux-$version() { declare -f make_linux; }"
done <"$lab/../vm/kernels.txt"
unset version suite

# make_linux SUITE FOLDER: the kernel, vmlinuz, and its modules, from the mirror that this host uses for bookworm. apt keeps
# what it learns in a folder of its own.
make_linux() {
  local work=$2/work options package
  mkdir -p "$work"/{lists,cache,files}
  # shellcheck disable=SC2016 # apt's own variables
  apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
    sed -n "s/ bookworm main$/ $1 main/p" | sort -u >"$work/sources.list"
  [ -s "$work/sources.list" ] || { echo "apt has no source for bookworm on this machine"; return 1; }
  options=(-o "Dir::Etc::SourceList=$work/sources.list" -o Dir::Etc::SourceParts=/dev/null
    -o "Dir::State::Lists=$work/lists" -o "Dir::Cache=$work/cache" -o APT::Sandbox::User=root)
  apt-get "${options[@]}" update
  package=$(apt-cache "${options[@]}" depends linux-image-cloud-amd64 | sed -n 's/.*Depends: //p')
  (cd "$work" && apt-get "${options[@]}" download "$package")
  dpkg-deb --extract "$work"/*.deb "$work/files"
  ensure_part debian
  # shellcheck disable=SC2016
  unshare --mount sh -euc 'mount --bind "$2" "$1/mnt" && exec chroot "$1" /sbin/depmod --basedir=/mnt "$3"' \
    sh "$(part_folder debian)/files" "$work/files" "$(ls "$work/files/lib/modules")"
  mv "$work"/files/boot/vmlinuz-* "$2/vmlinuz"
  mv "$work/files/lib/modules" "$2/"
  rm -r "$work"
}

# The Debian that a machine runs on, whatever its kernel.
inputs_debian() { cat "$lab/../scripts/debian-root"; }
make_debian() {
  local packages=(
    bpftool ethtool iproute2 iputils-ping jq kmod libatomic1 libstdc++6 mount nftables openssl procps tcpdump
  )
  "$lab/../scripts/debian-root" essential "$1" "${packages[@]}"
}
