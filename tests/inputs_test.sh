#!/usr/bin/env bash
# inputs_test.sh BUILD -- what a line of predict must hold: columns that layers read, whatever losses and metrics compare with; and
# the length of an answer that a layer repeats its input for, which no line gives. Answers are compared with those that evaluate
# gives for the same examples, where the lengths stand in the data.
. "$(dirname "$0")/begin.sh"
cd "$tmp" || exit 1
tenon() { "$build/tenon" "$@"; }
train() { tenon train "$1.toml" --run "$1" --threads 1 --quiet >out 2>&1; ok $? "train $1: $(tail -n 2 out)"; }

# ---- an answer for each step of a field that is learned: three characters, the letters of the question turned round
cat >turned.toml <<'TOML'
schema = 1
[dataset]
type = "inline"
columns = ["question", "answer"]
train = ["abc", "cba", "cab", "bac", "bb", "xbb", "c", "xxc", "ab", "xba", "acc", "cca"]
test = ["abc", "cba", "c", "xxc", "cb", "xbc"]
[[field]]
name = "question"
kind = "tags"
transforms = ["characters"]
[[field]]
name = "answer"
kind = "tags"
transforms = ["characters"]
[[layer]]
type = "one_hot"
inputs = "question"
[[layer]]
name = "reader"
type = "lstm"
units = 12
[[layer]]
name = "again"
type = "repeat"
inputs = "reader.state"
over = "answer"
[[layer]]
name = "writer"
type = "lstm"
units = 12
[[layer]]
type = "dense"
units = "answer"
[[loss]]
type = "cross_entropy"
target = "answer"
[optimizer]
type = "adam"
learning_rate = 0.02
[training]
epochs = 60
batch_size = 2
TOML
train turned
tenon evaluate turned --split test --predictions known >out 2>&1; ok $? "evaluate turned: $(cat out)"
printf 'abc\nc\ncb\n' >lines
tenon predict turned lines >said 2>err; ok $? "predict turned: $(cat err)"
cmp -s known said && [ "$(wc -w <said)" = 9 ]; ok $? "of a line $(tr '\n' '/' <said), of the data $(tr '\n' '/' <known)"
tenon predict turned lines --length 5 >long 2>err; ok $? "--length: $(cat err)"
[ "$(cut -d' ' -f1-3 long)" = "$(cat known)" ] && [ "$(wc -w <long)" = 15 ]; ok $? "five steps: $(tr '\n' '/' <long)"
tenon predict turned lines --length 2000000 >/dev/null 2>err; rc=$?
[ $rc = 2 ] && grep -q "^tenon predict: --length: 2000000 steps are too many for layer 'again'" err; ok $? "exit $rc: $(cat err)"
tenon predict turned lines --length 5 --top-k 2 >/dev/null 2>err; rc=$?
[ $rc = 2 ] && grep -q "are for language models" err; ok $? "exit $rc on a drawing: $(cat err)"

# answers of different lengths: then somebody must say how long
sed 's/"c", "xxc"/"c", "c"/' turned.toml >ragged.toml
train ragged
tenon predict ragged lines >said 2>err; rc=$?
[ $rc = 2 ] && [ ! -s said ] &&
    grep -q "^tenon predict: layer 'again' makes as many steps as 'answer' has, which the network learns .*: --length N$" err
ok $? "exit $rc without a length: $(cat said err)"
tenon evaluate ragged --split test --predictions known >out 2>&1; ok $? "evaluate ragged: $(cat out)"
tenon predict ragged lines --length 3 >said 2>err; ok $? "predict ragged: $(cat err)"
[ "$(sed -n 1p said)" = "$(sed -n 1p known)" ] && [ "$(sed -n 3p said)" = "$(sed -n 3p known)" ]
ok $? "of a line $(tr '\n' '/' <said), of the data $(tr '\n' '/' <known)"
rm -f turned/vocabularies/answer.steps # a run of before it was kept
tenon predict turned lines --length 3 >said 2>err; ok $? "without a kept length: $(cat err)"
[ "$(wc -w <said)" = 9 ]; ok $? "three steps each: $(tr '\n' '/' <said)"

# ---- a network that learns what it reads: the line is what it reads
sed 's/^columns = .*/columns = ["question"]/; s/^train = .*/train = ["abc", "bb", "ca", "a", "bca", "cc"]/; s/^test = .*/test = ["abc", "a", "cc"]/
    /^name = "answer"/,/^transforms/d; s/"answer"/"question"/' turned.toml | awk '/^\[\[field\]\]/ && ++n == 2 { next } { print }' >same.toml
train same
tenon evaluate same --split test --predictions known >out 2>&1; ok $? "evaluate same: $(cat out)"
printf 'abc\na\ncc\n' | tenon predict same >said 2>err; ok $? "predict same: $(cat err)"
cmp -s known said && [ "$(wc -w <said)" = 6 ]; ok $? "of a line $(tr '\n' '/' <said), of the data $(tr '\n' '/' <known)"

# ---- what metrics and losses alone read is in no line
cat >metric.toml <<'TOML'
schema = 1
[dataset]
type = "inline"
columns = ["checked", "text", "label"]
train = ["yes", "good film", "good", "yes", "good", "good", "no", "bad film", "bad", "no", "bad", "bad"]
test = ["yes", "good", "good"]
[[field]]
name = "checked"
kind = "category"
[[field]]
name = "text"
transforms = ["words"]
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
name = "output"
type = "dense"
units = "label"
[[loss]]
type = "cross_entropy"
target = "label"
[[metric]]
type = "accuracy"
target = "checked"
[optimizer]
type = "adam"
learning_rate = 0.05
[training]
epochs = 20
batch_size = 2
TOML
train metric
echo 'good film' | tenon predict metric >said 2>err; ok $? "a column of a metric is asked for: $(cat err)"
[ "$(cut -f1 said)" = good ]; ok $? "metric: $(cat said)"

# ---- a field along another one: its steps are that one's, which a line must give as well
cat >along.toml <<'TOML'
schema = 1
[dataset]
type = "inline"
columns = ["word", "mark", "tag"]
train = ["a b c", "x y x", "1 2 1", "b", "y", "2", "c a", "y x", "2 1"]
test = ["a c", "y x", "2 1"]
[[field]]
name = "word"
transforms = ["words"]
[[field]]
name = "mark"
along = "word"
transforms = ["words"]
[[field]]
name = "tag"
kind = "tags"
along = "word"
transforms = ["words"]
[[layer]]
type = "embedding"
inputs = "mark"
width = 4
[[layer]]
type = "dense"
units = "tag"
[[loss]]
type = "cross_entropy"
target = "tag"
[optimizer]
type = "adam"
learning_rate = 0.1
[training]
epochs = 40
TOML
train along
printf 'a c\ty x\n' | tenon predict along >said 2>err; ok $? "predict along: $(cat err)"
[ "$(cat said)" = '2 1' ]; ok $? "along: $(cat said)"
finish inputs
