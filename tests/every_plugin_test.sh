#!/usr/bin/env bash
# every_plugin_test.sh BUILD [ISA...] -- check-plugin on every part, as plain C or as built for v3, v4.
set -u
build=$(cd "$1" && pwd)
shift
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
files() { # those of an ISA, '' for plain C
    local f
    for f in "$build"/plugins/*/*.so; do
        case $f in *.v[34].so) [ "${f%."$1".so}" != "$f" ] ;; *) [ -z "$1" ] ;; esac && echo "$f"
    done
}
[ $# -gt 0 ] || set -- ''
for isa in "$@"; do files "$isa"; done >"$tmp/files"
check() {
    local out
    if out=$("$build/tenon" check-plugin "$1" 2>&1); then echo passed; return; fi
    printf 'FAILED: %s\n%s\n' "$1" "$(echo "$out" | grep -e FAULT -e '^check-plugin' -e 'ERROR: ' | head -n 6)"
}
n=0
while read -r file; do
    while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do wait -n; done
    n=$((n + 1))
    check "$file" >"$tmp/result.$n" </dev/null &
done <"$tmp/files"
wait
cat "$tmp"/result.* | grep -v '^passed$'
passed=$(cat "$tmp"/result.* | grep -c '^passed$')
failed=$(($(wc -l <"$tmp/files") - passed))
echo "every plug-in: $passed passed, $failed failed"
[ $failed = 0 ] && [ "$passed" -gt 0 ]
