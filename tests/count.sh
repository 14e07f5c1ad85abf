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
    /^[a-z0-9_-]+: [0-9]+ passed, [0-9]+ failed(, [0-9]+ skipped)?$/ {
        passed += $2; failed += $4; skipped += $6; subjects++
        if ($4) names = names " " substr($1, 1, length($1) - 1)
    }
    END {
        if (names) print "failed:" names
        else if (status) print "failed: a test ended early, or did not build (see above)"
        if (status && !failed) failed = 1
        if (!passed && !failed) failed = 1
        printf "tests: %d passed, %d failed", passed, failed
        if (skipped) printf ", %d skipped", skipped
        print ""
        exit failed > 0
    }' "$log"
