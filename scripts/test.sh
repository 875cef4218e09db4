#!/usr/bin/env bash
# Runs every test, each kind even if another failed, and ends with `N passed, N failed`.
set -uo pipefail
cd "$(dirname "$0")/.."

log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0

# Runs one kind: shows it, keeps what it printed, and remembers a failure. What hangs is ended after the given time, with
# all that it started, and counts as failed; the log then ends with the tests that went on for longer than a minute.
run() {
  local limit=$1
  shift
  echo "== $*"
  timeout --kill-after=30 "$limit" "$@" 2>&1 </dev/null | tee -a "$log"
  local ended=${PIPESTATUS[0]}
  if [ "$ended" -eq 124 ] || [ "$ended" -eq 137 ]; then
    echo "== not finished within $limit: $*"
    echo "0 passed, 1 failed" >>"$log"
  fi
  if [ "$ended" -ne 0 ]; then
    echo "== failed: $*"
    status=1
  fi
}

# Some tests wait for processes and sockets; one more than there are cores keeps the cores at work.
export RUST_TEST_THREADS=$(($(nproc) + 1))

# How a panic came about is read from its message; walking the stacks of a large test binary takes seconds.
export RUST_BACKTRACE=0

# Compiling is no test, and may take what it takes.
cargo test --locked --workspace --features test-seams --no-run </dev/null || status=1
run 75m cargo test --locked --workspace --features test-seams --no-fail-fast
# The binary that the tests were built with: the same program, with seams that nothing here pulls.
export OFFHOOK_TEST_BINARY=$PWD/target/debug/offhook
run 5m npm --prefix dashboard-app run --silent test
run 5m npm --prefix dashboard-app run --silent e2e
run 8m scripts/e2e-demo.sh

scripts/count-tests.sh "$log" || status=1
exit "$status"
