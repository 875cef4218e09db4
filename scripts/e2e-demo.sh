#!/usr/bin/env bash
# Starts `offhook demo` in a folder of its own, plays the page in a real browser, and stops what it started.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
binary=${OFFHOOK_TEST_BINARY:-$root/target/debug/offhook}

folder=$(mktemp -d)
demo=
stop() {
  if [ -n "$demo" ]; then
    kill "$demo" 2>/dev/null || true
    wait "$demo" 2>/dev/null || true
  fi
  rm -rf -- "$folder"
}
trap stop EXIT

cd "$folder"
OFFHOOK_SERVER__BIND=127.0.0.1:0 "$binary" demo >out 2>err </dev/null &
demo=$!
cd "$root"

url=
for _ in $(seq 1 300); do
  url=$(grep -oE 'http://[^ "]+' "$folder/out" | head -n 1 || true)
  [ -z "$url" ] || break
  if ! kill -0 "$demo" 2>/dev/null; then
    break
  fi
  sleep 0.1
done
if [ -z "$url" ]; then
  echo "e2e-demo: the demo printed no address:" >&2
  tail -n 40 "$folder/out" "$folder/err" >&2
  echo "0 passed, 1 failed"
  exit 1
fi
status=0
DEMO_URL=$url npm --prefix dashboard-app run --silent e2e:demo || status=$?
if [ "$status" -ne 0 ]; then
  tail -n 40 "$folder/err" >&2
fi
exit "$status"
