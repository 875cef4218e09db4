#!/usr/bin/env bash
# Sums the tests in a log of cargo test, vitest and our browser runs, and prints `N passed, N failed`.
# Ends with 1 if anything failed or nothing ran. Lines it knows:
#   test result: ok. 12 passed; 0 failed; …     (cargo test)
#         Tests  1 failed | 46 passed (47)      (vitest)
#   9 passed, 0 failed                          (browser)
set -euo pipefail
sed -E 's/\x1b\[[0-9;]*m//g' "$1" | awk '
  function count(word,   at) {
    at = match($0, "[0-9]+ " word)
    return at ? substr($0, RSTART, RLENGTH) + 0 : 0
  }
  /^test result: / || /^ *Tests  / || /^[0-9]+ passed, [0-9]+ failed$/ { passed += count("passed"); failed += count("failed") }
  END { printf "%d passed, %d failed\n", passed, failed; exit (failed > 0 || passed == 0) }
'
