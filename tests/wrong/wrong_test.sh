#!/usr/bin/env bash
# wrong_test.sh BUILD -- check-plugin fails on each deliberately wrong plug-in and names its fault; it passes the right one.
set -u
build=$(cd "$1" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
seconds=1 sanitized=
# Under ASan check-plugin cannot tell all: ASan's own variables lie among a plug-in's, its allocator cannot be asked how
# much is in use, the handler that says at which side of a buffer an address lies is not installed, and memory without
# bound is so slow to take that the time is up first. A crash is left to the system, which is how a parent sees one.
if ldd "$build/tenon" | grep -q libasan; then
    sanitized=1 seconds=3
    export ASAN_OPTIONS="${ASAN_OPTIONS:-}:handle_segv=0:handle_sigbus=0"
fi
tell() { if [ "$1" = 0 ]; then echo passed; else echo "FAILED: $2"; fi; }
check_fault() { # fault, words that the report must have
    local dir="$tmp/$1" rc file=wrong
    case $1 in 63) ;; 4[5-9] | [5-9]?) file=wrong_data ;; esac
    cc -std=c11 -O1 -fPIC -shared -fvisibility=hidden -D_GNU_SOURCE -DFAULT="$1" -I"$root/include" \
        -o "$dir/$file.so" "$here/$file.c" -lm || { tell 1 "fault $1 does not build"; return; }
    CHECK_PLUGIN_SECONDS=$seconds "$build/tenon" check-plugin "$dir/$file.so" >"$dir/out" 2>&1
    rc=$?
    if [ -z "$2" ]; then tell $rc "the right one does not pass: $(grep -m 2 FAULT "$dir/out")"; return; fi
    [ $rc = 1 ]; tell $? "fault $1: exit $rc"
    grep FAULT "$dir/out" | grep -q -- "$2"
    tell $? "fault $1: expected '$2', the report says: $(grep -m 2 FAULT "$dir/out" | cut -c1-300)"
}
try() { # fault, words that the report must have, and under ASan (none: as without; -: it cannot be told)
    local words=$2
    mkdir -p "$tmp/$1"
    [ -z "$sanitized" ] || words=${3-$2}
    if [ "$words" = - ]; then echo "skip: fault $1, '$2' (a sanitizer hides it)" >"$tmp/$1/result"; return; fi
    while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do wait -n; done
    check_fault "$1" "$words" >"$tmp/$1/result" 2>&1 &
}
try 0 ''
try 1 'the gradient of input 1 is wrong'
try 2 'is set, not added'
try 3 'reads or writes outside its rows'
try 4 'must not depend on who else is in the batch'
try 5 'must not depend on who else is in the batch'
try 6 'wrote a global' -
try 7 'MXCSR'
try 8 'crashed'
try 9 'loops for ever'
try 10 'changed its inputs'
try 11 'other bits the second time'
try 12 'unwritten'
try 13 'ended the process'
try 14 'outside its rows\|past the end'
try 15 'helper_that_should_be_hidden'
try 16 'never written'
try 17 'outside its rows (before the first row)' 'outside its rows'
try 18 'outside its rows (before the first row)' 'outside its rows'
try 19 'asks for memory without bound' 'asks for memory without bound\|loops for ever'
try 20 'waits for ever'
try 21 'crashed'
try 22 'an option at an end of its range .*; times = 17): the gradient of input 1 is wrong'
try 23 'probabilities, steps and ids, steps; no options): the gradient of input 1 is wrong'
try 24 'asks for 1 scratch the first time, 2 the second'
try 25 'planned twice'
try 26 'load reads 0 of the 8 bytes'
try 27 'initialize left number 1 of weight unwritten'
try 28 'bytes more after each call' -
try 29 'the gradient of initial state is .* when d_in is NULL'
try 30 'where inputs 1 and 2 are one tensor'
try 31 'refuses them without a message'
try 32 'predict gives class'
try 33 'the gradient is set, not added'
try 34 'the length of its layout odd falls'
try 35 'do not give the outputs of one long batch'
try 36 'is added, not set'
try 37 'when no backward follows'
try 38 ''
try 39 'changed rows of a table'
try 40 'a row that was brought back is changed again'
try 41 'a row alone has other bits than among others'
try 42 'is neither the step on zeros nor none'
try 43 'depends on how the parameters are cut into pieces'
try 44 'uses 2 values for each parameter and declares 1'
try 45 ''
try 46 'in other batches'
try 47 'in other batches'
try 48 'outside its rows'
try 49 "calls a result .share., and .. before any row"
try 50 'is -\?\(inf\|nan\)'
try 51 'another type, depth or width'
try 52 'a text that is not UTF-8, of one that is'
try 53 'another value for the same one'
try 54 'changed the value that it was given'
try 55 'outside its rows'
try 56 'did not put its value once'
try 57 'another value for the same one after load'
try 58 'cannot load train, and does not say why (its files do not exist)'
try 59 'crashed'
try 60 'gives another example'
try 61 'an id that is none of its classes'
try 62 "did not put the column 'length'"
try 63 'wrote into a buffer that was released'
wait
for dir in "$tmp"/*/; do [ -s "$dir/result" ] || echo "FAILED: fault $(basename "$dir") has no result" >"$dir/result"; done
cat "$tmp"/*/result >"$tmp/results"
grep -v '^passed$' "$tmp/results"
count() { grep -c "^$1" "$tmp/results"; }
failed=$(count FAILED)
echo "wrong plug-ins: $(count passed) passed, $failed failed, $(count skip) skipped"
[ "$failed" = 0 ]
