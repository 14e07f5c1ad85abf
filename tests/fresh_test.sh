#!/usr/bin/env bash
# fresh_test.sh BUILD -- training examples that are new in every epoch. With a learning rate of 0 the weights stay, so that a loss
# tells which examples an epoch had: the epochs of a fresh data set together have those of one epoch that is as long as all of
# them, each its own. Then a resume in the middle of an epoch, byte for byte, and what cannot be.
. "$(dirname "$0")/begin.sh"
cat >"$tmp/base.toml" <<'END'
schema = 1
seed = 5
[dataset]
type = "embedded_reber"
train = 40
validation = 20
test = 0
fresh = true
[[field]]
name = "symbols"
column = "symbols"
transforms = ["characters"]
[[field]]
name = "next"
from = "symbols"
shift = 1
[[layer]]
type = "embedding"
inputs = "symbols"
width = 4
[[layer]]
type = "lstm"
units = 5
[[layer]]
name = "logits"
type = "dense"
units = "next"
[[loss]]
type = "cross_entropy"
target = "next"
reduction = "sum"
[optimizer]
type = "sgd"
learning_rate = 0
[training]
epochs = 3
batch_size = 1
END
run() { # name, overrides ...: trains $from.toml
    local name=$1
    shift
    local set=()
    for s in "$@"; do set+=(--set "$s"); done
    "$build/tenon" train "$tmp/$from.toml" --run "$tmp/$name" "${set[@]}" >"$tmp/$name.out" 2>&1
}
# column COLUMN RUN: its values, one an evaluation
column() { awk -F, -v c="$1" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == c) k = i; next } { print $k }' "$tmp/$2/metrics.csv"; }

# numbers alone, for the words of more examples come in another order
cat >"$tmp/adding.toml" <<'END'
schema = 1
seed = 5
[dataset]
type = "adding"
length = 20
train = 40
validation = 20
test = 0
fresh = true
[[field]]
name = "pairs"
[[field]]
name = "target"
[[layer]]
name = "memory"
type = "lstm"
inputs = "pairs"
units = 5
[[layer]]
name = "sum"
type = "dense"
inputs = "memory.state"
units = "target"
[[loss]]
type = "mse"
target = "target"
[optimizer]
type = "sgd"
learning_rate = 0
[training]
epochs = 3
batch_size = 1
END
from=adding
run fresh; ok $? "$(tail -n 1 "$tmp/fresh.out")"
run same dataset.fresh=false
run whole dataset.fresh=false dataset.train=120 training.epochs=1
[ "$(column train.loss same | sort -u | wc -l)" = 1 ]; ok $? "without fresh: epochs have other examples: $(column train.loss same | tr '\n' ' ')"
[ "$(column train.loss fresh | sort -u | wc -l)" = 3 ]; ok $? "fresh: epochs have the same examples: $(column train.loss fresh | tr '\n' ' ')"
[ "$(column train.loss fresh | head -n 1)" = "$(column train.loss same | head -n 1)" ]; ok $? "fresh: the first epoch is another one"
[ "$(column validation.loss fresh | sort -u | wc -l)" = 1 ]; ok $? "fresh: the validation split is another one in every epoch"
column train.loss fresh | awk -v whole="$(column train.loss whole)" '{ s += $1 } END { d = s / 3 - whole; exit !(d * d < 1e-12 * whole * whole) }'
ok $? "fresh: three epochs of 40 examples, $(column train.loss fresh | tr '\n' ' '), are not one of 120, $(column train.loss whole)"

# a resume in the middle of the third epoch
from=base
run long optimizer.learning_rate=0.1 training.epochs=4 checkpoint.every_steps=15 checkpoint.keep=1000; ok $? "$(tail -n 1 "$tmp/long.out")"
cp -r "$tmp/long" "$tmp/cut"
for f in "$tmp/cut/checkpoints"/step-*; do
    step=$(basename "$f" .safetensors)
    [ $((10#${step#step-})) -gt 105 ] && rm "$f"
done
"$build/tenon" resume "$tmp/cut" >"$tmp/cut.out" 2>&1; ok $? "resume: $(cat "$tmp/cut.out")"
for f in "$tmp/long/checkpoints"/*; do cmp -s "$f" "$tmp/cut/checkpoints/$(basename "$f")"; ok $? "resumed: $(basename "$f") differs"; done
cmp -s "$tmp/long/metrics.csv" "$tmp/cut/metrics.csv"; ok $? "resumed: metrics.csv differs"

sed 's/^validation = .*/split = { test = 0.5 }/; /^test = /d' "$tmp/adding.toml" >"$tmp/share.toml"
from=share
run share
[ $? = 2 ] && grep -q "new training examples in every epoch" "$tmp/share.out"; ok $? "a validation split of fresh examples: $(tail -n 1 "$tmp/share.out")"
"$build/tenon" batches "$tmp/base.toml" "$tmp/batches" >"$tmp/out" 2>&1
[ $? = 2 ] && grep -q "others in every epoch" "$tmp/out"; ok $? "batches of fresh examples: $(tail -n 1 "$tmp/out")"
finish fresh
