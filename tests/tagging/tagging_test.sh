#!/usr/bin/env bash
# tagging_test.sh BUILD -- a tagger from the file to the tags: it learns four sentences by heart, predicts a tag for each
# character, and says where a data set is wrong. A sequence of none or of one, and characters never seen, have a result.
. "$(dirname "$0")/../begin.sh"
cd "$tmp" || exit 1
"$build/tenon" train "$root/experiments/inline-tagging.toml" --quiet --threads 1 --run run >out 2>&1; ok $? "train: $(tail -n 2 out)"
predict() { printf '%s\n' "$1" | "$build/tenon" predict run --threads 1 "${@:2}" 2>&1; }
same() { [ "$2" = "$3" ]; ok $? "$1: found '$2', expected '$3'"; }
same "a sentence learned by heart" "$(predict 我爱北京天安门)" "O O B-LOC I-LOC I-LOC I-LOC E-LOC"
same "another one" "$(predict 天安门在北京)" "B-LOC I-LOC E-LOC O B-LOC E-LOC"
same "no characters" "$(predict '')" ""
[[ "$(predict 我)" =~ ^(O|[BIE]-LOC)$ ]]; ok $? "one character: $(predict 我)"
same "as many tags as characters, known or not" "$(predict 'xyz京' | wc -w)" 4
predict 我爱北京天安门 --format json >json
python3 - <<'PY'; ok $? "JSON: $(cat json)"
import json
x = json.load(open("json"))
assert x["tokens"] == list("我爱北京天安门"), x
assert x["offsets"] == [[i, i + 1] for i in range(7)], x
assert x["tags"] == "O O B-LOC I-LOC I-LOC I-LOC E-LOC".split(), x
assert x["spans"] == [{"label": "LOC", "first": 2, "last": 6, "begin": 2, "end": 7}], x
assert len(x["probabilities"]) == 7 and all(0.5 < p <= 1 for p in x["probabilities"]), x
PY
# words between spaces: offsets count characters of the line
printf 'Wang B-PER\nXu E-PER\nsings O\n\nXu S-PER\n' >people.txt
cat >people.toml <<'TOML'
schema = 1
name = "people"
[dataset]
type = "conll"
train = "people.txt"
columns = ["token", "ner"]
[[field]]
name = "words"
column = "token"
transforms = ["lowercase"]
[[field]]
name = "tags"
column = "ner"
kind = "tags"
along = "words"
scheme = { from = "BIOES", to = "BIO" }
[[layer]]
type = "embedding"
inputs = "words"
width = 8
[[layer]]
name = "emissions"
type = "dense"
units = "tags"
[[loss]]
name = "crf"
type = "crf"
target = "tags"
[[metric]]
type = "span_f1"
input = "crf.decoded"
[optimizer]
type = "adam"
[training]
epochs = 1
TOML
"$build/tenon" train people.toml --quiet --threads 1 --run people >out 2>&1; ok $? "people: $(tail -n 2 out)"
printf ' Wang  Xü sings Xü\n' | "$build/tenon" predict people --format json --threads 1 >json 2>out; ok $? "predict: $(cat out)"
python3 - <<'PY'; ok $? "JSON of words: $(cat json)"
import json
x = json.load(open("json"))
assert x["tokens"] == ["Wang", "Xü", "sings", "Xü"] and x["offsets"] == [[1, 5], [7, 9], [10, 15], [16, 18]], x
assert len(x["tags"]) == 4, x
PY
# a word stands for a tag, so that any tags can be had: their spans are those of conlleval, in characters of the line
cat >spell.toml <<'TOML'
schema = 1
[dataset]
type = "inline"
columns = ["text", "tags"]
train = ["äb bper iper eper sper bloc iloc eloc sloc", "O B-PER I-PER E-PER S-PER B-LOC I-LOC E-LOC S-LOC"]
[[field]]
name = "text"
transforms = ["lowercase", "words"]
[[field]]
name = "tags"
kind = "tags"
along = "text"
transforms = [{ type = "words", at = "spaces" }]
[[layer]]
type = "embedding"
inputs = "text"
width = 12
[[layer]]
type = "dense"
units = "tags"
[[loss]]
type = "cross_entropy"
target = "tags"
[optimizer]
type = "adam"
learning_rate = 0.1
[training]
epochs = 60
batch_size = 1
TOML
"$build/tenon" train spell.toml --quiet --threads 1 --run spell >out 2>&1; ok $? "spell: $(tail -n 2 out)"
python3 - >lines.txt <<'PY'
import random
random.seed(4)
words = "äb bper iper eper sper bloc iloc eloc sloc".split()
print("\nÄB\nBPer")
for i in range(200):
    line = [random.choice(words) for _ in range(random.randrange(1, 9))]
    print((" " * (i % 3)).join([""] + [" " * random.randrange(1, 3) + (w.upper() if i % 2 else w) for w in line]))
