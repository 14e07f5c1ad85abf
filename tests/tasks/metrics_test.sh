#!/usr/bin/env bash
# metrics_test.sh BUILD -- figures of trained networks, reckoned again from what `tenon evaluate --predictions` says of each example.
. "$(dirname "$0")/tasks.sh"
said() { # NAME, further options: predictions of the test split, in $tmp/NAME.said
    "$build/tenon" evaluate "$tmp/$1" --data-dir "$tmp" --predictions "$tmp/$1.said" "${@:2}" >"$tmp/evaluated" 2>&1
    ok $? "evaluate: $(tail -n 2 "$tmp/evaluated")"
}
agree() { # NAME, METRIC, the same figure found otherwise
    local r
    r=$(ratio "$(figure "$1" "test.$2")" "$3")
    holds "$1: $2 by what the predictions have ($3)" "$r" '>' 0.9999 "$r" '<' 1.0001
}

# ---- numbers: height and what was said of it, side by side
plane 1 2000 0.3 >"$tmp/train.csv"; plane 2 500 0.3 >"$tmp/test.csv"
for run in far near; do
    [ $run = far ] && rate=1e-3 || rate=0.02
    train $run line.toml --set optimizer.learning_rate="$rate"
    said $run
    tail -n +2 "$tmp/test.csv" | cut -d, -f3 | paste - "$tmp/$run.said" >"$tmp/both"
    agree $run mae "$(awk '{ s += $1 > $2 ? $1 - $2 : $2 - $1 } END { print s / NR }' "$tmp/both")"
    agree $run mape "$(awk '{ d = ($1 - $2) / $1; s += d < 0 ? -d : d } END { print s / NR }' "$tmp/both")"
    agree $run smape "$(awk 'function size(x) { return x < 0 ? -x : x } { s += 2 * size($1 - $2) / (size($1) + size($2)) } END { print s / NR }' \
        "$tmp/both")"
    agree $run r2 "$(awk '{ t[NR] = $1; mean += $1; e += ($1 - $2) ^ 2 } END { mean /= NR
        for (i = 1; i <= NR; i++) v += (t[i] - mean) ^ 2; print 1 - e / v }' "$tmp/both")"
done
holds 'r2 of a bad plane and of a good one' "$(figure far test.r2)" '<' 0.5 "$(figure near test.r2)" '>' 0.8

# ---- classes: the right one among the two most probable
crowd 3 1000 >"$tmp/crowd_train.csv"; crowd 4 1000 >"$tmp/crowd_test.csv"
train heaps crowd.toml --set training.max_steps=10
said heaps --format json
tail -n +2 "$tmp/crowd_test.csv" | cut -d, -f3 | paste - <(sed 's/.*probabilities": {//; s/[":,}]/ /g' "$tmp/heaps.said") >"$tmp/both"
for k in 1 2; do # "c  a 0.1 b 0.2 c 0.7": how many are more probable than the right one
    awk -v k=$k 'NF == 7 { for (i = 2; i < 7; i += 2) p[$i] = $(i + 1); n = 0; for (c in p) n += p[c] > p[$1]; right += n < k; rows++ }
        END { print (rows == 1000 ? right / rows : "missing") }' "$tmp/both" >"$tmp/top$k"
done
agree heaps accuracy "$(cat "$tmp/top1")"
agree heaps top_k "$(cat "$tmp/top2")"
holds 'two guesses are more often right than one' "$(figure heaps test.top_k)" '>' "$(figure heaps test.accuracy)" "$(figure heaps test.top_k)" '<' 1
finish 'tasks of metrics'
