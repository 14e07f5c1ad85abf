#!/usr/bin/env bash
# predict_test.sh BUILD -- what predict says of lines of text: labels with probabilities, numbers, several columns; a file, a
# pipe that goes on, lines that are wrong. Texts that are written, translations, tags and forecasts have tests of their own.
. "$(dirname "$0")/begin.sh"
cd "$tmp" || exit 1
tenon() { "$build/tenon" "$@"; }
cat >label.toml <<'TOML'
schema = 1
seed = 2
[dataset]
type = "inline"
columns = ["text", "label"]
train = ["good fine film", "good", "fine film", "good", "bad poor film", "bad \"quoted\"", "poor thing", "bad \"quoted\"", "so so", "neither"]
[[field]]
name = "text"
transforms = ["lowercase", "words"]
[[field]]
name = "label"
kind = "category"
[[layer]]
type = "embedding"
inputs = "text"
width = 8
[[layer]]
name = "encoder"
type = "lstm"
units = 8
[[layer]]
type = "dense"
inputs = "encoder.state"
units = "label"
[[loss]]
type = "cross_entropy"
target = "label"
[optimizer]
type = "adam"
learning_rate = 0.05
[training]
epochs = 40
batch_size = 2
TOML
tenon train label.toml --run label --threads 1 >out 2>&1; ok $? "train label: $(tail -n 2 out)"

# ---- labels
printf 'Fine FILM\npoor\nso so\n\nzebra\nno end of line: good' >lines
tenon predict label lines >said 2>err; ok $? "predict: $(cat err)"
[ "$(cut -f1 said | head -n 3 | tr '\n' ' ')" = 'good bad "quoted" neither ' ] && [ "$(wc -l <said)" = 6 ]; ok $? "labels: $(tr '\n' '/' <said)"
tenon predict label <lines | cmp -s - said; ok $? "standard input says something else than a file"
tenon predict label - <lines | cmp -s - said; ok $? "- is not standard input"
sed 's/$/\r/' lines | tenon predict label | cmp -s - said; ok $? "lines that end in CRLF"
{ printf '\xef\xbb\xbf'; cat lines; } | tenon predict label | cmp -s - said; ok $? "a byte order mark is read as a part of a word"
tenon predict label lines --threads 2 | cmp -s - said; ok $? "two threads say something else"
tenon predict label lines --format json >json 2>err; ok $? "predict --format json: $(cat err)"
if command -v python3 >/dev/null; then
    why=$(python3 - 2>&1 <<'PYTHON'
import json
said = [line.split("\t") for line in open("said").read().split("\n")[:-1]]
objects = [json.loads(line) for line in open("json")]
assert len(objects) == len(said)
for o, (label, p) in zip(objects, said):
    every = o["probabilities"]
    assert set(every) == {"good", 'bad "quoted"', "neither"}, every
    assert abs(sum(every.values()) - 1) < 1e-6, every
    assert o["label"] == label == max(every, key=every.get) and every[label] == float(p), (o, label, p)
PYTHON
    ); ok $? "labels and probabilities: $why"
else skipped=$((skipped + 1)); fi
coproc PIPE { "$build/tenon" predict label 2>/dev/null; }
pipe=$PIPE_PID # bash forgets it when the program has ended
for k in 1 2; do
    sed -n ${k}p lines >&"${PIPE[1]}"; IFS= read -r answer <&"${PIPE[0]}"
    [ "$answer" = "$(sed -n ${k}p said)" ]; ok $? "line $k of a pipe: $answer"
done
exec {PIPE[1]}>&-
wait "$pipe"; ok $? "the end of a pipe"
[ -z "$(tenon predict label </dev/null)" ]; ok $? "no lines have an answer"

