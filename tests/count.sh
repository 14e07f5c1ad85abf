#!/usr/bin/env bash
# count.sh COMMAND... -- runs a command that runs tests, passes its output on, and sums the lines that tests end in
# ("subject: N passed, N failed, N skipped") into one last line, "tests: N passed, N failed, N skipped".
# Fails if a test failed, if the command did (a test that crashed or did not build), or if no test ran.
set -u -o pipefail
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
"$@" 2>&1 | tee "$log"
status=$?
awk -v status="$status" '
    /^[A-Za-z][^:]*: [0-9]+ passed, [0-9]+ failed(, [0-9]+ skipped.*)?$/ {
        name = $0; sub(/: [0-9]+ passed.*/, "", name); sub(/^.*: /, "")
        passed += $1; failed += $3; skipped += $5
        if ($3) names = names ", " name
    }
    END {
        if (names) print "failed: " substr(names, 3)
        else if (status) print "failed: a test ended early, or did not build (see above)"
        if (status && !failed) failed = 1
        if (!passed && !failed) failed = 1
        printf "tests: %d passed, %d failed", passed, failed
        if (skipped) printf ", %d skipped", skipped
        print ""
        exit failed > 0
    }' "$log"
