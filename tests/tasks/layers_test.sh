#!/usr/bin/env bash
# layers_test.sh BUILD -- each layer where it is what the task needs, beside the same network with another one in its place.
. "$(dirname "$0")/tasks.sh"

right() { holds "$1" "$(figure "$2" "test.${3:-accuracy}")" '>' 0.9; }     # what, run
no_use() { holds "$1" "$(figure "$2" "test.${3:-accuracy}")" '<' "${4:-0.75}"; } # what, run, below what

# ---- attention_pool finds one step of many; multiply and slice make the same by hand
marks() { # seed, rows
    awk -v s="$1" -v n="$2" "$random"'BEGIN { seed(s)
        for (i = 0; i < n; i++) { k = 10 + below(20); at = below(k); v = m = ""
            for (j = 0; j < k; j++) { x = 2 * below(2) - 1; if (j == at) label = x; v = v ", " x; m = m ", " (j == at) }
            printf "{\"value\": [%s], \"mark\": [%s], \"label\": \"%s\"}\n", substr(v, 3), substr(m, 3), (label > 0 ? "up" : "down") } }'
}
marks 1 1000 >"$tmp/mark_train.jsonl"; marks 2 300 >"$tmp/mark_test.jsonl"
train pool mark.toml --set layer.pool.type=attention_pool --set layer.pool.units=8
right 'attention_pool finds the marked step' pool
train mean mark.toml
no_use 'the mean of all steps' mean
train gate gate.toml
right 'multiply lets the marked value through' gate
train add gate.toml --set layer.gated.type=add
no_use 'add in place of multiply' add
train column gate.toml --set layer.value.from=1
no_use 'slice of the other column' column

# ---- attention
recall() { # seed, rows
    awk -v s="$1" -v n="$2" "$random"'BEGIN { seed(s); print "letters,digits,question,answer"
        for (i = 0; i < n; i++) { k = 3 + below(4); l = d = ""; delete used
            for (j = 0; j < k; j++) { do x = substr("abcdefgh", 1 + below(8), 1); while (x in used); used[x] = y = below(5); l = l x; d = d y }
            q = substr(l, 1 + below(k), 1); print l "," d "," q "," used[q] } }'
}
recall 3 2000 >"$tmp/recall_train.csv"; recall 4 400 >"$tmp/recall_test.csv"
for score in additive dot general; do
    train look_$score recall.toml --set layer.found.score=$score
    right "attention, $score, finds what is asked for" look_$score
done
train bags recall.toml --set layer.output.inputs=mixed
no_use 'question, letters and digits without attention' bags

# ---- batch_norm
scales() { # seed, rows
    awk -v s="$1" -v n="$2" "$random"'BEGIN { seed(s); print "large,small,colour"
        for (i = 0; i < n; i++) { x = normal(); y = normal()
            printf "%.3f,%.5f,%s\n", 1000 + 50 * x, 0.05 * y, (x + y > 0 ? "black" : "white") } }'
}
scales 5 2000 >"$tmp/scales_train.csv"; scales 6 500 >"$tmp/scales_test.csv"
train norm scales.toml
right 'batch_norm on unequal scales' norm
train no_norm scales.toml --set layer.first.type=activation --set layer.first.function=linear
no_use 'unequal scales' no_norm

# ---- reverse, first: the first word of many decides
opening() {
    awk -v s="$1" -v n="$2" "$random"'BEGIN { seed(s)
        for (i = 0; i < n; i++) { x = below(2); t = x; for (k = 25 + below(10); k; k--) t = t " " below(2); print (x ? "one" : "two") "\t" t } }'
}
opening 7 1000 >"$tmp/train.txt"; opening 8 300 >"$tmp/test.txt"
train first words.toml --set layer.bag.type=first
right 'first: the first word' first
train any words.toml
no_use 'the mean of all words' any
train backwards reader.toml
right 'reverse: the first word is read last' backwards
train forwards reader.toml --set layer.turned.type=activation --set layer.turned.function=linear
no_use 'the first word, 25 steps ago' forwards

# ---- conv1d and global_max: two words that stand together
pairs() {
    awk -v s="$1" -v n="$2" "$random"'BEGIN { seed(s)
        for (i = 0; i < n; i++) { x = below(2); k = 8 + below(8); at = below(k - 3); gap = x ? 1 : 2; t = ""
            for (j = 0; j < k; j++) t = t " " (j == at ? "red" : j == at + gap ? "fox" : "w" below(6)); print (x ? "yes" : "no") "\t" substr(t, 2) } }'
}
pairs 9 1000 >"$tmp/train.txt"; pairs 10 300 >"$tmp/test.txt"
for bag in global_max max; do
    train window_$bag window.toml --set layer.trigrams.window=2 --set layer.bag.type=$bag
    right "conv1d over two steps, $bag" window_$bag
done
train pieces window.toml --set layer.trigrams.window=1
no_use 'conv1d over one step, global_max' pieces

# ---- bidirectional
between() {
    awk -v s="$1" -v n="$2" "$random"'BEGIN { seed(s); print "text,tags"
        for (i = 0; i < n; i++) { k = 6 + below(8); t = ""; for (j = 0; j < k; j++) t = t substr("abcdxy", 1 + below(6), 1)
            g = ""; for (j = 1; j <= k; j++) g = g (substr(t, 1, j - 1) ~ /x/ && substr(t, j + 1) ~ /y/ ? "y" : "n"); print t "," g } }'
}
between 11 2000 >"$tmp/between_train.csv"; between 12 400 >"$tmp/between_test.csv"
for merge in concat sum mean; do
    train both_$merge between.toml --set layer.reader.merge=$merge
    right "bidirectional, $merge" both_$merge correct_examples
done
train lstms between.toml --set 'layer.reader.cell.type=lstm'
right 'bidirectional lstm, sum' lstms correct_examples
train oneway oneway.toml
no_use 'in one direction' oneway correct_examples

# ---- highway: 30 layers between the points and the output
squares 13 3000 >"$tmp/train.csv"; squares 14 500 >"$tmp/test.csv"
deep() { # name, keys of a layer
    awk -v base="$here/squares.toml" -v keys="$2" 'BEGIN { print "extends = \"" base "\""
        for (i = 1; i <= 30; i++) printf "[[layer]]\nname = \"deep%d\"\nbefore = \"output\"\n%s\n", i, keys }' >"$tmp/$1.toml"
    train "$1" "$tmp/$1.toml" --set optimizer.learning_rate=0.003 --set training.epochs=5
}
deep highway 'type = "highway"'
right '30 layers of highway' highway
deep dense 'type = "dense"\nunits = 24\nactivation = "tanh"'
no_use '30 dense layers' dense
finish 'tasks of layers'
