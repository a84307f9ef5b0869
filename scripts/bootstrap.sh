#!/bin/sh
# Puts the pinned Bun at .build/bin/bun, through npm; does nothing when it is there already.
# The pin is the version of bun-types in package.json: types and runtime cannot drift apart.
# Install scripts are left alone (npm may block them): the platform package holds the executable, and only where none of
# those runs here is Bun's own installer asked. A Bun on PATH is never used.
set -eu
cd "$(dirname "$0")/.."

fail() {
  printf 'bootstrap: %s\n' "$1" >&2
  exit 1
}

command -v npm >/dev/null 2>&1 || fail "npm is missing; install Node.js with npm (Debian: apt-get install npm)"
command -v node >/dev/null 2>&1 || fail "node is missing; install Node.js (Debian: apt-get install nodejs)"

version=$(node -p 'require("./package.json").devDependencies["bun-types"]')
home=.build/bun
link=.build/bin/bun

if [ "$("$link" --version 2>/dev/null || true)" = "$version" ]; then
  touch "$link"
  exit 0
fi

printf 'bootstrap: bun %s from npm\n' "$version"
mkdir -p "$home" .build/bin
# Without a package.json of its own npm would look for one in the folders above.
printf '{ "private": true }\n' >"$home/package.json"
npm install --prefix "$home" --no-save --no-audit --no-fund --ignore-scripts --loglevel=error "bun@$version" ||
  fail "npm could not install bun@$version; is the registry reachable? (npm config get registry)"

# Several platform packages may be there (baseline for older processors, musl): the first that runs is the one.
pick() {
  for candidate in "$home"/node_modules/@oven/*/bin/bun "$home"/node_modules/bun/bin/bun.exe; do
    if [ -f "$candidate" ] && [ "$("$candidate" --version 2>/dev/null || true)" = "$version" ]; then
      printf '%s' "$candidate"
      return 0
    fi
  done
  return 1
}

if ! found=$(pick); then
  (cd "$home/node_modules/bun" && node install.js) >&2 || true
  found=$(pick) || fail "no package of bun@$version runs on this machine ($(uname -sm)).
  Remedy: npm install --prefix $home --foreground-scripts bun@$version, and read what its installer says."
fi

ln -sf "../${found#.build/}" "$link"
# make looks at the time of what the link points to, which npm sets to that of the release.
touch "$found"
