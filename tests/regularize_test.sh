#!/usr/bin/env bash
# regularize_test.sh BUILD -- a small language model with all that AWD-LSTM has against overfitting: locked dropout, embedding
# dropout, words that become unknown, tied weights, penalties on activities and their changes, an average of the weights.
# It must learn a text whose entropy is known, end with the same bits on 1 and 2 threads, after a kill and a resume, and
# evaluate as it did at the end of training.
set -u
build=$(cd "$1" && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
passed=0 failed=0
ok() { if [ "$1" = 0 ]; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "FAILED: $2"; fi; }
# After each word one of two others, by a fair coin: a perplexity of 2, where guessing among all words has 24.
text() { awk -v s="$1" -v n="$2" 'BEGIN { w = 0; for (i = 0; i < n; i++) { s = (s * 1103515245 + 12345) % 2147483648
    w = (w * 5 + 1 + 7 * (int(s / 65536) % 2)) % 24; printf "w%d%s", w, i % 30 == 29 ? "\n" : " " } print "" }'; }
text 3 6000 >"$tmp/train.txt"; text 5 1500 >"$tmp/validation.txt"; text 7 1500 >"$tmp/test.txt"
cat >"$tmp/awd.toml" <<'END'
schema = 1
seed = 3
[dataset]
type = "stream"
train = "train.txt"
validation = "validation.txt"
test = "test.txt"
steps = 12
[[field]]
name = "words"
transforms = ["words"]
vocabulary = { word_dropout = 0.02 }
[[field]]
name = "next"
from = "words"
shift = 1
[[layer]]
name = "table"
type = "embedding"
inputs = "words"
width = 24
embedding_dropout = 0.05
[[layer]]
name = "locked_in"
type = "dropout"
rate = 0.1
per = "sequence"
[[layer]]
name = "encoder"
type = "lstm"
units = 24
carry_state = true
[[layer]]
name = "locked_out"
type = "dropout"
rate = 0.1
per = "sequence"
[[layer]]
name = "logits"
type = "dense"
units = "next"
tied = "table"
[[loss]]
type = "activity"
input = "locked_out"
weight = 0.02
[[loss]]
name = "change"
type = "activity"
input = "encoder"
temporal = true
weight = 0.01
[[loss]]
type = "cross_entropy"
input = "logits"
target = "next"
[optimizer]
type = "adam"
learning_rate = 0.02
[gradient]
clip_norm = 1.0
[[metric]]
type = "perplexity"
[training]
epochs = 6
batch_size = 10
average = 0.95
[checkpoint]
every_steps = 40
END
train() { # run, threads, overrides ...
    local name=$1 threads=$2; shift 2
    "$build/tenon" train "$tmp/awd.toml" --data-dir "$tmp" --run "$tmp/$name" --threads "$threads" --quiet "$@" >"$tmp/$name.out" 2>&1
}
sums() { (cd "$1" && sha256sum checkpoints/*.safetensors metrics.csv); }
"$build/tenon" check "$tmp/awd.toml" --data-dir "$tmp" >"$tmp/check" 2>&1; ok $? "check: $(tail -n 2 "$tmp/check")"
grep -q '^logits .* 25$' "$tmp/check"; ok $? "check: the output layer has 25 parameters of its own: $(grep logits "$tmp/check")"
grep -q '^parameters: 5329$' "$tmp/check"; ok $? "check: 600 + 4704 + 25 parameters, it says $(grep '^parameters' "$tmp/check")"
train one 1; ok $? "training: $(tail -n 2 "$tmp/one.out")"
awk '$1 == "test.perplexity" { found = 1; good = $2 < 2.3 && $2 > 1.9 } END { exit !(found && good) }' "$tmp/one.out"
ok $? "the perplexity is not near 2, which the text has: $(grep perplexity "$tmp/one.out")"
train two 2; ok $? "training on 2 threads: $(tail -n 2 "$tmp/two.out")"
cmp -s <(sums "$tmp/one") <(sums "$tmp/two"); ok $? "2 threads end with other bytes than 1"
"$build/tenon" evaluate "$tmp/one" --data-dir "$tmp" --split test --threads 1 >"$tmp/evaluated" 2>&1; ok $? "$(cat "$tmp/evaluated")"
[ "$(grep perplexity "$tmp/evaluated")" = "$(grep test.perplexity "$tmp/one.out")" ]
ok $? "evaluate says $(grep perplexity "$tmp/evaluated"), training said $(grep test.perplexity "$tmp/one.out")"
cp -r "$tmp/two" "$tmp/cut" # as a kill after step 120 would leave it
rm -f "$tmp"/cut/checkpoints/step-*; train steps 1 --set checkpoint.keep=100
cp "$tmp/steps/checkpoints/step-00000120.safetensors" "$tmp/cut/checkpoints/" && rm -f "$tmp/cut/stopped.txt"
"$build/tenon" resume "$tmp/cut" --data-dir "$tmp" --threads 2 --quiet >"$tmp/cut.out" 2>&1; ok $? "resume: $(tail -n 2 "$tmp/cut.out")"
cmp -s <(sums "$tmp/one") <(sums "$tmp/cut"); ok $? "resumed at step 120 it ends with other bytes"
# each of them changes what is learned
train same 1 --set training.epochs=1; ok $? "$(tail -n 2 "$tmp/same.out")"
for set in layer.table.embedding_dropout=0 layer.locked_in.rate=0 layer.locked_in.per=number loss.change.weight=0 loss.activity.weight=0 \
    training.average=0.5; do
    train other 1 --set training.epochs=1 --set "$set"; ok $? "$set: $(tail -n 2 "$tmp/other.out")"
    ! cmp -s "$tmp/other/checkpoints/best.safetensors" "$tmp/same/checkpoints/best.safetensors"; ok $? "$set makes no difference"
    rm -rf "$tmp/other"
done
echo "regularize: $passed passed, $failed failed"
[ $failed = 0 ]
