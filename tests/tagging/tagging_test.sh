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
