#!/usr/bin/env bash
# bidirectional_test.sh BUILD -- bidirectional around cells that take their input by index learns what it does around the same cells
# that do not, as a cell of one's own may be: trained with either, losses and scores agree, so outputs and gradients do. On one
# thread and on two, and with tables kept or without, each has the same bits.
. "$(dirname "$0")/begin.sh"
lines() { # examples, words, first number: some lines without words
    awk -v n="$1" -v v="$2" -v k="$3" 'BEGIN { for (i = 0; i < n; i++) {
        printf "c%d ", (i + k) % 3
        for (j = 0; j < (i * 7 + k) % 11; j++) printf "w%d ", (i * j * 5 + i % 3 + k) % v
        print "" } }'
}
lines 60 40 0 >"$tmp/train.txt"; lines 50 60 1 >"$tmp/validation.txt"
network() { # cell, options of bidirectional, dropout of the embedding: without it the input comes by index in training, too
    cat <<TOML
schema = 1
name = "both"
seed = 5
[dataset]
type = "lines"
train = "train.txt"
validation = "validation.txt"
[[field]]
name = "text"
transforms = ["words"]
[[field]]
name = "label"
kind = "category"
[[layer]]
type = "embedding"
inputs = "text"
width = 6
dropout = $3
[[layer]]
name = "hidden"
type = "bidirectional"
cell = { type = "$1", $4 }
$2
[[layer]]
type = "mean"
[[layer]]
type = "concat"
inputs = ["mean", "hidden.state"]
[[layer]]
type = "dense"
units = "label"
[[loss]]
type = "cross_entropy"
target = "label"
[optimizer]
type = "sgd"
learning_rate = 0.5
[training]
epochs = 4
batch_size = 8
[evaluation]
weights = "last"
batch_size = 7
TOML
}
train() { # folder, threads, plug-ins, more
    "$build/tenon" train "$tmp/run.toml" --data-dir "$tmp" --run "$tmp/$1" --threads "$2" --quiet --plugin-path "$3" "${@:4}" \
        >"$tmp/out" 2>&1
}
agree() { # two tables of scores, whose numbers differ by 1e-4 of the larger at most; times are left out
    paste -d, "$1/metrics.csv" "$2/metrics.csv" | awk -F, '
        NR == 1 { half = NF / 2; for (i = 1; i <= half; i++) score[i] = $i ~ /loss|accuracy/; next }
        { for (i = 1; i <= half; i++) if (score[i]) {
            a = $i; b = $(i + half); d = a - b; if (d < 0) d = -d; m = a > b ? a : b
            n++; if (d > 1e-4 * m + 1e-6) { print a " and " b; bad = 1 } } }
        END { exit bad || !n }'
}
none="$tmp/none"; mkdir -p "$none"
without TN_L_INDEXED "$tmp/strange" plugins/layers/{lstm,gru,rnn,lstm1997}.c
while IFS='|' read -r cell options dropout more; do
    what="$cell, $options, dropout $dropout"
    network "$cell" "$options" "$dropout" "$more" >"$tmp/run.toml"
    rm -rf "$tmp"/run.*/
    for from in none strange; do
        train "run.$from" 1 "$tmp/$from"; ok $? "$what, $from: $(tail -n 2 "$tmp/out")"
        train run.two 2 "$tmp/$from" --set evaluation.keep_mb=0; ok $? "$what, $from: $(tail -n 2 "$tmp/out")"
        cmp -s "$tmp/run.$from/checkpoints/best.safetensors" "$tmp/run.two/checkpoints/best.safetensors"
        ok $? "$what, $from: other weights on two threads"
        cmp -s "$tmp/run.$from/metrics.csv" "$tmp/run.two/metrics.csv"
        ok $? "$what, $from: other scores on two threads, without tables"
        rm -rf "$tmp/run.two"
    done
    agree "$tmp/run.none" "$tmp/run.strange" >"$tmp/out"
    ok $? "$what: scores differ where rows come by index: $(head -n 3 "$tmp/out" | tr '\n' ';')"
done <<'LIST'
lstm||0.0|units = 5
gru||0.0|units = 6
gru|merge = "sum"|0.3|units = 6
gru|shared = true|0.0|units = 4, reset_after = false
rnn|merge = "mean"|0.0|units = 5
lstm1997||0.0|cells = 3
LIST
finish bidirectional
