# begin.sh -- what every test in shell begins with: sourced, with the build folder as the test's $1. Gives build, root, here (the
# test's own folder), tmp (gone at the end), the counters, and
#   ok STATUS WHAT         passed if STATUS is 0; else says what failed
#   isas                   the instruction sets that plug-ins are built for and this processor has, as TENON_ISA names them
#   finish SUBJECT         the last line, "SUBJECT: N passed, N failed, N skipped", and the exit status
# shellcheck shell=bash disable=SC2034
set -u
build=$(cd "$1" && pwd)
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
here=$(cd "$(dirname "${BASH_SOURCE[1]}")" && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
passed=0 failed=0 skipped=0

ok() { if [ "$1" = 0 ]; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "FAILED: $2"; fi; }
isas() {
    echo plain
    [ ! -e "$build/plugins/layers/lstm.v3.so" ] || ! grep -qw avx2 /proc/cpuinfo || echo v3
    [ ! -e "$build/plugins/layers/lstm.v4.so" ] || ! grep -qw avx512vl /proc/cpuinfo || echo v4
}
finish() {
    local more=
    [ "$skipped" = 0 ] || more=", $skipped skipped"
    echo "$1: $passed passed, $failed failed$more"
    [ "$failed" = 0 ] && [ $((passed + skipped)) -gt 0 ]
}
