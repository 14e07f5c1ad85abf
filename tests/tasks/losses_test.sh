#!/usr/bin/env bash
# losses_test.sh BUILD -- each loss does what it is for, beside another loss or option that does not: outliers, rare classes, labels
# that are not there, doubts, several labels at once, F1.
. "$(dirname "$0")/tasks.sh"

# ---- mae and huber against outliers. The mean of a height is 0.2 * 8 above the plane; its median nearly on it.
plane 1 4000 0.1 0.2 >"$tmp/train.csv"; plane 2 500 0.1 0 >"$tmp/test.csv"
train mse line.toml
train mae line.toml --set loss.fit.type=mae
train huber line.toml --set loss.fit.type=huber --set loss.fit.delta=0.2
holds 'mse follows the mean' "$(figure mse test.mae)" '>' 1
holds 'mae follows the median' "$(figure mae test.mae)" '<' 0.3
holds 'huber goes with most' "$(figure huber test.mae)" '<' 0.3

# ---- cross_entropy and focal. Heaps a and b are far apart, c is small and half within b.
confidence() { # the mean probability of what was said, where that was "a"
    "$build/tenon" evaluate "$tmp/$1" --data-dir "$tmp" --predictions "$tmp/$1.said" >"$tmp/evaluated" 2>&1
    ok $? "evaluate: $(tail -n 2 "$tmp/evaluated")"
    sure=$(awk '$1 == "a" { s += $2; n++ } END { print (n > 100 ? s / n : "missing") }' "$tmp/$1.said")
}
crowd 3 4000 >"$tmp/crowd_train.csv"; crowd 4 2000 >"$tmp/crowd_test.csv"
train plain crowd.toml
confidence plain; plain=$sure
holds 'cross_entropy: a is sure' "$plain" '>' 0.95
train weighted crowd.toml --set 'loss.fit.class_weights=[1, 1, 9.5]'
holds 'class_weights find the small heap' "$(figure weighted test.classes.c.recall)" '>' 0.6 "$(figure plain test.classes.c.recall)" '<' 0.4
train smooth crowd.toml --set loss.fit.label_smoothing=0.2
confidence smooth # 1 - 0.2 + 0.2 / 3 at most
holds 'label_smoothing leaves a doubt' "$sure" '<' 0.88 "$sure" '>' 0.8
holds 'label_smoothing: as many are right' "$(figure smooth test.accuracy)" '>' 0.9 "$(figure plain test.accuracy)" '>' 0.9
train focal crowd.toml --set loss.fit.type=focal --set loss.fit.gamma=3
confidence focal
holds "focal turns away from what is right: $plain without" "$sure" '<' 0.93 "$sure" '>' 0.7
holds 'focal: as many are right' "$(figure focal test.accuracy)" '>' 0.9
train focal_weighted crowd.toml --set loss.fit.type=focal --set 'loss.fit.class_weights=[1, 1, 9.5]'
holds 'class_weights of focal' "$(figure focal_weighted test.classes.c.recall)" '>' 0.6 "$(figure focal test.classes.c.recall)" '<' 0.4

# ---- ignore: "?", class 0, stands where nobody wrote a tag
gaps() { awk -v s="$1" -v n="$2" -v gaps="$3" "$random"'BEGIN { seed(s); print "text,tags"
    for (i = 0; i < n; i++) { t = g = ""
        for (j = 3 + below(5); j; j--) { w = below(30); t = t " w" w; g = g " " (uniform() < gaps ? "?" : substr("abc", w % 3 + 1, 1)) }
        print substr(t, 2) "," substr(g, 2) } }'; }
gaps 5 2000 0.75 >"$tmp/gaps_train.csv"; gaps 6 300 0 >"$tmp/gaps_test.csv"
train heard gaps.toml
train ignored gaps.toml --set loss.fit.ignore=0
holds 'what is there most is learned' "$(figure heard test.accuracy)" '<' 0.4
holds 'ignore: the tags of all words are learned' "$(figure ignored test.accuracy)" '>' 0.97
for more in metric.accuracy.ignore=-1 metric.accuracy.ignore=0; do
    "$build/tenon" evaluate "$tmp/ignored" --data-dir "$tmp" --split train --set $more >"$tmp/$more.out" 2>&1
    ok $? "evaluate: $(tail -n 2 "$tmp/$more.out")"
done
holds 'accuracy with the gaps, and without' "$(figure metric.accuracy.ignore=-1 train.accuracy)" '<' 0.5 \
    "$(figure metric.accuracy.ignore=0 train.accuracy)" '>' 0.97

