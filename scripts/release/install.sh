#!/bin/sh
# Installs `server`: finds out which archive this machine needs, compares its checksum, tries the executable, and only then puts it
# in place, in one step, so that a running server keeps what it has.
#
#   sh install.sh                                  from the folder in which this script lies
#   sh install.sh --from https://HOST/releases     from where the files of dist/release are published
#   sh install.sh --to DIRECTORY --version X.Y.Z   default: /usr/local/bin, the version that SHA256SUMS names
set -eu

from=
to=/usr/local/bin
version=

fail() {
  printf 'install: %s\n' "$1" >&2
  exit 1
}

usage() {
  sed -n '2,8s/^# \{0,1\}//p' "$0"
}

while [ $# -gt 0 ]; do
  case $1 in
  --from | --to | --version)
    [ $# -gt 1 ] || fail "$1 needs a value"
    case $1 in
    --from) from=${2%/} ;;
    --to) to=$2 ;;
    --version) version=$2 ;;
    esac
    shift 2
    ;;
  -h | --help) usage && exit 0 ;;
  *) fail "unknown option $1; sh install.sh --help lists them" ;;
  esac
done

machine() {
  [ "$(uname -s)" = Linux ] || fail "this is $(uname -s); server runs on Linux only"
  case $(uname -m) in
  x86_64 | amd64) printf x64 ;;
  aarch64 | arm64) printf arm64 ;;
  *) fail "no build for $(uname -m); there are x86_64 and aarch64" ;;
  esac
}

# ldd of musl says its name on standard error and ends with 1.
libc() {
  case $(ldd --version 2>&1 || true) in
  *musl*) printf -- -musl ;;
  *) ls /lib/ld-musl-*.so.1 >/dev/null 2>&1 && ! ls /lib*/ld-linux-*.so.* >/dev/null 2>&1 && printf -- -musl || true ;;
  esac
}

fetch() {
  case $from in
  http://* | https://*)
    if command -v curl >/dev/null 2>&1; then
      curl -fsSL -o "$2" "$from/$1" || fail "$from/$1 could not be fetched"
    elif command -v wget >/dev/null 2>&1; then
      wget -q -O "$2" "$from/$1" || fail "$from/$1 could not be fetched"
    else
      fail "neither curl nor wget is installed"
    fi
    ;;
  *) cp "$from/$1" "$2" || fail "$from/$1 could not be read" ;;
  esac
}

# What the loader of Alpine says of its own libraries: it has them in packages.
remedy() {
  case $1 in
  *libstdc++* | *libgcc_s*) printf '\nOn Alpine it needs libstdc++ (apk add libstdc++).' ;;
  esac
}

[ -n "$from" ] || from=$(cd "$(dirname "$0")" && pwd)
for tool in sha256sum mktemp tar; do
  package=coreutils
  [ "$tool" = tar ] && package=tar
  command -v "$tool" >/dev/null 2>&1 || fail "$tool is missing; install it (Debian: $package; Alpine: busybox)"
done
name=linux-$(machine)
name=$name$(libc)
[ -d "$to" ] || mkdir -p "$to" || fail "$to cannot be made; --to names another directory"
[ -w "$to" ] || fail "$to cannot be written; run it as root, or --to names another directory"

work=$(mktemp -d)
# The executable is tried and renamed beside its place: the temporary directory may forbid to run it.
fresh=$to/.server.$$
trap 'rm -rf "$work" "$fresh"' EXIT INT TERM
fetch SHA256SUMS "$work/SHA256SUMS"
line=$(grep -E "  server-${version:-[0-9][^ ]*}-$name\.tar\.gz\$" "$work/SHA256SUMS" || true)
[ -n "$line" ] || fail "$from has no server${version:+ $version} for $name; it has:
$(sed 's/^[^ ]*  /  /' "$work/SHA256SUMS")"
[ "$(printf '%s\n' "$line" | wc -l)" = 1 ] || fail "$from has several versions for $name; --version chooses one"
archive=${line##*  }

fetch "$archive" "$work/$archive"
(cd "$work" && printf '%s\n' "$line" | sha256sum -c - >/dev/null 2>&1) ||
  fail "$archive is not what SHA256SUMS says: it was damaged or exchanged on its way; nothing was installed"
tar -xzf "$work/$archive" -C "$work" || fail "$archive could not be unpacked"
cp "$work/${archive%.tar.gz}/server" "$fresh"
chmod 755 "$fresh"
told=$("$fresh" --version 2>&1) || fail "the executable does not run here:
$told$(remedy "$told")"
mv -f "$fresh" "$to/server"
printf '%s: %s\n' "$to/server" "$told"
case :$PATH: in
*:"$to":*) ;;
*) printf '%s is not on PATH; add it, or call %s\n' "$to" "$to/server" ;;
esac
