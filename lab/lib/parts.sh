# shellcheck shell=bash disable=SC2154 # the settings come from config.sh, by the command that sources this
# How each part of the cache is made: make_PART FOLDER makes it, inputs_PART prints what it is made from besides.
# shellcheck disable=SC2034
kubernetes_version=${KUBERNETES:-v1.34.4} # another one needs a VERSION.mod and VERSION.sum beside hyperkube's go.mod

# own_part RUNTIME: the part that a runtime's programs are, unless Debian has them.
own_part() {
  case $1 in
    containerd) ;;
    docker) echo cri-dockerd ;;
    *) echo "$1" ;;
  esac
}

# Those that the chosen runtimes need, the longest to make first.
parts=(kubernetes etcd root images)
for node in "${nodes[@]}"; do
  [ -d "$lab/runtime/${runtime[$node]}" ] ||
    fail "there is no runtime \"${runtime[$node]}\"; there are: $(cd "$lab/runtime" && echo *)"
  part=$(own_part "${runtime[$node]}")
  [[ -z $part || " ${parts[*]} " == *" $part "* ]] || parts+=("$part")
done
unset node part

build_go() ( # MODULE-FOLDER PACKAGE OUTPUT LINKER-FLAGS [OPTION...]
  # Compiling takes a third less processor time without debugging information, which -s -w would throw away at the end, and
  # with less garbage collection.
  export CGO_ENABLED=${CGO_ENABLED-0} GOWORK=off GOFLAGS= GOGC=400
  cd "$lab/programs/$1"
  packages=$(go list -deps "${@:5}" "$2")
  echo "packages $(wc -l <<<"$packages")" # those that the build has to compile follow, a line each: for packages_done
  go build -v -trimpath -buildvcs=false -gcflags=all=-dwarf=false -ldflags "-s -w $4" -o "$3" "${@:5}" "$2"
)

# What the cache calls it: versions other than the default do not replace it.
kubernetes_kind() {
  local modules
  modules=$(basename "$(kubernetes_modules)" .mod)
  if [ "$modules" = go ]; then echo kubernetes; else echo "kubernetes-$modules"; fi
}

# The file that pins the version's modules: go.mod for the default.
kubernetes_modules() {
  local folder=$lab/programs/hyperkube
  if grep -q "k8s.io/kubernetes $kubernetes_version\$" "$folder/go.mod"; then
    echo "$folder/go.mod"
  elif [ -e "$folder/$kubernetes_version.mod" ]; then
    echo "$folder/$kubernetes_version.mod"
  else
    fail "the lab has no Kubernetes \"$kubernetes_version\"; it has: $(cd "$folder" && sed -n 's/.*k8s.io\/kubernetes v/v/p' ./*.mod | xargs)"
  fi
}

inputs_kubernetes() {
  local modules
  modules=$(kubernetes_modules)
  echo "$kubernetes_version"
  cat "$modules" "${modules%.mod}.sum" "$lab"/programs/hyperkube/*.go
}
make_kubernetes() { # every program of Kubernetes, kubectl too, in one file that goes by its name
  local flags= package program minor=${kubernetes_version#v1.}
  for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
    flags+=" -X $package.gitVersion=$kubernetes_version -X $package.gitMajor=1 -X $package.gitMinor=${minor%.*}"
    flags+=" -X $package.gitTreeState=clean"
  done
  build_go hyperkube . "$1/hyperkube" "$flags" -modfile "$(kubernetes_modules)"
  for program in kube-apiserver kube-controller-manager kube-scheduler kube-proxy kubelet kubectl stop-sandbox; do
    ln -s hyperkube "$1/$program"
  done
}

inputs_etcd() { cat "$lab"/programs/etcd/*; }
make_etcd() { build_go etcd go.etcd.io/etcd/server/v3 "$1/etcd" ""; }

inputs_helm() { cat "$lab"/programs/helm/*; }
make_helm() { build_go helm helm.sh/helm/v4/cmd/helm "$1/helm" ""; }

# With C, for libseccomp: without it CRI-O would leave a pod's seccomp profile out and not say so. Static, so that it does
# not matter which C library the host has.
inputs_cri-o() { cat "$lab"/programs/cri-o/*; }
make_cri-o() {
  local tags=seccomp,netgo,osusergo,exclude_graphdriver_btrfs,btrfs_noversion
  tags+=,containers_image_openpgp,containers_image_ostree_stub
  CGO_ENABLED=1 build_go cri-o github.com/cri-o/cri-o/cmd/crio "$1/" '-extldflags -static' -tags $tags \
    github.com/opencontainers/runc # Debian's is too old for user namespaces
  gcc -std=c99 -Os -s -static -o "$1/pinns" "$(go -C "$lab/programs/cri-o" list -m -f '{{.Dir}}' github.com/cri-o/cri-o)"/pinns/src/*.c
}

inputs_containerd-2() { cat "$lab"/programs/containerd-2/*; }
make_containerd-2() {
  local module=github.com/containerd/containerd/v2 version
  version=$(go -C "$lab/programs/containerd-2" list -m -f '{{.Version}}' $module)
  build_go containerd-2 $module/cmd/containerd "$1/" "-X $module/version.Version=$version" \
    -tags no_btrfs,no_devmapper,no_zfs,no_aufs $module/cmd/{containerd-shim-runc-v2,ctr}
}

inputs_cri-dockerd() { cat "$lab"/programs/cri-dockerd/*; }
make_cri-dockerd() { build_go cri-dockerd github.com/Mirantis/cri-dockerd "$1/cri-dockerd" ""; }

inputs_root() { cat "$lab/../scripts/debian-root"; }
make_root() { # the Debian that every machine runs on
  local packages=(
    bpftool conmon conntrack containerd containernetworking-plugins curl dbus docker-registry docker.io ethtool iperf3 iproute2
    iptables iputils-ping jq mount netcat-openbsd nftables openssl podman procps python3 runc skopeo socat systemd tcpdump
  )
  "$lab/../scripts/debian-root" essential "$1" "${packages[@]}"
}

inputs_images() { basename "$(part_folder root)"; cat "$lab"/programs/pause/* "$lab/images/pack"; }
make_images() { # pause.tar and tools.tar
  ensure_part root
  mkdir "$1/work"
  build_go pause . "$1/work/pause" ""
  in_root "$1" bash -s /mnt <"$lab/images/pack"
  rm -r "$1/work"
}

# in_root FOLDER COMMAND...: runs the command in the cached Debian root, where FOLDER is /mnt.
in_root() {
  # shellcheck disable=SC2016
  unshare --mount sh -euc '
    root=$1 folder=$2
    shift 2
    mount --bind "$folder" "$root/mnt"
    mount --rbind /dev "$root/dev"
    mount -t proc proc "$root/proc"
    exec chroot "$root" env PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 "$@"
  ' sh "$(part_folder root)/files" "$@"
}
