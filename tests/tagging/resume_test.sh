#!/usr/bin/env bash
# resume_test.sh BUILD -- the tagger of Chinese résumés on real sentences, short of data and units: it learns, and predicts a tag
# for each character of sentences as they stand in a text.
. "$(dirname "$0")/../begin.sh"
data=${TENON_DATA:-}/resume-ner-zh
if [ ! -e "$data/train.char.bmes" ]; then
    echo 'skip: tags of résumés (no $TENON_DATA/resume-ner-zh)'
    skipped=1
    finish "tags of résumés"
    exit
fi
cd "$tmp" || exit 1
mkdir resume-ner-zh
for split in train dev test; do awk -v RS= -v ORS='\n\n' 'NR <= 200' "$data/$split.char.bmes" >"resume-ner-zh/$split.char.bmes"; done
"$build/tenon" train "$root/experiments/published/resume-bilstm.toml" --data-dir "$tmp" --quiet --threads 1 --run run \
    --set training.epochs=8 --set training.batch_size=8 --set layer.encoder.units=16 >out 2>&1; ok $? "train: $(tail -n 2 out)"
awk '$1 == "test.token.f1" || $1 == "test.token" { f = $2 } END { exit !(f > 0.5) }' out; ok $? "it has not learned: $(grep token out)"

# as they stand in a text: the characters of each sentence side by side
awk '/^\r?$/ { print line; line = ""; next } { line = line $1 } END { if (line) print line }' resume-ner-zh/test.char.bmes >text
"$build/tenon" predict run text --threads 1 >tags 2>err; ok $? "predict: $(cat err)"
python3 - <<'PY'; ok $? "not a tag for each character: $(paste text tags | head -n 2)"
text, tags = open("text", encoding="utf-8").read().splitlines(), open("tags").read().splitlines()
assert len(text) == len(tags) == 200, (len(text), len(tags))
for sentence, said in zip(text, tags):
    assert len(sentence) == len(said.split()), (sentence, said)
assert any(t.startswith("B-") for said in tags for t in said.split()), "nothing but O"
PY
"$build/tenon" predict run text --threads 1 --format json >json 2>err; ok $? "predict --format json: $(cat err)"
python3 - <<'PY'; ok $? "JSON: $(head -n 1 json)"
import json
text = open("text", encoding="utf-8").read().splitlines()
for sentence, x in zip(text, map(json.loads, open("json", encoding="utf-8"))):
    assert [sentence[b:e] for b, e in x["offsets"]] == list(sentence) == x["tokens"], (sentence, x)
    for s in x["spans"]:
        assert x["tags"][s["first"]][2:] == s["label"] and s["begin"] == s["first"], (sentence, s)
PY
finish "tags of résumés"
