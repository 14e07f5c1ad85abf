#!/usr/bin/env bash
# columns_test.sh BUILD -- where the gradient of a wide output comes in pieces of columns, training must end in the bits of the
# same network whose parts take it whole: they are built again without TN_BY_COLUMNS, under their own names. And `check` must
# say less memory: what a piece has instead of the whole.
. "$(dirname "$0")/begin.sh"
able=$(cd "$root" && grep -lw TN_BY_COLUMNS plugins/layers/*.c plugins/losses/*.c)
[ "$(echo "$able" | wc -l)" -ge 2 ]; ok $? "no layer and loss take gradients by columns: nothing is tested"
without TN_BY_COLUMNS "$tmp/whole" $able
# 5,003 classes: two pieces and one that is no multiple of anything
awk 'BEGIN { for (i = 0; i < 5003; i++) printf "c%d w%d w%d w%d\n", i, i % 23, (i * 7) % 23, (i * i) % 23 }' >"$tmp/train.txt"
decoder() { # attention_decoder
    cat <<END
schema = 1
seed = 3
[dataset]
type = "parallel"
train = { source = "train.txt", target = "train.txt" }
[[field]]
name = "source"
transforms = ["words"]
[[field]]
name = "target"
transforms = ["words", "bracket"]
[[field]]
name = "next"
from = "target"
shift = 1
[[layer]]
name = "letters"
type = "embedding"
inputs = "source"
width = 6
[[layer]]
name = "encoder"
type = "gru"
units = 7
[[layer]]
name = "decoder"
type = "attention_decoder"
inputs = ["target", "encoder"]
embedding = { width = 5 }
cell = { type = "gru", units = 7 }
attention = { type = "$1" }
output = { units = "target", reads = ["state", "embedding"] }
teacher_forcing = 0.5
[[loss]]
type = "cross_entropy"
input = "decoder"
target = "next"
[optimizer]
type = "adam"
[training]
max_steps = 12
batch_size = 16
END
}
network() { # more of the layer, more of the loss, more
    cat <<END
schema = 1
name = "columns"
seed = 3
[dataset]
type = "lines"
train = "train.txt"
[[field]]
name = "text"
transforms = ["words"]
[[field]]
name = "label"
kind = "category"
[[layer]]
name = "words"
type = "embedding"
inputs = "text"
width = 6
[[layer]]
type = "mean"
[[layer]]
name = "logits"
type = "dense"
units = "label"
$1
[[loss]]
type = "cross_entropy"
target = "label"
$2
[optimizer]
type = "sgd"
learning_rate = 0.3
[training]
max_steps = 12
batch_size = 32
$3
END
}
compare() { # name, arguments of train; reads run.toml
    local name=$1 how last
    shift
    for how in pieces whole; do
        rm -rf "$tmp/$how.run"
        "$build/tenon" train "$tmp/run.toml" --data-dir "$tmp" --run "$tmp/$how.run" --quiet "$@" \
            --plugin-path "$tmp/$([ $how = whole ] && echo whole || echo none)" >"$tmp/out" 2>&1
        ok $? "$name, $how: $(tail -n 3 "$tmp/out")"
    done
    last=$(cd "$tmp/pieces.run/checkpoints" && ls step-*.safetensors | sort -V | tail -n 1)
    cmp -s "$tmp/pieces.run/checkpoints/$last" "$tmp/whole.run/checkpoints/$last"
    ok $? "$name: other weights where the gradient comes in pieces"
    for file in $able; do # lock.json says which file each part came from
        used=$(basename "$file" .c)
        grep -q "/whole/.*/$used\.so" "$tmp/whole.run/lock.json" || ! grep -q "/$used[.v0-9]*\.so" "$tmp/pieces.run/lock.json"
        ok $? "$name: $file, which takes it whole, was not used"
    done
}
try() { network "$2" "$3" "$4" >"$tmp/run.toml"; compare "$1" --threads "$5"; }
try plain '' '' '' 1
try 'two threads' '' '' '' 2
try 'smoothed labels' '' 'label_smoothing = 0.1' '' 2
try 'an ignored class' '' 'ignore = 4500' '' 2
try 'no bias' 'bias = false' '' '' 2
try 'a layer that learns nothing' '' '' '[[group]]
layers = ["logits"]
frozen = true' 2
try bf16 '' '' '[backend]
type = "cpu"
precision = "bf16"' 2
try 'a second reader' '' '[[loss]]
name = "again"
type = "cross_entropy"
input = "logits"
target = "label"
weight = 0.5' '' 2
for attention in none additive; do
    decoder $attention >"$tmp/run.toml"
    compare "a decoder, attention $attention" --threads 2
done

# 320 rows of 5,003 - 2,048 floats are 3.78 MB
network '' '' '' | sed 's/^batch_size = 32$/batch_size = 320/' >"$tmp/run.toml"
for how in pieces whole; do
    "$build/tenon" check "$tmp/run.toml" --data-dir "$tmp" --plugin-path "$tmp/$([ $how = whole ] && echo whole || echo none)" 2>/dev/null \
        | sed -n 's/^memory:.* \([0-9.]*\) MB for a batch.*/\1/p' >"$tmp/$how.mb"
done
awk -v a="$(cat "$tmp/pieces.mb")" -v b="$(cat "$tmp/whole.mb")" 'BEGIN { exit !(b - a > 3.6 && b - a < 3.9) }'
ok $? "a batch takes $(cat "$tmp/pieces.mb") MB in pieces and $(cat "$tmp/whole.mb") MB whole"
finish columns