# ---- numbers, from two columns; a third one is what a metric compares with, and is not asked for
cat >two.toml <<'TOML'
schema = 1
seed = 2
[dataset]
type = "inline"
columns = ["text", "year", "value", "other"]
train = ["a b", "1 2", "3.5", "3", "b", "2 2", "4.5", "4", "a", "0 1", "2.5", "2"]
[[field]]
name = "text"
transforms = ["words"]
[[field]]
name = "year"
transforms = ["words"]
[[field]]
name = "value"
kind = "numbers"
scale = "standard"
[[field]]
name = "other"
kind = "numbers"
[[layer]]
name = "words"
type = "embedding"
inputs = "text"
width = 4
[[layer]]
name = "text_mean"
type = "mean"
[[layer]]
name = "years"
type = "embedding"
inputs = "year"
width = 4
[[layer]]
name = "year_mean"
type = "mean"
[[layer]]
type = "concat"
inputs = ["text_mean", "year_mean"]
[[layer]]
type = "dense"
units = 1
[[loss]]
type = "mse"
target = "value"
[[metric]]
type = "mae"
target = "other"
[optimizer]
type = "adam"
[training]
epochs = 40
batch_size = 2
TOML
tenon train two.toml --run two --threads 1 >out 2>&1; ok $? "train two: $(tail -n 3 out)"
printf 'a b\t1 2\nb\t2 2\n' | tenon predict two >said 2>&1; ok $? "two columns: $(cat said)"
awk '{ bad += !($1 > 2 && $1 < 5) } END { exit !(NR == 2 && !bad) }' said; ok $? "values are not in the units of the file: $(cat said)"
printf 'a b\t1 2\n' | tenon predict two --format json | grep -q "^{\"values\": \[$(head -n 1 said)\]}$"; ok $? "a value in JSON"
printf 'a b\t1 2\nb\n' | tenon predict two >said 2>err; [ $? = 2 ] && [ "$(wc -l <said)" = 1 ] &&
    grep -q '^standard input:2: the line has too few columns: there must be 2, with tabs between them$' err
ok $? "a column lacks: $(cat said err)"

# ---- sequences of numbers: what evaluate says of them in a file; several numbers a step; one row
awk 'BEGIN { for (i = 0; i < 24; i++) { x = ""; for (k = 0; k <= i % 5; k++) x = x (k ? ", " : "") (i * 7 + k * 3) % 11 / 8
    printf "{\"x\": [%s], \"y\": %s}\n", x, i % 3 } }' >x.jsonl
cat >numbers.toml <<'TOML'
schema = 1
seed = 2
[dataset]
type = "json_lines"
train = "x.jsonl"
test = "x.jsonl"
[[field]]
name = "x"
kind = "numbers"
scale = "standard"
[[field]]
name = "y"
kind = "numbers"
[[layer]]
type = "gru"
inputs = "x"
units = 4
[[layer]]
type = "dense"
inputs = "gru.state"
units = 1
[[loss]]
type = "mse"
target = "y"
[optimizer]
type = "adam"
[training]
epochs = 2
TOML
tenon train numbers.toml --run numbers --threads 1 >out 2>&1; ok $? "train numbers: $(tail -n 3 out)"
tenon evaluate numbers --predictions expected >out 2>&1; ok $? "evaluate numbers: $(tail -n 3 out)"
sed 's/.*\[//; s/\].*//; s/,//g' x.jsonl >x.lines
tenon predict numbers x.lines 2>&1 | cmp -s - expected; ok $? "sequences of numbers: $(tenon predict numbers x.lines 2>&1 | diff - expected | head -n 2)"
mv x.jsonl x.gone; tenon predict numbers x.lines 2>&1 | cmp -s - expected
ok $? "sequences of numbers, the data gone: $(tenon predict numbers x.lines 2>&1 | head -n 2)"; mv x.gone x.jsonl
sed 's/ /,/g' x.lines | tenon predict numbers 2>&1 | cmp -s - expected; ok $? "numbers with commas between them"
sed 's/json_lines/adding/; s/^train = .*/train = 20/; s/^test = .*/test = 5/; s/"x"/"pairs"/; s/"y"/"target"/; /^scale/d' numbers.toml >pairs.toml
tenon train pairs.toml --run pairs --threads 1 >out 2>&1; ok $? "train pairs: $(tail -n 3 out)"
printf '0.5 1 0.25 0\n0.5 0 0.25 1 0.1 0\n' | tenon predict pairs >said 2>&1 && [ "$(sort -u said | wc -l)" = 2 ]; ok $? "pairs: $(cat said)"
# a target of two numbers a step, around 100 and 200: both are told, in the units of the file
awk 'BEGIN { for (i = 0; i < 40; i++) { x = y = z = ""; for (k = 0; k <= i % 4; k++) { a = (i * 7 + k * 3) % 11 / 8; s = k ? ", " : ""
    x = x s a; y = y s 100 + a; z = z s 200 - a } printf "{\"x\": [%s], \"y\": [%s], \"z\": [%s]}\n", x, y, z } }' >each.jsonl
