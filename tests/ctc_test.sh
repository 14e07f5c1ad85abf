#!/usr/bin/env bash
# ctc_test.sh BUILD -- what predict says of labels that ctc reads: with a beam that keeps every path, the score in JSON is the log
# probability of the labels, which is minus the loss of an example that has them as its target.
. "$(dirname "$0")/begin.sh"
cd "$tmp" || exit 1
tenon() { "$build/tenon" "$@"; }
example() { # numbers of the frames, three each; labels: a line of the data
    awk -v labels="$2" '{ for (i = 1; i <= NF; i++) x[i % 3] = x[i % 3] (i > 3 ? ", " : "") $i
        printf "{\"x\": [%s], \"y\": [%s], \"z\": [%s], \"labels\": \"%s\"}\n", x[1], x[2], x[0], labels }' <<<"$1"
}
for i in 1 2 3 4 5; do
    example "1 0 0.$i" a; example "0 1 0.$i" b; example "1 0 0.$i 0 0 1 0 1 0" ab; example "0 1 0 0 0 0.$i 1 0 0" ba
done >train.jsonl
cp train.jsonl test.jsonl
cat >run.toml <<'TOML'
schema = 1
seed = 4
[dataset]
type = "json_lines"
train = "train.jsonl"
test = "test.jsonl"
[[field]]
name = "frames"
columns = ["x", "y", "z"]
kind = "numbers"
[[field]]
name = "labels"
kind = "tags"
transforms = ["characters"]
[[layer]]
type = "lstm"
inputs = "frames"
units = 6
[[layer]]
type = "dense"
units = 3
[[loss]]
type = "ctc"
target = "labels"
beam = 100
[optimizer]
type = "adam"
learning_rate = 0.02
[training]
epochs = 30
batch_size = 4
TOML
tenon train run.toml --run run --threads 1 >out 2>&1; ok $? "train: $(tail -n 2 out)"
for line in '1 0 0.25' '0 1 0 0 0 0.5' '1 0 0.5 0 0 1 0 1 0'; do
    echo "$line" | tenon predict run --format json >said 2>err; ok $? "predict: $(cat err)"
    labels=$(sed -n 's/^{.*"tags": \[\([^]]*\)\].*/\1/p' said | tr -d '", ')
    [ -n "$labels" ]; ok $? "no labels in $(cat said)"
    score=$(sed -n 's/.*"score": \(-[0-9.e-]*\)[,}].*/\1/p' said)
    [ "$(echo "$line" | tenon predict run | tr -d ' ')" = "$labels" ]; ok $? "as text other labels than $labels: $(cat said)"
    example "$line" "$labels" >test.jsonl
    loss=$(tenon evaluate run --split test --data-dir . 2>&1 | awk '$1 == "test.loss" { print $2 }')
    awk -v s="${score:-1}" -v l="${loss:-0}" 'BEGIN { d = s + l; exit !((d < 0 ? -d : d) < 1e-5 * (1 + l)) }'
    ok $? "score '$score' of '$labels', whose loss is '$loss': $(cat said)"
done
finish "ctc predictions"
