#!/usr/bin/env bash
# order_test.sh BUILD -- length_buckets in an experiment file reaches the order of an epoch, which `tenon batches` writes.
. "$(dirname "$0")/begin.sh"
for split in train validation test; do
    awk 'BEGIN { for (i = 0; i < 90; i++) {
        printf "c%d ", i % 3
        for (j = 0; j < (i * 7) % 11; j++) printf "w%d ", (i * j) % 29
        print "" } }' >"$tmp/$split.txt"
done
# the resume test's experiment, without the metric that only that test has and without its buckets
awk '/^\[\[metric\]\]/ { held = $0; next } /kill_metric/ { held = ""; next } /^length_buckets/ { next }
     held { print held; held = "" } { print }' "$here/resume/run.toml" >"$tmp/run.toml"
order() { # folder, setting...
    local to="$tmp/$1"
    shift
    "$build/tenon" batches "$tmp/run.toml" "$to" --data-dir "$tmp" "$@" >"$tmp/out" 2>&1
    ok $? "tenon batches $*: $(tail -n 2 "$tmp/out")"
}
order none
order one --set training.length_buckets=1
order three --set training.length_buckets=3
cmp -s "$tmp/none/order.npy" "$tmp/one/order.npy"; ok $? "one bucket: another order than without"
! cmp -s "$tmp/none/order.npy" "$tmp/three/order.npy"; ok $? "three buckets: the same order as without"
[ "$(wc -c <"$tmp/none/order.npy")" = "$(wc -c <"$tmp/three/order.npy")" ]; ok $? "three buckets: other examples"
"$build/tenon" check "$tmp/run.toml" --data-dir "$tmp" --set training.length_buckets=0 >"$tmp/out" 2>&1
[ $? = 2 ]; ok $? "length_buckets = 0 is not refused: $(tail -n 1 "$tmp/out")"
grep -q 'length_buckets' "$tmp/out"; ok $? "length_buckets = 0: $(tail -n 1 "$tmp/out")"
finish "order in a file"
