#!/usr/bin/env bash
# language_model_test.sh BUILD -- text that language models write: the most probable continuation of a text that goes round is
# that text; probabilities and frequencies of draws are those that an LSTM in plain Python has; what draws depend on; a step a
# word gives what the whole text at once gives; a pipe is answered line by line.
. "$(dirname "$0")/begin.sh"
cd "$tmp" || exit 1
tenon() { "$build/tenon" "$@"; }
for ((i = 0; i < 300; i++)); do echo 'north east south west'; done >round.txt
awk 'BEGIN { s = 7; c = 0; for (i = 0; i < 6000; i++) { s = (s * 1103515245 + 12345) % 2147483648; u = int(s / 65536) % 10
    c = u < 5 ? (c + 1) % 5 : u < 8 ? (c + 2) % 5 : c; printf "%c", 97 + c; if (i % 30 == 29) print "" } }' >chance.txt
model() { # name, text, data set, layer: trains NAME
    cat >"$1.toml" <<END
schema = 1
seed = 5
[dataset]
type = "stream"
train = "$2.txt"
steps = 20
$3
[[field]]
name = "piece"
column = "${5:-characters}"
[[field]]
name = "next"
from = "piece"
shift = 1
[[layer]]
type = "embedding"
inputs = "piece"
width = 8
[[layer]]
name = "memory"
$4
carry_state = true
[[layer]]
name = "logits"
type = "dense"
units = "next"
[[loss]]
type = "cross_entropy"
target = "next"
[optimizer]
type = "adam"
learning_rate = 0.02
[training]
epochs = 6
batch_size = 4
END
    tenon train "$1.toml" --run "$1" --threads 1 >out 2>&1; ok $? "train $1: $(tail -n 3 out)"
}
model lstm round 'unit = "characters"' $'type = "lstm"\nunits = 16\nlayers = 2'
model gru round 'unit = "characters"' $'type = "gru"\nunits = 24'
model rnn round 'unit = "characters"' $'type = "rnn"\nunits = 24'
model words round $'unit = "words"\nline_end = "<eos>"' $'type = "lstm"\nunits = 8' words
model plain round 'unit = "words"' $'type = "lstm"\nunits = 8' words
model chance chance 'unit = "characters"' $'type = "lstm"\nunits = 16\nlayers = 2'

# ---- the most probable continuation
for run in lstm gru rnn; do
    printf 'north\nsouth west' | tenon predict $run --length 43 --temperature 0 >said 2>err; ok $? "$run: $(cat err)"
    printf ' east south west\nnorth east south west\nnort\n\nnorth east south west\nnorth east south wes\n' | cmp -s - said
    ok $? "$run goes on with $(tr '\n' '/' <said)"
    echo north | tenon predict $run --length 43 --temperature 0 >greedy
    for rule in '--top-k 1' '--top-p 0' '--top-p 1e-9' '--top-k 1 --temperature 3' '--temperature 0 --top-k 7 --seed 3' \
                '--temperature 1e-9'; do
        # shellcheck disable=SC2086
        echo north | tenon predict $run --length 43 $rule | cmp -s - greedy; ok $? "$run: $rule is not the most probable text"
    done
done
printf 'north east\n\neast south west\n' | tenon predict words --length 7 --temperature 0 >said 2>err; ok $? "words: $(cat err)"
printf 'south west\nnorth east south west\nnorth east south west\nnorth east\n\nnorth east south west\nnorth\n' | cmp -s - said
ok $? "words go on with $(tr '\n' '/' <said)"
tenon predict words --length 3 --temperature 0 --format json <<<'east' >said
grep -q '^{"beginning": "east", "text": "south west\\u000a", "tokens": \["south", "west", "<eos>"\], "probabilities": \[0[0-9.]*, 0[0-9.]*, 0[0-9.]*\], "log_probability": -[0-9.e-]*}$' said
ok $? "words in JSON: $(cat said)"
printf 'x y zebra\n' | tenon predict words --length 2 >said 2>&1; [ $? = 0 ] && [ "$(wc -w <said)" -le 2 ]
ok $? "words that training did not know: $(cat said)"
printf 'north\n\n' | tenon predict plain --length 3 --temperature 0 >said 2>err
[ $? = 2 ] && [ "$(cat said)" = 'east south west' ] && grep -q '^standard input:2: there is nothing to go on from' err
ok $? "an empty line of a text without line ends: $(cat said err)"

# ---- probabilities and draws
if command -v python3 >/dev/null; then
    printf 'ab\n\ncdea\nqq\n' | tenon predict chance --length 30 --format json >said
    why=$(python3 "$here/language_model.py" chance said 1 0 1 2>&1); ok $? "probabilities: $why"
    for rule in '1 0 1' '2 0 1' '0.5 0 1' '1 3 1' '1.5 2 1' '1 0 0.7' '2 4 0.8'; do
        read -r temperature k p <<<"$rule"
        yes bc | head -n 4000 | tenon predict chance --length 1 --format json --temperature "$temperature" --top-k "$k" --top-p "$p" >said
        [ "$(wc -l <said)" = 4000 ]; ok $? "4000 lines: $(wc -l <said)"
        why=$(python3 "$here/language_model.py" chance said "$temperature" "$k" "$p" 2>&1); ok $? "temperature $temperature, top k $k, top p $p: $why"
    done
    for ((i = 1; i <= 300; i++)); do echo bc | tenon predict chance --length 1 --format json --seed $i; done >said
    why=$(python3 "$here/language_model.py" chance said 1 0 1 2>&1); ok $? "300 seeds: $why"
else skipped=$((skipped + 9)); fi

