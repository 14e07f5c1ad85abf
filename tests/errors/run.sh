#!/bin/sh
# Every NAME.toml here has a mistake. `tenon check NAME.toml` must say exactly what NAME.expected holds, and end with
# status 2. A first line "#: ARGUMENTS" replaces "check NAME.toml" ({run}: a folder that does not exist yet).
#     tests/errors/run.sh BUILD [NAME ...]     SHOW=1 prints what is said instead of comparing it
here=$(dirname "$0")
build=$(cd "${1:-build}" && pwd) || exit 1
[ $# -gt 0 ] && shift
cd "$here" || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
unset TENON_DATA TENON_PLUGIN_PATH TENON_ISA

# Runs tenon with the words of its first argument; a path in them may hold spaces.
tenon() {
    words=$1
    set --
    for word in $words; do
        case $word in
        '{run}') word=$work/run ;;
        '{build}'*) word=$build${word#'{build}'} ;;
        esac
        set -- "$@" "$word"
    done
    "$build/tenon" "$@"
}

passed=0 failed=0
[ $# -eq 0 ] && set -- $(ls *.toml | grep -v '^base\.toml$' | sed 's/\.toml$//')
for name; do
    first=$(head -n 1 "$name.toml" | tr -d '\0')
    case $first in
    '#: '*) arguments=${first#'#: '} ;;
    *) arguments="check $name.toml" ;;
    esac
    rm -rf "$work/run"
    tenon "$arguments" >"$work/out" 2>"$work/err"
    status=$?
    sed "s|$build|BUILD|g" "$work/err" >"$work/said"
    if [ "$SHOW" ]; then
        echo "== $name: $status"
        cat "$work/said"
    elif [ $status -eq 2 ] && cmp -s "$work/said" "$name.expected"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED: $name: tenon $arguments ended with $status, expected 2"
        diff "$name.expected" "$work/said" | sed 's/^</    expected/; s/^>/    found   /'
    fi
done
[ "$SHOW" ] || echo "errors: $passed passed, $failed failed"
[ $failed -eq 0 ]
