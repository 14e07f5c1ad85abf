#!/usr/bin/env bash
# transforms_test.sh BUILD -- each transform where what it does decides: without it the same network knows no more than chance.
. "$(dirname "$0")/tasks.sh"
with() { # name, FILE, transforms, what: right with them
    train "$1" "$2" --set "field.text.transforms=$3"
    holds "$4" "$(figure "$1" test.accuracy)" '>' 0.9
}
without() { # name, FILE, transforms, what: no better than chance, 1/2
    train "$1" "$2" --set "field.text.transforms=$3"
    holds "$4" "$(figure "$1" test.accuracy)" '<' 0.7
}

# ---- stems: no word of the test split was seen, but their stems were
forms() { # seed, rows, endings
    awk -v s="$1" -v n="$2" -v ending="$3" "$random"'BEGIN { seed(s); k = split(ending, e, ",")
        split("walk jump climb paint cook plant", word)
        for (i = 0; i < n; i++) { w = 1 + below(6); print (w < 4 ? "sport" : "craft") "\t" word[w] e[1 + below(k)] } }'
}
if [ -e "$build/plugins/transforms/stems.so" ]; then
    forms 1 600 ed,s >"$tmp/train.txt"; forms 2 200 ing >"$tmp/test.txt"
    with stems words.toml '["words","stems"]' 'stems of words that are new'
    without no_stems words.toml '["words"]' 'words that are new'
else skipped=$((skipped + 1)); fi

# ---- bpe: words put together as in German that are new, of parts that are known; the last part says what kind of thing it is. A part is there
# 100 times, a whole word 33 times, so pairs that 60 words have are joined up to the parts.
compounds() { # seed, rows, 0 for half of the compounds, 1 for the other half
    awk -v s="$1" -v n="$2" -v half="$3" "$random"'BEGIN { seed(s)
        split("hof park zug bahn wald see", first); split("tisch stuhl bett lied maler wolle", last)
        while (i < n) { a = 1 + below(6); b = 1 + below(6); if ((a + b) % 2 == half) { i++
            print (b < 4 ? "furniture" : "other") "\t" first[a] last[b] } } }'
}
compounds 3 600 0 >"$tmp/train.txt"; compounds 4 200 1 >"$tmp/test.txt"
with bpe words.toml '["words",{type="bpe",min_count=60}]' 'bpe: compounds that are new'
without no_bpe words.toml '["words"]' 'compounds that are new, whole'

# ---- ngrams: which of two words comes first
order() {
    awk -v s="$1" -v n="$2" "$random"'BEGIN { seed(s); split("the so very quite film", other)
        for (i = 0; i < n; i++) { x = below(2); t = x ? "not good" : "good not"
            for (k = below(4); k; k--) t = below(2) ? t " " other[1 + below(5)] : other[1 + below(5)] " " t
            print (x ? "bad" : "fine") "\t" t } }'
}
order 5 800 >"$tmp/train.txt"; order 6 200 >"$tmp/test.txt"
with ngrams words.toml '["words",{type="ngrams",least=1,most=2}]' 'ngrams: the order of two words'
without no_ngrams words.toml '["words"]' 'the order of two words, in a bag of words'

# ---- segment: words of the same two characters (Shanghai and at sea, bee and honey, cow and milk, story and accident) in a row
chinese() {
    awk -v s="$1" -v n="$2" "$random"'BEGIN { seed(s); split("上海 蜜蜂 奶牛 故事", a); split("海上 蜂蜜 牛奶 事故", b)
        for (i = 0; i < n; i++) { x = below(2); k = 1 + below(4); print (x ? "one" : "two") "\t我喜欢" (x ? a[k] : b[k]) "。" } }'
}
if [ -e "$build/plugins/transforms/segment.so" ]; then
    chinese 7 600 >"$tmp/train.txt"; chinese 8 200 >"$tmp/test.txt"
    with segment words.toml '["segment"]' 'segment: words of the same characters'
    without no_segment words.toml '["characters"]' 'a bag of characters'
else skipped=$((skipped + 1)); fi

# ---- pad: texts of one or two words before a convolution over three
short() {
    awk -v s="$1" -v n="$2" "$random"'BEGIN { seed(s); split("good fine great bad poor dull", word)
        for (i = 0; i < n; i++) { w = 1 + below(6); print (w < 4 ? "yes" : "no") "\t" (below(2) ? "so " : "") word[w] } }'
}
short 9 600 >"$tmp/train.txt"; short 10 200 >"$tmp/test.txt"
with pad_left window.toml '["words",{type="pad",length=3}]' 'pad, left: a window over short texts'
with pad_right window.toml '["words",{type="pad",length=3,side="right"}]' 'pad, right: a window over short texts'
without no_pad window.toml '["words"]' 'short texts have no window'
# the side: the first step is a word only where the fill is behind it
sed -i 's/so //' "$tmp/train.txt" "$tmp/test.txt"
for side in left right; do
    train first_$side words.toml --set layer.bag.type=first --set "field.text.transforms=[\"words\",{type=\"pad\",length=3,side=\"$side\"}]"
done
holds 'the first step with pad on the left, and on the right' "$(figure first_left test.accuracy)" '<' 0.7 "$(figure first_right test.accuracy)" '>' 0.9
finish 'tasks of transforms'