cat >each.toml <<'TOML'
schema = 1
[dataset]
type = "json_lines"
train = "each.jsonl"
[[field]]
name = "x"
kind = "numbers"
[[field]]
name = "both"
kind = "numbers"
columns = ["y", "z"]
along = "x"
scale = "standard"
[[layer]]
type = "dense"
inputs = "x"
units = "both"
[[loss]]
type = "mse"
target = "both"
[optimizer]
type = "adam"
learning_rate = 0.05
[training]
epochs = 200
batch_size = 10
TOML
tenon train each.toml --run each --threads 1 --quiet >out 2>&1; ok $? "train each: $(tail -n 3 out)"
echo '0.25 0.5 1' | tenon predict each >said 2>&1
[ "$(wc -w <said)" = 3 ] && tr ' ,' '\n\n' <said | awk 'BEGIN { split("100.25 199.75 100.5 199.5 101 199", want, " ") }
    { d = $1 - want[NR]; wrong += d < -0.01 || d > 0.01 } END { exit NR != 6 || wrong }'
ok $? "two numbers a step: $(cat said)"
[ "$(echo '0.25 0.5 1' | tenon predict each --format json)" = "{\"values\": [[$(sed 's/ /], [/g; s/,\([^ ]\)/, \1/g' said)]]}" ]
ok $? "two numbers a step in JSON: $(echo '0.25 0.5 1' | tenon predict each --format json)"
awk 'BEGIN { for (i = 0; i < 8; i++) print i % 3 / 2 "," (i * 5) % 7 "," (i % 2 ? "odd" : "even") }' >rows.csv
cat >rows.toml <<'TOML'
schema = 1
seed = 2
[dataset]
type = "csv"
train = "rows.csv"
header = false
columns = ["a", "b", "label"]
[[field]]
name = "x"
kind = "numbers"
columns = ["a", "b"]
scale = "standard"
[[field]]
name = "label"
kind = "category"
[[layer]]
type = "dense"
inputs = "x"
units = "label"
[[loss]]
type = "cross_entropy"
target = "label"
[optimizer]
type = "adam"
[training]
epochs = 2
TOML
tenon train rows.toml --run rows --threads 1 >out 2>&1; ok $? "train rows: $(tail -n 3 out)"
printf '0.5 1\n' | tenon predict rows 2>&1 | grep -Eq '^(odd|even)'; ok $? "a row of numbers"
numbers() { # what it says of the second line, the run, the first line, the second
    printf '%s\n' "$3" "$4" | tenon predict "$2" >said 2>err; [ $? = 2 ] && [ "$(wc -l <said)" = 1 ] && grep -qF "standard input:2: $1" err
    ok $? "$4: $(cat said err); expected $1"
}
numbers "field 'pairs': 3 numbers do not make whole steps; a step has 2" pairs '0.5 1' '0.5 1 0.25'
numbers "field 'pairs': 0 numbers do not make whole steps" pairs '0.5 1' ''
numbers "field 'x': 'one' is not a number" numbers '1' '1 one'
numbers "field 'x': 'inf' is not a number" numbers '1' '1 inf 2'
numbers "field 'x': number 2 is missing" numbers '1,2' '1,,2'
numbers "field 'x': 3 numbers; there must be 2: 1 row of 2" rows '1 2' '1 2 3'
numbers "field 'x': 'nan' is not a number" rows '1 2' '1 nan'
numbers "field 'x': '1e99' is not a number" rows '1 2' '1e99 1'

# ---- labels and characters that have no spelling are told by their numbers
cat >ids.toml <<'TOML'
schema = 1
seed = 2
[dataset]
type = "tokens"
train = 40
test = 6
labels = 3
[[field]]
name = "text"
[[field]]
name = "label"
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
type = "adam"
[training]
epochs = 1
TOML
tenon train ids.toml --run ids --threads 1 >out 2>&1; ok $? "train ids: $(tail -n 3 out)"
tenon evaluate ids --split test --predictions said --format json >out 2>&1; ok $? "evaluate ids: $(tail -n 3 out)"
[ "$(grep -Ec '"label": "[012]", "probabilities": \{"0": [0-9.e-]*, "1": [0-9.e-]*, "2": [0-9.e-]*\}' said)" = 6 ]; ok $? "labels by their numbers: $(head -n 1 said)"

