#!/usr/bin/env bash
# Runs every test, each kind even if another failed, and ends with `N passed, N failed`.
set -uo pipefail
cd "$(dirname "$0")/.."

log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0

# Runs one kind: shows it, keeps what it printed, and remembers a failure.
run() {
  echo "== $*"
  "$@" 2>&1 </dev/null | tee -a "$log"
  if [ "${PIPESTATUS[0]}" -ne 0 ]; then
    echo "== failed: $*"
    status=1
  fi
}

run cargo test --locked --workspace --features test-seams --no-fail-fast
run cargo build --locked --bin offhook
export OFFHOOK_TEST_BINARY=$PWD/target/debug/offhook
run npm --prefix dashboard-app run --silent test
run npm --prefix dashboard-app run --silent e2e
run scripts/e2e-demo.sh

scripts/count-tests.sh "$log" || status=1
exit "$status"
