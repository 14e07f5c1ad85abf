#!/bin/sh
# What goes wrong while running: damaged checkpoints, changed data, a full disk, a loss that is not finite, wrong
# commands. Each runs/NAME.sh writes a transcript; it must be exactly runs/NAME.expected.
#     tests/errors/runs.sh BUILD [NAME ...]     SHOW=1 prints the transcripts instead of comparing them
here=$(cd "$(dirname "$0")/runs" && pwd)
build=$(cd "${1:-build}" && pwd) || exit 1
[ $# -gt 0 ] && shift
top=$(mktemp -d) || exit 1
trap 'rm -rf "$top"' EXIT
unset TENON_DATA TENON_PLUGIN_PATH TENON_ISA
export ASAN_OPTIONS="verify_asan_link_order=0:${ASAN_OPTIONS-}" # where a preloaded library comes before the sanitizer
cc -std=c11 -O1 -fPIC -shared -D_GNU_SOURCE -o "$top/full_disk.so" "$here/full_disk.c" -ldl || exit 1
full=$top/full_disk.so

# Runs a command; its standard error and its status go into the transcript.
say() {
    "$@" >out 2>err
    status=$?
    sed -E -e 's/[0-9a-f]{32}/CHECKSUM/g' -e "s|$build|BUILD|g" -e "s|$PWD|HERE|g" err
    echo "status $status"
}
tenon() { "$build/tenon" "$@"; }
train() { say tenon train train.toml --run run --quiet "$@"; }
newest() { ls run/checkpoints/step-*.safetensors | sort | tail -n 1; }
weights() { cat "$(newest)" | sha256sum; }

passed=0 failed=0
[ $# -eq 0 ] && set -- $(cd "$here" && ls *.sh | sed 's/\.sh$//')
for name; do
    work=$top/$name
    mkdir "$work"
    cp "$here/train.toml" "$work"
    awk 'BEGIN { split("see you at noon today lunch is ready", h, " "); split("win a prize call now free money", s, " ");
        for (i = 0; i < 32; i++) { k = i * 7 % 11 < 5; line = k ? "ham\t" : "spam\t";
            for (j = 0; j < 2 + i % 4; j++) line = line (j ? " " : "") (k ? h[1 + (i * 3 + j * 5) % 8] : s[1 + (i * 5 + j * 2) % 7])
            print line } }' >"$work/train.tsv"
    (cd "$work" && . "$here/$name.sh") >"$top/said" 2>&1
    if [ "$SHOW" ]; then
        echo "== $name"
        cat "$top/said"
    elif cmp -s "$top/said" "$here/$name.expected"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED: $name"
        diff "$here/$name.expected" "$top/said" | sed 's/^</    expected/; s/^>/    found   /'
    fi
done
[ "$SHOW" ] || echo "runs: $passed passed, $failed failed"
[ $failed -eq 0 ]