# ---- rows within steps have no answer
sed -e '/^\[\[field\]\]/,$d' label.toml >deep.toml
cat >>deep.toml <<'TOML'
[[field]]
name = "text"
transforms = ["lowercase", "words"]
[[field]]
name = "letters"
column = "text"
within = "text"
transforms = ["lowercase", "words", "characters"]
[[layer]]
type = "embedding"
inputs = "letters"
width = 2
[[layer]]
name = "deep"
type = "dense"
units = 2
[[loss]]
type = "activity"
input = "deep"
[optimizer]
type = "adam"
[training]
epochs = 1
TOML
tenon train deep.toml --run deep --threads 1 >out 2>&1; ok $? "train deep: $(tail -n 3 out)"
for format in text json; do
    echo 'good film' | tenon predict deep --format $format >said 2>err; [ $? = 2 ] && [ ! -s said ] &&
        grep -q "^standard input:1: 'deep' has one row a step within the steps of an example; an answer has one" err
    ok $? "rows within steps, $format: $(cat said err)"
done

# ---- many columns: ten of them, of which the last one decides
{
    printf 'schema = 1\nseed = 2\n[dataset]\ntype = "inline"\ncolumns = ["c0"'
    for k in 1 2 3 4 5 6 7 8 9; do printf ', "c%d"' $k; done
    printf ', "label"]\ntrain = ["s", "s", "s", "s", "s", "s", "s", "s", "s", "a", "first", '
    printf '"s", "s", "s", "s", "s", "s", "s", "s", "s", "b", "second"]\n'
    for k in 0 1 2 3 4 5 6 7 8 9; do printf '[[field]]\nname = "c%d"\ntransforms = ["words"]\n' $k; done
    printf '[[field]]\nname = "label"\nkind = "category"\n'
    for k in 0 1 2 3 4 5 6 7 8 9; do
        printf '[[layer]]\nname = "e%d"\ntype = "embedding"\ninputs = "c%d"\nwidth = 2\n[[layer]]\nname = "m%d"\ntype = "mean"\n' $k $k $k
    done
    printf '[[layer]]\ntype = "concat"\ninputs = ["m0"'
    for k in 1 2 3 4 5 6 7 8 9; do printf ', "m%d"' $k; done
    printf ']\n[[layer]]\ntype = "dense"\nunits = "label"\n[[loss]]\ntype = "cross_entropy"\ntarget = "label"\n'
    printf '[optimizer]\ntype = "adam"\nlearning_rate = 0.1\n[training]\nepochs = 40\nbatch_size = 2\n'
} >ten.toml
tenon train ten.toml --run ten --threads 1 >out 2>&1; ok $? "train ten: $(tail -n 3 out)"
printf 's\ts\ts\ts\ts\ts\ts\ts\ts\ta\ns\ts\ts\ts\ts\ts\ts\ts\ts\tb\n' | tenon predict ten >said 2>&1
[ "$(cut -f1 said | tr '\n' ' ')" = 'first second ' ]; ok $? "ten columns: $(cat said)"
printf 's\ts\ts\ts\ts\ts\ts\ts\ts\n' | tenon predict ten >said 2>&1; [ $? = 2 ] && grep -q 'there must be 10, with tabs' said
ok $? "nine columns of ten: $(cat said)"

# ---- what is wrong
wrong() { # what it says, arguments
    local text=$1
    shift
    tenon predict "$@" >out 2>&1; [ $? = 2 ] && grep -qF -- "$text" out; ok $? "predict $*: $(cat out)"
}
printf 'good\nb\xffd\n' >bytes
wrong 'bytes:2: the line is not valid UTF-8' label bytes
printf 'good\nb\0d\n' >bytes
wrong 'bytes:2: the line is not valid UTF-8' label bytes
wrong "cannot read 'nowhere.txt'" label nowhere.txt
wrong "'nowhere' is no run" nowhere
wrong "--format is text or json, not 'xml'" label --format xml
wrong 'one argument too many' label lines lines
if [ -w /dev/full ]; then
    tenon predict label lines >/dev/full 2>err; [ $? = 1 ] && grep -q 'cannot write the output' err; ok $? "a full disk: $(cat err)"
else skipped=$((skipped + 1)); fi
finish predictions