PY
"$build/tenon" predict spell lines.txt --format json --threads 1 >json 2>out; ok $? "predict spell: $(cat out)"
PYTHONPATH="$here" python3 - 2>why <<'PY'; ok $? "spans: $(tail -n 1 why)"
import json
from conlleval import begins, cut, ends
lines = open("lines.txt").read().split("\n")[:-1]
objects = [json.loads(o) for o in open("json")]
assert len(lines) == len(objects) == 203, len(objects)
spans = 0
for line, o in zip(lines, objects):
    names = dict(zip("äb bper iper eper sper bloc iloc eloc sloc".split(),
                     "O B-PER I-PER E-PER S-PER B-LOC I-LOC E-LOC S-LOC".split()))
    assert o["tags"] == [names[w] for w in line.lower().split()], (line, o["tags"])
    assert [line[a:b] for a, b in o["offsets"]] == line.split(), (line, o["offsets"])
    expected, last, open_ = [], ("O", ""), None
    for i, now in enumerate([cut(t) for t in o["tags"]] + [("O", "")]):
        if open_ is not None and ends(last, now):
            expected.append(dict(label=last[1], first=open_, last=i - 1, begin=o["offsets"][open_][0], end=o["offsets"][i - 1][1]))
            open_ = None
        if begins(last, now):
            open_ = i
        last = now
    assert o["spans"] == expected, (line, o["spans"], expected)
    spans += len(expected)
assert spans > 300, spans
PY
coproc PIPE { "$build/tenon" predict spell --threads 1 2>/dev/null; }
pipe=$PIPE_PID # bash forgets it when the program has ended
for word in 'iloc äb' 'BPER'; do
    echo "$word" >&"${PIPE[1]}"; IFS= read -r said <&"${PIPE[0]}"
    case $word in BPER) same "the second line of a pipe" "$said" B-PER ;; *) same "the first line of a pipe" "$said" "I-LOC O" ;; esac
done
exec {PIPE[1]}>&-
wait "$pipe"
message() { # label, expected part of the message
    "$build/tenon" check people.toml >out 2>&1; [ $? = 2 ] && grep -qF "$2" out; ok $? "$1: $(cat out)"
}
printf 'Wang B-PER\nsings O\n' >people.txt
message "a tag that its scheme forbids" "people.txt:1: field 'tags': step 2: 'O' after 'B-PER', which BIOES forbids"
printf 'Wang S-PER\nsings O\n\nXu\n' >people.txt
message "a short line" "people.txt:4: 1 columns; \`columns\` names 2: 'Xu'"
printf 'Wang S-PER\nsings O\n' >people.txt
sed -i 's/^train = .*/&\ntest = "test.txt"/' people.toml
printf 'Wang S-ORG\n' >test.txt
message "a tag that training never saw" "test.txt:1: field 'tags': the label 'B-ORG' does not occur in the training split"
finish "tagging, from file to tags"
