#!/usr/bin/env bash
# Makes the Python of the tests, with the packages of scripts/python-needs.txt, in target/test-python. Does nothing if it
# is there and up to date.
set -euo pipefail
cd "$(dirname "$0")/.."

home=target/test-python
if cmp -s scripts/python-needs.txt "$home/needs.txt" && "$home/bin/python" -c '' 2>/dev/null; then
  exit 0
fi
echo "test-python: installing the packages of scripts/python-needs.txt into $home"
rm -rf "$home"
python3 -m venv "$home"
"$home/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps --only-binary :all: \
  --requirement scripts/python-needs.txt
# Last, so that a half-made one is made anew.
cp scripts/python-needs.txt "$home/needs.txt"