# ---- what draws depend on
printf 'ab\nab\nde\n' >lines
tenon predict chance lines --length 60 --threads 1 >one
for threads in 2 3; do tenon predict chance lines --length 60 --threads $threads | cmp -s - one; ok $? "$threads threads write another text"; done
tenon predict chance lines --length 60 --seed 1 | cmp -s - one; ok $? "the seed is not 1 where none is given"
! tenon predict chance lines --length 60 --seed 2 | cmp -s - one; ok $? "another seed writes the same text"
tenon predict chance lines --length 60 --format json >json
[ "$(head -n 1 json)" != "$(sed -n 2p json)" ]; ok $? "equal lines have equal continuations"
printf 'c\nab\n' | tenon predict chance --length 60 --format json | tail -n 1 | cmp -s - <(sed -n 2p json)
ok $? "what a line gets depends on the line before it"
tenon predict chance lines --length 20 --format json | sed -n 3p | cut -d: -f3 | cut -c1-21 | cmp -s - <(sed -n 3p json | cut -d: -f3 | cut -c1-21)
ok $? "a shorter text begins otherwise"

# ---- step by step, and the whole text again where layers carry no state: the same numbers
for run in lstm gru rnn chance; do
    printf 'ab\n\nea\n' | tenon predict $run --length 40 --format json >steps
    printf 'ab\n\nea\n' | tenon predict $run --length 40 --format json --set layer.memory.carry_state=false 2>err | cmp -s - steps
    ok $? "$run: a step a word and the whole text again differ: $(cat err)"
done

# ---- how probable a line is: what evaluate finds of a text of that line behind the end of another one
tenon predict words --score --format json <<<'north east zebra' >said
grep -q '^{"line": "north east zebra", "tokens": \["north", "east", "<unk>", "<eos>"\], "probabilities": \[' said; ok $? "--score: $(cat said)"
for line in 'north east south west' 'west west north' '' 'nowhere'; do
    printf '\n%s\n' "$line" >round.test.txt
    mkdir -p scored && cp -r words/. scored
    sed 's/^train = .*/&\ntest = "round.test.txt"/; s/^\[training\]/[[metric]]\ntype = "perplexity"\n&\n/' words.toml >scored/config.toml
    said=$(tenon evaluate scored --split test --data-dir . --set evaluation.batch_size=1 2>&1 | awk '$1 == "test.perplexity" { print $2 }')
    found=$(tenon predict words --score <<<"$line" 2>&1 | cut -f2)
    awk -v a="${said:-0}" -v b="${found:-0}" 'BEGIN { d = a - b; exit !(a >= 1 && d < 1e-4 * a && d > -1e-4 * a) }'
    ok $? "'$line' has the perplexity $found, evaluate finds ${said:-nothing}"
done
tenon predict plain --score --format json <<<'north east' >said 2>&1; grep -qF '{"line": "north east", "tokens": ["east"], "probabilities": [0.9' said
ok $? "--score where lines have no end: $(cat said)"
tenon predict chance --score <<<'abcde' >said && tenon predict chance --score --set layer.memory.carry_state=false <<<'abcde' | cmp -s - said
ok $? "--score of a layer without a state: $(cat said)"

# ---- a pipe
coproc PIPE { "$build/tenon" predict words --length 2 --temperature 0 2>/dev/null; }
pipe=$PIPE_PID # bash forgets it when the program has ended
echo 'north' >&"${PIPE[1]}"; IFS= read -r said <&"${PIPE[0]}"
[ "$said" = 'east south' ]; ok $? "the first line of a pipe: $said"
echo 'east' >&"${PIPE[1]}"; IFS= read -r said <&"${PIPE[0]}"
[ "$said" = 'south west' ]; ok $? "the second line of a pipe: $said"
exec {PIPE[1]}>&-
wait "$pipe"

# ---- mistakes
wrong() { # what it says, arguments
    local text=$1
    shift
    echo ab | tenon predict "$@" >out 2>&1; [ $? = 2 ] && grep -qF -- "$text" out; ok $? "predict $*: $(cat out)"
}
wrong "--temperature: '-1' is not a number in [0, 1000]" chance --temperature -1
wrong "--top-p: '1.5' is not a number in [0, 1]" chance --top-p 1.5
wrong "--top-k: 'many' is not a whole number" chance --top-k many
wrong "--length: '0' is not a whole number in [1," chance --length 0
wrong "--seed: '-3' is not a whole number" chance --seed -3
sed 's/^shift = 1/shift = 2/; s/^epochs.*/epochs = 1/' chance.toml >later.toml
tenon train later.toml --run later --threads 1 >out 2>&1; ok $? "train later: $(tail -n 1 out)"
wrong 'the network learns what comes 2 steps later' later
sed '/^\[\[field\]\]/,/^shift/d; /^\[\[layer\]\]/,$d' chance.toml | sed 's/"stream"/"inline"/; /^train\|^steps\|^unit/d' >label.toml
cat >>label.toml <<'END'
train = ["ab", "x", "ba", "y"]
columns = ["text", "label"]
[[field]]
name = "text"
transforms = ["characters"]
[[field]]
name = "label"
kind = "category"
[[layer]]
type = "embedding"
inputs = "text"
width = 4
[[layer]]
type = "mean"
[[layer]]
type = "dense"
units = "label"
[[loss]]
type = "cross_entropy"
target = "label"
[optimizer]
type = "sgd"
[training]
epochs = 1
END
tenon train label.toml --run label --threads 1 >out 2>&1; ok $? "train label: $(tail -n 2 out)"
wrong 'are for language models' label --temperature 0.5
wrong 'are for language models' label --seed 5
wrong 'are for language models' label --score
wrong 'leave the other options out' words --score --length 3
finish 'language models'
