#!/usr/bin/env bash
# stream_test.sh BUILD -- states that go on from batch to batch. With a learning rate of 0 the weights stay, so that a loss
# tells which states the network had: short steps with carried states must give the loss of one long step, every epoch
# the loss of the first, and a layer that forgets another one. Then a resume in the middle of an epoch, byte for byte.
. "$(dirname "$0")/begin.sh"
awk 'BEGIN { s = 3; for (i = 0; i < 601; i++) { s = (s * 1103515245 + 12345) % 2147483648
    printf "w%d%s", (i * 7 + int(s / 65536) % 5) % 13, i % 11 == 10 ? "\n" : " " } print "" }' >"$tmp/text.txt"
cat >"$tmp/base.toml" <<'END'
schema = 1
seed = 3
[dataset]
type = "stream"
train = "text.txt"
validation = "text.txt"
line_end = "<eos>"
steps = 5
[[field]]
name = "words"
transforms = ["words"]
[[field]]
name = "next"
from = "words"
shift = 1
[initialize]
type = "uniform"
low = -0.8
high = 0.8
[[layer]]
type = "embedding"
inputs = "words"
width = 6
[[layer]]
type = "lstm"
units = 7
layers = 2
carry_state = true
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
batch_size = 4
[evaluation]
batch_size = 1
weights = "last"
END
run() { # name, overrides ...: trains base.toml
    local name=$1
    shift
    local set=()
    for s in "$@"; do set+=(--set "$s"); done
    "$build/tenon" train "$tmp/base.toml" --run "$tmp/$name" "${set[@]}" >"$tmp/$name.out" 2>&1 || cat "$tmp/$name.out"
}
# column COLUMN RUN: its values, one an evaluation
column() { awk -F, -v c="$1" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == c) k = i; next } { print $k }' "$tmp/$2/metrics.csv"; }
close() { awk -v a="$1" -v b="$2" 'BEGIN { d = a - b; if (d < 0) d = -d; exit !(a > 0 && d <= 1e-6 * a) }'; }

run short
run long dataset.steps=1000 dataset.evaluation_steps=1000
run forgets layer.lstm.carry_state=false
run steps dataset.evaluation_steps=1
# train.loss is the mean over batches, weighted alike, of their sums: batches times it is the sum over all steps
short=$(column train.loss short | head -1) long=$(column train.loss long | head -1) forgets=$(column train.loss forgets | head -1)
n=$(grep -c . "$tmp/text.txt") # <eos>
batches=$(awk -v n="$n" 'BEGIN { per = (601 + n + 3) / 4; print int((int(per) + 4) / 5) }')
close "$(awk -v a="$short" -v b="$batches" 'BEGIN { printf "%.12g", a * b }')" "$long"
ok $? "training by 5 steps: $batches batches of $short; in one batch: $long"
! close "$short" "$forgets"; ok $? "a layer that forgets has the same loss, $forgets"
[ "$(column train.loss short | sort -u | wc -l)" = 1 ] && [ "$(column train.loss short | wc -l)" = 3 ]
ok $? "the losses of three epochs differ: states are not reset: $(column train.loss short | tr '\n' ' ')"
[ "$(column validation.loss short | sort -u | wc -l)" = 1 ]; ok $? "the evaluations of three epochs differ"
close "$(column validation.loss short | head -1)" "$(column validation.loss long | head -1)"
ok $? "evaluation by 5 steps and in one: $(column validation.loss short | head -1), $(column validation.loss long | head -1)"
close "$(column validation.loss short | head -1)" "$(column validation.loss steps | head -1)"; ok $? "evaluation by single steps"
! close "$(column validation.loss short | head -1)" "$(column validation.loss forgets | head -1)"
ok $? "evaluation without carried states is the same"

# a resume in the middle of an epoch goes on with the states of its checkpoint
run whole optimizer.learning_rate=0.5 checkpoint.every_steps=3 checkpoint.keep=1000
cp -r "$tmp/whole" "$tmp/cut"
for f in "$tmp/cut/checkpoints"/step-*; do
    step=$(basename "$f" .safetensors)
    [ $((10#${step#step-})) -gt $((batches + 6)) ] && rm "$f"
done
rm -f "$tmp/cut/finished"
"$build/tenon" resume "$tmp/cut" >"$tmp/cut.out" 2>&1; ok $? "resume: $(cat "$tmp/cut.out")"
for f in $(ls "$tmp/whole/checkpoints") ; do
    cmp -s "$tmp/whole/checkpoints/$f" "$tmp/cut/checkpoints/$f"; ok $? "resumed: $f differs"
done
cmp -s "$tmp/whole/metrics.csv" "$tmp/cut/metrics.csv"; ok $? "resumed: metrics.csv differs"

# a folder is its files in the order of their names, those of its folders among them: the same losses as one file of all
mkdir -p "$tmp/texts/b/c" "$tmp/texts/.hidden"
split -n l/4 "$tmp/text.txt" "$tmp/part."
mv "$tmp/part.aa" "$tmp/texts/a.txt"; mv "$tmp/part.ab" "$tmp/texts/b/1"; mv "$tmp/part.ac" "$tmp/texts/b/c/2"; mv "$tmp/part.ad" "$tmp/texts/z"
echo "not to be read" | tee "$tmp/texts/.hidden/x" >"$tmp/texts/.y"
ln -s "$tmp/text.txt" "$tmp/texts/link"
run folder "dataset.train=$tmp/texts" "dataset.validation=$tmp/texts"
for c in train.loss validation.loss; do
    [ "$(column $c folder)" = "$(column $c short)" ]; ok $? "a folder: $c is $(column $c folder | head -1), of one file $(column $c short | head -1)"
done
[ "$(grep -c '"[^"]*texts/[^"]*"' "$tmp/texts/../folder/lock.json" 2>/dev/null || true)" != 0 ]; ok $? "a folder: its files are not in the lock"
mkdir "$tmp/none"
"$build/tenon" train "$tmp/base.toml" --run "$tmp/empty" --set "dataset.train=$tmp/none" >"$tmp/out" 2>&1
[ $? != 0 ] && grep -q "none: there is no file in the folder" "$tmp/out"; ok $? "a folder without files: $(cat "$tmp/out")"
printf 'fine\nbad \377\n' >"$tmp/texts/m"
"$build/tenon" train "$tmp/base.toml" --run "$tmp/bad" --set "dataset.train=$tmp/texts" >"$tmp/out" 2>&1
[ $? != 0 ] && grep -q "texts/m" "$tmp/out"; ok $? "a file that is not UTF-8 is not named: $(cat "$tmp/out")"
finish stream
