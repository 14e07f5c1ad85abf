#!/usr/bin/env bash
# metrics_test.sh BUILD -- metrics in a real run: figures that agree with each other, and the tables they leave.
. "$(dirname "$0")/../begin.sh"
awk 'BEGIN { s = 5; for (i = 0; i < 90; i++) { s = (s * 1103515245 + 12345) % 2147483648; r = int(s / 65536)
    print (i % 2 ? "odd" : "even"), (r % 4 ? (i % 2 ? "a" : "b") : "c"), "w" r % 7 } }' >"$tmp/train.txt"
head -n 60 "$tmp/train.txt" | tail -n 35 >"$tmp/validation.txt"
{ sed 's/^epochs = .*/epochs = 2/' "$root/tests/rules/run.toml"
  for m in auc confusion_matrix perplexity bits_per_character matthews; do printf '[[metric]]\ntype = "%s"\n' $m; done; } >"$tmp/run.toml"
for threads in 1 2; do
    "$build/tenon" train "$tmp/run.toml" --data-dir "$tmp" --run "$tmp/run$threads" --threads $threads >"$tmp/log" 2>&1
    ok $? "trains: $(tail -n 2 "$tmp/log")"
done
cmp -s "$tmp/run1/metrics.csv" "$tmp/run2/metrics.csv"; ok $? 'one and two threads give other figures'
figure() { awk -v n="validation.$1" '$1 == n { print $2 }' "$tmp/log"; }
near() { # what, a, b
    awk -v a="$2" -v b="$3" 'BEGIN { exit !(a - b < 1e-5 && b - a < 1e-5 && a != "") }'; ok $? "$1: $2, expected $3"
}
curve=$tmp/run2/metrics/validation.auc.csv matrix=$tmp/run2/metrics/validation.confusion_matrix.csv
near 'trapezoids under the points of the ROC curve' "$(figure auc)" \
    "$(awk -F, 'NR > 1 { sum += ($3 - x) * ($4 + y) / 2; x = $3; y = $4 } END { print sum }' "$curve")"
near 'steps under the points of precision and recall' "$(figure auc.pr)" \
    "$(awk -F, 'NR > 1 { sum += ($4 - y) * $5; y = $4 } END { print sum }' "$curve")"
[ "$(tail -n 1 "$curve" | cut -d, -f1,3,4)" = odd,1,1 ] || [ "$(tail -n 1 "$curve" | cut -d, -f1,3,4)" = even,1,1 ]
ok $? "the curve ends at 1, 1: $(tail -n 1 "$curve")"
near 'accuracy from the matrix' "$(figure accuracy)" \
    "$(awk -F, 'NR > 1 { right += $NR; for (i = 2; i <= NF; i++) all += $i } END { print right / all }' "$matrix")"
near 'rows of the matrix' 35 "$(awk -F, 'NR > 1 { for (i = 2; i <= NF; i++) all += $i } END { print all }' "$matrix")"
near "Matthews' coefficient from the matrix" "$(figure matthews)" "$(awk -F, 'NR == 2 { a = $2; b = $3 } NR == 3 { c = $2; d = $3 }
    END { print (a * d - b * c) / sqrt((a + b) * (c + d) * (a + c) * (b + d)) }' "$matrix")"