# ---- binary_cross_entropy and focal: one yes in ten, not far from the noes
alarm() { awk -v s="$1" -v n="$2" "$random"'BEGIN { seed(s); print "x,y,heap"
    for (i = 0; i < n; i++) { shift = uniform() < 0.1 ? 1.2 : 0
        printf "%.4f,%.4f,%s\n", shift + normal(), shift + normal(), (shift ? "yes" : "no") } }'; }
alarm 7 4000 >"$tmp/alarm_train.csv"; alarm 8 2000 >"$tmp/alarm_test.csv"
train quiet alarm.toml
train loud alarm.toml --set 'loss.fit.pos_weight=[9]'
holds 'pos_weight: more of the yeses are found' "$(figure loud test.classes.yes.recall)" '>' 0.65 "$(figure quiet test.classes.yes.recall)" '<' 0.55
train unsure alarm.toml --set loss.fit.label_smoothing=0.9 # 0.55 is yes, 0.45 no
least=$("$build/tenon" predict "$tmp/unsure" <(tail -n +2 "$tmp/alarm_test.csv" | cut -d, -f1,2) 2>/dev/null |
    awk 'NR == 1 || $2 > most { most = $2 } END { print (NR == 2000 ? most : "missing") }')
holds 'label_smoothing of a yes or no' "$least" '<' 0.6 "$least" '>' 0.5
train focal_no alarm.toml --set loss.fit.type=focal
train focal_yes alarm.toml --set loss.fit.type=focal --set loss.fit.alpha=0.9
holds 'alpha of focal: what a yes counts for' "$(figure focal_yes test.classes.yes.recall)" '>' 0.65 "$(figure focal_no test.classes.yes.recall)" '<' 0.4

# ---- several labels a text: what each word is about
topics() { awk -v s="$1" -v n="$2" -v share="$3" "$random"'BEGIN { seed(s); print "text,sea,sky,sun"
    split("wave fish salt cloud bird star heat light noon", word)
    for (i = 0; i < n; i++) { t = "the"; l = ""
        for (k = 0; k < 3; k++) { has = below(2); if (has) t = t " " word[3 * k + 1 + below(3)]; l = l "," (has && uniform() < share) }
        print t l } }'; }
topics 9 2000 1 >"$tmp/topics_train.csv"; topics 10 500 1 >"$tmp/topics_test.csv"
for f in binary_cross_entropy soft_f1 focal; do
    train several_$f topics.toml --set loss.fit.type=$f
    holds "$f: several labels" "$(figure several_$f test.correct_examples)" '>' 0.97
done
train several_macro topics.toml --set loss.fit.type=soft_f1 --set loss.fit.average=macro
holds 'soft_f1, macro: several labels' "$(figure several_macro test.correct_examples)" '>' 0.97
train shared topics.toml --set layer.said.function=softmax --set loss.fit.input=said
holds 'probabilities that add up to 1 cannot' "$(figure shared test.correct_examples)" '<' 0.6

# Half of the texts have words of one topic, which is theirs; half have words of all, and one topic that nobody can know. There
# each has a probability of 1/3, so cross entropy says none and has an F1 of 0; saying all of them has 2 / (3 + 1). The mean over
# texts is 0.5 for the one and 0.75 for the other.
guesses() { awk -v s="$1" -v n="$2" "$random"'BEGIN { seed(s); print "text,sea,sky,sun"; split("wave cloud heat", word)
    for (i = 0; i < n; i++) { k = 1 + below(3); print (below(2) ? "wave cloud heat" : word[k]) "," (k == 1) "," (k == 2) "," (k == 3) } }'; }
f1() { # the mean of the F1 of each text of the test split
    "$build/tenon" evaluate "$tmp/$1" --data-dir "$tmp" --predictions "$tmp/$1.said" >"$tmp/evaluated" 2>&1
    ok $? "evaluate: $(tail -n 2 "$tmp/evaluated")"
    f1=$(tail -n +2 "$tmp/topics_test.csv" | cut -d, -f2- | tr , ' ' | paste - "$tmp/$1.said" |
        awk 'NF == 6 { hits = all = 0; for (i = 1; i <= 3; i++) { yes = $(i + 3) > 0.5; hits += yes * $i; all += yes + $i }
            sum += 2 * hits / all; rows++ } END { print (rows == 500 ? sum / rows : "missing") }')
}
guesses 11 2000 >"$tmp/topics_train.csv"; guesses 12 500 >"$tmp/topics_test.csv"
train surest topics.toml
f1 surest
holds 'binary_cross_entropy: F1' "$f1" '<' 0.58 "$f1" '>' 0.4
train likely topics.toml --set loss.fit.type=soft_f1
f1 likely
holds 'soft_f1: F1' "$f1" '>' 0.65
finish 'tasks of losses'
