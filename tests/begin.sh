# begin.sh -- what every test in shell begins with: sourced, with the build folder as the test's $1. Gives build, root, here (the
# test's own folder), tmp (gone at the end), the counters, and
#   ok STATUS WHAT         passed if STATUS is 0; else says what failed
#   isas                   the instruction sets that plug-ins are built for and this processor has, as TENON_ISA names them
#   without FLAG FOLDER FILE...   these parts (plugins/KIND/NAME.c, from root) built again with 0 for the flag, to FOLDER/KIND
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
without() {
    local flag=$1 folder=$2 file to
    shift 2
    for file in "$@"; do
        to="$folder/${file#plugins/}"
        mkdir -p "$(dirname "$to")"
        sed "s/\\b$flag\\b/0/" "$root/$file" >"$to"
        ! cmp -s "$to" "$root/$file"; ok $? "there is no $flag in $file"
        cc -std=c11 -O2 -fPIC -shared -fvisibility=hidden -fno-math-errno -fno-trapping-math -ffp-contract=off -D_GNU_SOURCE \
            -I"$root/include" -iquote "$root/$(dirname "$file")" -o "${to%.c}.so" "$to" -lm
        ok $? "$file does not build without $flag"
    done
}
finish() {
    local more=
    [ "$skipped" = 0 ] || more=", $skipped skipped"
    echo "$1: $passed passed, $failed failed$more"
    [ "$failed" = 0 ] && [ $((passed + skipped)) -gt 0 ]
}
