#!/usr/bin/env bash
# Installs from Debian's packages what the tests and the demo need beside Rust and Node, and says what it installs; and
# the tests' Python packages, from PyPI, into target/.
# Usage: scripts/install-needs.sh [build|all]     build: only what compiling needs; all (default): the tests' needs too.
set -euo pipefail
cd "$(dirname "$0")/.."

# One line a need: the commands or files that show it is there, and the package that brings it.
missing=()
need() {
  local package=$1
  shift
  for sign in "$@"; do
    if command -v "$sign" >/dev/null 2>&1 || compgen -G "$sign" >/dev/null; then
      return
    fi
  done
  missing+=("$package")
}

need build-essential cc
need ca-certificates /etc/ssl/certs/ca-certificates.crt
if [ "${1:-all}" = all ]; then
  need python3 python3
  # Debian's Python cannot make environments of its own without this.
  python3 -c 'import ensurepip' 2>/dev/null || missing+=(python3-venv)
  need chromium chromium chromium-browser google-chrome
  # `kill`, which the tests call as a program.
  need procps kill
  need fonts-dejavu-core '/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf' '/usr/share/fonts/truetype/*/*.ttf'
  need postgresql '/usr/lib/postgresql/*/bin/initdb'
fi

for tool in cargo node npm; do
  if ! command -v "$tool" >/dev/null 2>&1; then
    echo "install-needs: $tool is missing; install Rust from https://rustup.rs and Node 20.19 or newer" >&2
    exit 1
  fi
done

# The oldest versions that the sources are written for: rust-version in Cargo.toml, engines in dashboard-app/package.json.
require() {
  local tool=$1 least=$2 found=$3
  if [ "$(printf '%s\n%s\n' "$least" "$found" | sort -V | head -n 1)" != "$least" ]; then
    echo "install-needs: $tool is $found, and $least or newer is needed" >&2
    exit 1
  fi
}
require Rust "$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)" "$(rustc --version | cut -d ' ' -f 2)"
require Node 20.19.0 "$(node --version | tr -d v)"

# What comes last, once the packages are there.
finish() {
  if [ "${1:-all}" = all ]; then
    scripts/test-python.sh
  fi
}

if [ "${#missing[@]}" -eq 0 ]; then
  finish "$@"
  echo "install-needs: everything is there"
  exit 0
fi
if ! command -v apt-get >/dev/null 2>&1; then
  echo "install-needs: this is no Debian; please install: ${missing[*]}" >&2
  exit 1
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null 2>&1; then
    echo "install-needs: neither root nor sudo; please install: ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi
echo "install-needs: installing ${missing[*]}"
# Debian starts a database server when the package is installed; the tests start their own, so it is kept from starting.
if printf '%s\n' "${missing[@]}" | grep -qx postgresql && [ ! -e /etc/postgresql-common/createcluster.conf ]; then
  "${as_root[@]}" mkdir -p /etc/postgresql-common
  echo 'create_main_cluster = false' | "${as_root[@]}" tee /etc/postgresql-common/createcluster.conf >/dev/null
fi
# A fresh machine may be updating itself, and a mirror may stumble.
apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Acquire::Retries=5 -o DPkg::Lock::Timeout=300)
"${apt[@]}" update
"${apt[@]}" install -y --no-install-recommends "${missing[@]}"
finish "$@"
echo "install-needs: done"
