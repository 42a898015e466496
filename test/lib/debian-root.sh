#!/usr/bin/env bash
# SPDX-License-Identifier: PostgreSQL
# Debian systems in folders, for running the checks on other versions of PostgreSQL and on a bare machine. Root only.
#
#   debian-root.sh make NAME            makes it once, by debootstrap: git and make, nothing else
#   debian-root.sh put NAME FOLDER      copies the checkout's files (not what git ignores) to FOLDER inside; what was built
#                                       there before stays
#   debian-root.sh run NAME COMMAND...  runs a command inside as root
#   debian-root.sh unmount NAME         takes /proc and /dev/shm away; do this before deleting the folder
#
# NAME is bookworm (PostgreSQL 15), trixie (17) or sid (18). The folders live in $ATELIER_ROOTS, default
# /var/tmp/atelier-roots, and take 1.5 GB each. Packages come from the mirror that this machine's apt uses.
set -euo pipefail
base=${ATELIER_ROOTS:-/var/tmp/atelier-roots}
usage() { sed -n '/^#   /s/^#   //p' "$0" >&2; exit 2; }
[ $# -ge 2 ] || usage
action=$1 name=$2
shift 2
[[ $name =~ ^(bookworm|trixie|sid)$ ]] || usage
dir=$base/$name

mirror() {
  local uri
  uri=$(sed -n 's/^URIs: *\([^ ]*\).*/\1/p' /etc/apt/sources.list.d/debian.sources 2>/dev/null | head -1)
  [ -n "$uri" ] || uri=$(awk '$1 == "deb" { for (i = 2; i <= NF; i++) if ($i ~ /^https?:/) { print $i; exit } }' \
    /etc/apt/sources.list 2>/dev/null)
  [ -n "$uri" ] || { echo "This machine's apt names no Debian mirror." >&2; exit 1; }
  echo "$uri"
}

mounts() {
  mkdir -p "$dir/proc" "$dir/dev/shm"
  mountpoint -q "$dir/proc" || mount -t proc proc "$dir/proc"
  mountpoint -q "$dir/dev/shm" || mount -t tmpfs -o mode=1777 tmpfs "$dir/dev/shm"
}

unmounts() {
  local point
  for point in dev/shm proc; do
    if mountpoint -q "$dir/$point"; then umount "$dir/$point"; fi
  done
}

inside() {
  env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 TERM=dumb \
    DEBIAN_FRONTEND=noninteractive ${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} \
    chroot "$dir" "$@"
}

make_root() {
  local uri file
  [ ! -e "$dir/.ready" ] || return 0
  uri=$(mirror)
  command -v debootstrap >/dev/null || apt-get install -y -q debootstrap || {
    apt-get update -q
    apt-get install -y -q debootstrap
  }
  mkdir -p "$base"
  if [ ! -e "$dir/.bootstrapped" ]; then
    unmounts
    rm -rf "$dir"
    debootstrap --variant=minbase --include=ca-certificates "$name" "$dir" "$uri"
    touch "$dir/.bootstrapped"
  fi
  # How this machine reaches its mirror: proxies, names, certificates.
  grep -lsE '^ *Acquire' /etc/apt/apt.conf.d/* | while IFS= read -r file; do cp "$file" "$dir/etc/apt/apt.conf.d/"; done
  cp /etc/resolv.conf /etc/hosts "$dir/etc/"
  cp -a /usr/local/share/ca-certificates "$dir/usr/local/share/" 2>/dev/null || true
  printf '#!/bin/sh\nexit 101\n' >"$dir/usr/sbin/policy-rc.d" # packages start no services
  chmod 755 "$dir/usr/sbin/policy-rc.d"
  mounts
  inside update-ca-certificates
  inside apt-get update -q
  inside apt-get install -y -q --no-install-recommends git make
  touch "$dir/.ready"
}

put_checkout() {
  local target=$dir/${1#/}
  cd "$(dirname "$0")/../.."
  mkdir -p "$target"
  find "$target" -mindepth 1 -maxdepth 1 ! -name build -exec rm -rf {} +
  git -c safe.directory="$PWD" ls-files -z --cached --others --exclude-standard |
    tar --create --null --no-recursion --ignore-failed-read --files-from=- 2>/dev/null |
    tar --extract --no-same-owner --directory="$target"
}

case $action in
  make) make_root ;;
  put) put_checkout "${1:?folder}" ;;
  run) mounts; inside "$@" ;;
  unmount) unmounts ;;
  *) usage ;;
esac
