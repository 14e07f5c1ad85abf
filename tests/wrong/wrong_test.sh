#!/usr/bin/env bash
# wrong_test.sh BUILD -- check-plugin fails on each deliberately wrong plug-in and names its fault; it passes the right one.
set -u
build=$(cd "$1" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
passed=0 failed=0
ok() { if [ "$1" = 0 ]; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "FAILED: $2"; fi; }
try() { # fault, words that the report must have
    mkdir -p "$tmp/$1"
    cc -std=c11 -O1 -fPIC -shared -fvisibility=hidden -D_GNU_SOURCE -DFAULT="$1" -I"$root/include" -o "$tmp/$1/wrong.so" "$here/wrong.c" -lm || { ok 1 "fault $1 does not build"; return; }
    CHECK_PLUGIN_SECONDS=1 "$build/tenon" check-plugin "$tmp/$1/wrong.so" >"$tmp/out" 2>&1
    local rc=$?
    if [ "$1" = 0 ]; then ok $rc "the right one does not pass: $(grep -m 2 FAULT "$tmp/out")"; return; fi
    [ $rc = 1 ]; ok $? "fault $1: exit $rc"
    grep FAULT "$tmp/out" | grep -q -- "$2"; ok $? "fault $1: expected '$2', the report says: $(grep -m 2 FAULT "$tmp/out" | cut -c1-300)"
}
try 0 ''
try 1 'the gradient of input 1 is wrong'
try 2 'is set, not added'
try 3 'reads or writes outside its rows'
try 4 'must not depend on who else is in the batch'
try 5 'must not depend on who else is in the batch'
try 6 'wrote a global'
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
try 17 'outside its rows (before the first row)'
try 18 'outside its rows (before the first row)'
try 19 'asks for memory without bound'
try 20 'waits for ever'
try 21 'crashed'
try 22 'an option at an end of its range .*; times = 17): the gradient of input 1 is wrong'
try 23 'probabilities, steps and ids, steps; no options): the gradient of input 1 is wrong'
try 24 'asks for 1 scratch the first time, 2 the second'
try 25 'planned twice'
try 26 'load reads 0 of the 8 bytes'
try 27 'initialize left number 1 of weight unwritten'
try 28 'bytes more after each call'
try 29 'the gradient of initial state is .* when d_in is NULL'
try 30 'where inputs 1 and 2 are one tensor'
try 31 'refuses them without a message'
try 32 'predict gives class'
try 33 'the gradient is set, not added'
try 34 'the length of its layout odd falls'
try 35 'do not give the outputs of one long batch'
echo "wrong plug-ins: $passed passed, $failed failed"
[ $failed = 0 ]
