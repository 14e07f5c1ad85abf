#!/usr/bin/env bash
# experiments_test.sh BUILD -- every experiment file passes `tenon check`, with its data where they are found; phrases.awk writes
# what a tree says, and phrase-sentiment.toml learns from that; the commands of predict in the heads of files answer.
. "$(dirname "$0")/begin.sh"
cd "$root" || exit 1

for file in $(find experiments -name '*.toml' ! -path '*/recorded/*' | sort); do
    "$build/tenon" check --no-data "$file" >"$tmp/out" 2>&1; ok $? "$file: $(head -n 3 "$tmp/out")"
done

# one tree, its phrases read off by hand, each where its bracket closes
echo '(3 (2 (2 a) (1 (1 dull) (2 film))) (4 delights))' >"$tmp/trees"
printf '%s\n' '1	1	a	2' '2	1	dull	1' '3	1	film	2' '4	1	dull film	1' '5	1	a dull film	2' '6	1	delights	4' \
    '7	1	a dull film delights	3' >"$tmp/phrases"
awk -f experiments/phrases.awk "$tmp/trees" | tail -n +2 | cmp - "$tmp/phrases"; ok $? "phrases.awk writes other phrases"

# many trees of one shape, where a word says its label: learned in fifteen epochs
awk 'BEGIN { for (i = 0; i < 400; i++) { a = i % 5; b = int(i / 5) % 5; print "(" a " (" a " w" a ") (" b " w" b "))" } }' >"$tmp/trees"
for split in train dev test; do awk -f experiments/phrases.awk "$tmp/trees" >"$tmp/$split.tsv"; done
"$build/tenon" train experiments/phrase-sentiment.toml --data-dir "$tmp" --run "$tmp/run" --threads 1 \
    --set training.epochs=15 --set optimizer.learning_rate=0.01 >"$tmp/out" 2>&1
ok $? "phrase-sentiment: $(tail -n 2 "$tmp/out")"
awk '$1 == "test.accuracy" { found = $2 > 0.9 } END { exit !found }' "$tmp/out"
ok $? "phrase-sentiment: $(grep test.accuracy "$tmp/out")"

# commands in the heads of files, on networks that have seen next to nothing
said_by() { # RUN FILE: what the command at the head of the file says with this run
    local command
    command=$(sed -n 's/^#   \(.*tenon predict RUN[^ ]*\( --[^ ]* [^ ]*\)*\).*/\1/p' "experiments/$2.toml")
    command=${command//tenon predict RUN/\"$build/tenon\" predict \"$1\"}
    eval "${command:-false}" 2>"$tmp/err"
}
mkdir "$tmp/tinyshakespeare"
awk 'BEGIN { for (i = 0; i < 400; i++) print "ROMEO:\nWhat light, number " i "?" }' >"$tmp/tinyshakespeare/input.txt"
"$build/tenon" train experiments/char-rnn.toml --data-dir "$tmp" --run "$tmp/text" --threads 1 --quiet --set training.epochs=1 \
    --set training.max_steps=2 --set 'layer.lstm.units=8' >"$tmp/out" 2>&1; ok $? "char-rnn: $(tail -n 2 "$tmp/out")"
[ "$(said_by "$tmp/text" char-rnn | wc -m)" -gt 400 ] # the unknown one is written <unk>
ok $? "not 400 characters by the command of char-rnn.toml: $(cat "$tmp/err")"
"$build/tenon" train experiments/published/string-addition-3.toml --run "$tmp/sums" --threads 1 --quiet --set dataset.train=64 \
    --set dataset.validation=8 --set training.epochs=1 >"$tmp/out" 2>&1; ok $? "string-addition-3: $(tail -n 2 "$tmp/out")"
[ "$(said_by "$tmp/sums" published/string-addition-3 | wc -c)" = 8 ]
ok $? "not four characters by the command of string-addition-3.toml: $(cat "$tmp/err")"

# as many parameters as published; where words are counted on data of ours, each word more or less has its own
parameters() { # FILE WANTED
    local got
    got=$("$build/tenon" check "experiments/$1.toml" 2>/dev/null | sed -n 's/^parameters: //p')
    [ "$got" = "$2" ]; ok $? "$1: ${got:-no} parameters, published are $2"
}
parameters published/1997/adding-100 93
parameters published/1997/multiplication 93
parameters published/1997/temporal-order-6a 156
parameters published/1997/temporal-order-6b 308
parameters published/1997/reber-4x1-0.1 264
parameters published/1997/reber-3x2-0.1 276
if [ -e "${TENON_DATA:-}/multi30k/train.lc.norm.tok.de" ]; then # 7,875 and 5,896 words for 7,853 and 5,893
    parameters multi30k-seq2seq $((13898501 + 22 * 256 + 3 * (256 + 512 + 1)))
    parameters multi30k-context $((14219781 + 22 * 256 + 3 * (256 + 1280 + 1)))
else echo "skip: parameters of translation (no \$TENON_DATA/multi30k)"; skipped=1; fi

# a tree has a phrase for every bracket: as many as the whole training split holds, counted by another program
trees=${TENON_DATA:-}/sst-trees/train.txt
if [ -e "$trees" ]; then
    [ "$(awk -f experiments/phrases.awk "$trees" | wc -l)" = $(($(tr -cd '(' <"$trees" | wc -c) + 1)) ]
    ok $? "phrases.awk writes another number of phrases than there are brackets"
else echo "skip: phrases of the Stanford Sentiment trees (no \$TENON_DATA/sst-trees)"; skipped=1; fi
finish experiments
