#!/usr/bin/env bash
# memory_test.sh BUILD -- the memory that `tenon check` predicts is within 10 % of what training has at most, as the system
# counts it: for a language model, a translation with attention and a search, whose batches grow, and a classifier.
. "$(dirname "$0")/../begin.sh"
if ldd "$build/tenon" | grep -q 'lib[a-z]*san'; then
    echo 'skip: the sanitizers have memory of their own'; skipped=1; finish memory; exit
fi
cc -std=c11 -D_GNU_SOURCE -O1 -o "$tmp/peak" "$here/peak.c" || exit 1
awk 'BEGIN { for (i = 0; i < 14000; i++) printf "w%d%s", i * 7919 % 4001, i % 30 == 29 ? "\n" : " " }' >"$tmp/text"
awk 'BEGIN { for (i = 0; i < 320; i++) { n = 4 + i * 13 % 37; line = ""; for (k = 0; k < n; k++) line = line " w" (i * 31 + k * 17) % 1009; print line } }' >"$tmp/source"
awk '{ for (k = NF; k > 0; k--) printf "v%s ", substr($k, 2); print "" }' "$tmp/source" >"$tmp/target"
awk '{ print NR % 3 "\t" $0 }' "$tmp/source" >"$tmp/lines"

cat >"$tmp/language.toml" <<'END'
schema = 1
[dataset]
type = "stream"
train = "text"
share = { validation = 0.4 }
steps = 20
[[field]]
name = "words"
[[field]]
name = "next"
from = "words"
shift = 1
[[layer]]
type = "embedding"
inputs = "words"
width = 200
[[layer]]
type = "lstm"
units = 200
[[layer]]
name = "logits"
type = "dense"
units = "next"
[[loss]]
type = "cross_entropy"
target = "next"
[optimizer]
type = "adam"
[training]
epochs = 1
batch_size = 20
END
cat >"$tmp/translation.toml" <<'END'
schema = 1
[dataset]
type = "parallel"
train = { source = "source", target = "target" }
validation = { source = "source", target = "target" }
[[field]]
name = "source"
transforms = ["words", { type = "bracket", begin = "<sos>", end = "<eos>" }]
[[field]]
name = "target"
transforms = ["words", { type = "bracket", begin = "<sos>", end = "<eos>" }]
[[field]]
name = "next"
from = "target"
shift = 1
[[layer]]
name = "vectors"
type = "embedding"
inputs = "source"
width = 128
[[layer]]
name = "encoder"
type = "bidirectional"
cell = { type = "gru", units = 128 }
[[layer]]
name = "bridge"
type = "dense"
inputs = "encoder.state"
units = 128
activation = "tanh"
[[layer]]
name = "decoder"
type = "attention_decoder"
inputs = ["target", "encoder"]
initial_state = "bridge"
embedding = { width = 128 }
cell = { type = "gru", units = 128 }
attention = { type = "additive", units = 128 }
output = { units = "target" }
[[loss]]
type = "cross_entropy"
input = "decoder"
target = "next"
[optimizer]
type = "adam"
[[metric]]
type = "bleu"
input = "decoder.decoded"
target = "next"
[training]
epochs = 1
batch_size = 32
[evaluation]
batch_size = 8
decode = { type = "beam", width = 3 }
END
cat >"$tmp/classifier.toml" <<'END'
schema = 1
[dataset]
type = "csv"
train = "lines"
delimiter = "\t"
header = false
columns = ["label", "text"]
split = { validation = 0.1 }
[[field]]
name = "text"
transforms = ["words"]
[[field]]
name = "label"
kind = "category"
[[layer]]
type = "embedding"
inputs = "text"
width = 300
[[layer]]
name = "encoder"
type = "bilstm"
units = 300
layers = 2
[[layer]]
type = "dense"
inputs = "encoder.state"
units = "label"
[[loss]]
type = "cross_entropy"
target = "label"
[optimizer]
type = "adam"
[training]
epochs = 1
batch_size = 32
END
for name in language translation classifier; do
    said=$("$build/tenon" check "$tmp/$name.toml" --data-dir "$tmp" | sed -n 's/^memory: .* in all \([0-9]*\) MB$/\1/p')
    PEAK=$tmp/kib "$tmp/peak" "$build/tenon" train "$tmp/$name.toml" --data-dir "$tmp" --run "$tmp/$name" --threads 1 --quiet >"$tmp/log" 2>&1
    ok $? "$name: $(tail -n 2 "$tmp/log")"
    awk -v said="${said:-0}" -v kib="$(cat "$tmp/kib")" 'BEGIN { had = kib * 1.024e-3; exit !(said > 0.9 * had && said < 1.1 * had) }'
    ok $? "$name: check said ${said:-nothing} MB, training had $(awk '{ print $1 * 1.024e-3 }' "$tmp/kib") MB at most"
    [ -z "${SHOW:-}" ] || echo "$name: $said MB, $(awk '{ print $1 * 1.024e-3 }' "$tmp/kib") MB"
done
finish memory