near 'perplexity is exp of the mean cross entropy' "$(figure perplexity)" "$(awk -v l="$(figure loss)" 'BEGIN { print exp(l) }')"
near 'bits are the mean cross entropy by ln 2' "$(figure bits_per_character)" "$(awk -v l="$(figure loss)" 'BEGIN { print l / log(2) }')"
{ cat "$tmp/run.toml"; printf '[[metric]]\nname = "again"\ntype = "auc"\ntraining = true\n'; } >"$tmp/wrong.toml"
"$build/tenon" check "$tmp/wrong.toml" --data-dir "$tmp" >"$tmp/out" 2>&1
"$build/tenon" train "$tmp/wrong.toml" --data-dir "$tmp" --run "$tmp/wrong" >>"$tmp/out" 2>&1
grep -q "metric 'again': auc keeps every row of a split, so it can't count training batches" "$tmp/out"
ok $? "auc of training batches: $(cat "$tmp/out")"
# two losses: a metric compares its input with what that input's loss does, where it does not say target
awk 'BEGIN { print "text\tone\tother"; for (i = 0; i < 60; i++) print "w" i % 4 "\t" (i % 2 ? "a" : "b") "\t" (i % 4 < 2 ? "x" : "y") }' >"$tmp/two.tsv"
cat >"$tmp/two.toml" <<'END'
schema = 1
[dataset]
type = "csv"
train = "two.tsv"
delimiter = "\t"
split = { test = 0.5 }
[[field]]
name = "text"
transforms = ["words"]
[[field]]
name = "one"
kind = "category"
[[field]]
name = "other"
kind = "category"
[[layer]]
type = "embedding"
inputs = "text"
width = 8
[[layer]]
name = "mean"
type = "mean"
[[layer]]
name = "says_one"
type = "dense"
inputs = "mean"
units = "one"
[[layer]]
name = "says_other"
type = "dense"
inputs = "mean"
units = "other"
[[loss]]
name = "of_one"
type = "cross_entropy"
input = "says_one"
target = "one"
[[loss]]
name = "of_other"
type = "cross_entropy"
input = "says_other"
target = "other"
[optimizer]
type = "adam"
learning_rate = 0.1
[training]
epochs = 20
batch_size = 10
[[baseline]]
type = "naive_bayes"
inputs = "text"
target = "other"
[[metric]]
name = "alone"
type = "accuracy"
input = "says_other"
[[metric]]
name = "told"
type = "accuracy"
input = "says_other"
target = "other"
[[metric]]
name = "crossed"
type = "accuracy"
input = "says_other"
target = "one"
END
"$build/tenon" train "$tmp/two.toml" --data-dir "$tmp" --run "$tmp/two" --threads 1 >"$tmp/log" 2>&1
ok $? "two losses: $(tail -n 2 "$tmp/log")"
score() { awk -v n="$1" '$1 == n { print $2 }' "$tmp/log"; }
[ "$(score test.alone)" = 1 ] && [ "$(score test.told)" = 1 ]; ok $? "a metric of the second loss: $(grep test. "$tmp/log")"
awk -v x="$(score test.crossed)" 'BEGIN { exit !(x > 0.2 && x < 0.8) }'; ok $? "with another target: $(score test.crossed)"
[ "$(score naive_bayes.test.alone)" = 1 ] && [ -z "$(score naive_bayes.test.crossed)" ]
ok $? "a baseline has the metrics of its own target: $(grep naive "$tmp/log")"
printf '[[metric]]\nname = "of_what"\ntype = "accuracy"\ninput = "mean"\n' >>"$tmp/two.toml"
"$build/tenon" check "$tmp/two.toml" --data-dir "$tmp" >"$tmp/out" 2>&1
grep -q "metric 'of_what': no loss reads 'mean', and there are 2 of them; say what it is compared with: target = " "$tmp/out"
ok $? "a metric of what no loss reads: $(cat "$tmp/out")"
# several labels a row, told apart by their words: named figures that agree with each other, and a curve for each
awk 'BEGIN { print "text\tsport\tmusic\trare"; for (i = 0; i < 64; i++) { s = i % 2; m = int(i / 2) % 2; r = i % 8 == 5
    print (s ? "ball" : "road") " " (m ? "song" : "rain") " " (r ? "comet" : "cloud") "\t" s "\t" m "\t" r } }' >"$tmp/labels.tsv"
cat >"$tmp/labels.toml" <<'END'
schema = 1
[dataset]
type = "csv"
train = "labels.tsv"
test = "labels.tsv"
delimiter = "\t"
[[field]]
name = "text"
transforms = ["words"]
[[field]]
name = "topics"
kind = "numbers"
columns = ["sport", "music", "rare"]
[[layer]]
type = "embedding"
inputs = "text"
width = 8
[[layer]]
type = "mean"
[[layer]]
type = "dense"
units = "topics"
[[loss]]
type = "binary_cross_entropy"
target = "topics"
[optimizer]
type = "adam"
learning_rate = 0.1
[training]
epochs = 30
batch_size = 16
[[metric]]
name = "labels"
type = "precision_recall_f1"
[[metric]]
type = "auc"
[[metric]]
type = "correct_examples"
rule = "most_active"
END
"$build/tenon" train "$tmp/labels.toml" --data-dir "$tmp" --run "$tmp/labels" --threads 1 >"$tmp/log" 2>&1
ok $? "labels: $(tail -n 2 "$tmp/log")"
for figure in labels labels.micro.f1 labels.sport.f1 labels.rare.precision auc auc.pr auc.music.roc; do
    [ "$(score test.$figure)" = 1 ]; ok $? "labels that their words tell: test.$figure is $(score test.$figure)"
done
[ "$(cut -d, -f1 "$tmp/labels/metrics/test.auc.csv" | uniq | tr '\n' ' ')" = "class sport music rare " ]
ok $? "curves of labels: $(cut -d, -f1 "$tmp/labels/metrics/test.auc.csv" | uniq | tr '\n' ' ')"
finish "metrics in runs"
