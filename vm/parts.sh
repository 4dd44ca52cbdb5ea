# shellcheck shell=bash disable=SC2034,SC2154 # sourced by vm/boot; `cache` and `lab` are the lab's
# The parts of a virtual machine that the cache keeps; lab/lib/cache.sh makes them.
cache=${cache%/lab}/vm

# kernels.txt has a line per kernel, the newest first: Debian's for the cloud, as it is in a suite itself (not in that
# suite's updates, which are gone when newer ones come).
kernels=()
while read -r version suite; do
  kernels+=("$version")
  eval "make_linux-$version() { make_linux $suite \"\$1\"; }"
  eval "inputs_linux-$version() { declare -f make_linux unpack; }"
done <"$lab/../vm/kernels.txt"
unset version suite

# unpack SUITE WORK PACKAGE...: unpacks a suite's packages into the folder WORK/files, from the mirror that this host uses for
# bookworm. apt keeps what it learns in WORK. For a kernel's name without a version the newest one is taken.
unpack() {
  local work=$2 options package packages=()
  mkdir -p "$work"/{lists,cache,files}
  # shellcheck disable=SC2016 # apt's own variables
  apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
    sed -n "s/ bookworm main$/ $1 main/p" | sort -u >"$work/sources.list"
  [ -s "$work/sources.list" ] || { echo "apt has no source for bookworm on this machine"; return 1; }
  options=(-o "Dir::Etc::SourceList=$work/sources.list" -o Dir::Etc::SourceParts=/dev/null
    -o "Dir::State::Lists=$work/lists" -o "Dir::Cache=$work/cache" -o APT::Sandbox::User=root)
  apt-get "${options[@]}" update
  for package in "${@:3}"; do
    [[ $package != *-cloud-amd64 ]] ||
      package=$(apt-cache "${options[@]}" depends "$package" | sed -n 's/.*Depends: //p')
    packages+=("$package")
  done
  (cd "$work" && apt-get "${options[@]}" download "${packages[@]}")
  for package in "$work"/*.deb; do dpkg-deb --extract "$package" "$work/files"; done
}

# make_linux SUITE FOLDER: the kernel, vmlinuz, and its modules.
make_linux() {
  local work=$2/work
  unpack "$1" "$work" linux-image-cloud-amd64
  ensure_part debian
  # shellcheck disable=SC2016
  unshare --mount sh -euc 'mount --bind "$2" "$1/mnt" && exec chroot "$1" /sbin/depmod --basedir=/mnt "$3"' \
    sh "$(part_folder debian)/files" "$work/files" "$(ls "$work/files/lib/modules")"
  mv "$work"/files/boot/vmlinuz-* "$2/vmlinuz"
  mv "$work/files/lib/modules" "$2/"
  rm -r "$work"
}

# A QEMU newer than Debian 12's 7.2, with which Linux 6.12 ends in panics, beside the host's, whose libraries it takes.
inputs_qemu() { declare -f unpack; }
make_qemu() {
  local work=$1/work missing
  unpack bookworm-backports "$work" qemu-system-x86 qemu-system-common qemu-system-data seabios
  mv "$work"/files/usr/* "$1/"
  rm -r "$work"
  missing=$(ldd "$1/bin/qemu-system-x86_64" | sed -n 's/ => not found//p')
  [ -z "$missing" ] || { echo "this machine lacks libraries that QEMU needs: $missing"; return 1; }
}

# The Debian that a machine runs on, whatever its kernel.
inputs_debian() { cat "$lab/../scripts/debian-root"; }
make_debian() {
  local packages=(
    bpftool ethtool iproute2 iputils-ping jq kmod libatomic1 libstdc++6 mount nftables openssl procps tcpdump
  )
  "$lab/../scripts/debian-root" essential "$1" "${packages[@]}"
}
