#!/usr/bin/env bash
# rules_test.sh BUILD -- schedules and stops in real runs: warm-up before a schedule, a plateau of the monitored value, metrics
# of training batches, conditions that must hold together, and that a resume decides the same.
. "$(dirname "$0")/../begin.sh"
same() { # what, found, expected
    [ "$2" = "$3" ]; ok $? "$1
    found    $2
    expected $3"
}
awk 'BEGIN { for (i = 0; i < 40; i++) print (i % 2 ? "odd" : "even"), (i % 2 ? "a" : "b"), "w" i % 7 }' >"$tmp/train.txt"
head -n 8 "$tmp/train.txt" >"$tmp/validation.txt"
train() { # name, further TOML, options of the command
    local name=$1 more=$2
    shift 2
    { cat "$here/run.toml"; printf '%s\n' "$more"; } >"$tmp/$name.toml"
    "$build/tenon" train "$tmp/$name.toml" --data-dir "$tmp" --run "$tmp/$name" --threads 1 "$@" >"$tmp/$name.log" 2>&1 ||
        tail -n 3 "$tmp/$name.log"
}
column() { # of a run's metrics.csv, as one line
    awk -F, -v want="$2" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == want) c = i; next }
        { printf "%s%.6g", (NR > 2 ? " " : ""), $c } END { print "" }' "$tmp/$1/metrics.csv"
}
why() { sed -n 's/^stopped after //p' "$tmp/$1.log"; }

# ---- schedules. The rate that is logged is that of the last step of an epoch: steps 10, 20 ...
train warm '[schedule]
type = "constant"
warmup = 40'
same 'warm-up over 40 of 80 steps' "$(column warm rate)" '0.0125 0.025 0.0375 0.05 0.05 0.05 0.05 0.05'
train warm_multi '[schedule]
type = "multi_step"
milestones = [1, 3]
factor = 0.5
warmup = 40'
same 'warm-up before multi_step' "$(column warm_multi rate)" '0.0125 0.0125 0.01875 0.0125 0.0125 0.0125 0.0125 0.0125'
train noam '[schedule]
type = "noam"
units = 16
warmup_steps = 25' --set optimizer.learning_rate=1.0
same 'noam' "$(column noam rate)" '0.02 0.04 0.0456435 0.0395285 0.0353553 0.0322749 0.0298807 0.0279508'
train inverse '[schedule]
type = "inverse_time"
decay = 0.05
per = "epoch"'
same 'inverse_time as Ma, Hovy have it' "$(column inverse rate)" \
    '0.05 0.047619 0.0454545 0.0434783 0.0416667 0.04 0.0384615 0.037037'

# The validation accuracy is 1 from some epoch on: 2 evaluations later the rate falls, and again.
train plateau '[schedule]
type = "plateau"
patience = 2
factor = 0.5'
expected=$(column plateau validation.accuracy | awk '{ best = -1; rate = 0.05
    for (i = 1; i <= NF; i++) { printf "%s%.6g", (i > 1 ? " " : ""), rate
        if ($i > best + 1e-4) { best = $i; bad = 0 } else if (++bad == 2) { bad = 0; rate /= 2 } } print "" }')
same 'plateau of validation.accuracy' "$(column plateau rate)" "$expected"
case $expected in *0.0125*) true ;; *) false ;; esac; ok $? "the accuracy has no plateau to fall at: $expected"
train plateau_loss '[schedule]
type = "plateau"
monitor = "train.loss"
patience = 1
min_delta = 100.0'
same 'plateau of train.loss' "$(column plateau_loss rate)" '0.05 0.05 0.005 0.0005 5e-05 5e-06 5e-07 5e-08'
train wrong_monitor '[schedule]
type = "plateau"
monitor = "validation.los"' >"$tmp/out"
grep -q "monitor: there is no 'validation.los'; did you mean 'validation.loss'?" "$tmp/wrong_monitor.log"
ok $? "a monitor that is none: $(cat "$tmp/wrong_monitor.log")"

# ---- stops
streak='[[metric]]
type = "correct_in_a_row"
training = true
[[stop]]
name = "small"
type = "threshold"
monitor = "train.loss"
value = 0.1
together = "solved"
[[stop]]
name = "in a row"
type = "threshold"
monitor = "train.correct_in_a_row"
value = 95
together = "solved"'
train solved "$streak" --set training.epochs=30
column solved train.loss | tr ' ' '\n' >"$tmp/loss"; column solved train.correct_in_a_row | tr ' ' '\n' >"$tmp/streak"
last=$(paste "$tmp/loss" "$tmp/streak" | awk '$1 <= 0.1 && $2 >= 95 { print NR; exit }')
same 'it stops in the first epoch in which both hold' "$(wc -l <"$tmp/loss")" "${last:-none}"
[ "$(paste "$tmp/loss" "$tmp/streak" | awk '($1 <= 0.1) != ($2 >= 95)' | wc -l)" -gt 0 ]
ok $? 'one condition held before the other'
tail -n 2 "$tmp/streak" | tr '\n' ' ' | awk '{ exit !($2 == $1 + 40) }'; ok $? "the count goes on from epoch to epoch: $(cat "$tmp/streak")"
case $(why solved) in *': small: the monitored value is '*', not above 0.1; in a row: the monitored value is '*) true ;; *) false ;; esac
ok $? "the reason names both: $(why solved)"
train counted '[[metric]]
name = "right"
type = "accuracy"
training = true
[[stop]]
type = "threshold"
monitor = "train.right"
value = 1.0'
same 'train.right ends at 1' "$(column counted train.right | awk '{ print $NF }')" 1
train budget '[[stop]]
type = "time_budget"
seconds = 1e-6'
same 'time_budget, after the first epoch' "$(why budget | sed 's/has taken.*, the/has taken .., the/')" \
    'step 10: time_budget: training has taken .., the budget is 1e-06 s'
# A rate that rises until weight decay overshoots: |1 - rate decay| > 1.
train diverged '[schedule]
type = "constant"
warmup = 800
[[stop]]
type = "divergence"
monitor = "train.loss"
factor = 3.0' --set 'optimizer={type="sgd",learning_rate=100.0,weight_decay=0.05}' --set training.epochs=80
column diverged train.loss | tr ' ' '\n' | awk 'NR > 1 && $1 > 3 * best { print NR; exit } NR == 1 || $1 < best { best = $1 }' >"$tmp/at"
same 'divergence, at the first loss above three times the best' "$(column diverged train.loss | wc -w)" "$(cat "$tmp/at")"
case $(why diverged) in *'divergence: the monitored value is '*) true ;; *) false ;; esac
ok $? "divergence: $(why diverged)"

# Counted over an epoch that was killed inside: the same bytes as in one go.
train whole "$streak
[[metric]]
name = \"right\"
type = \"accuracy\"
training = true
[checkpoint]
every_steps = 7
keep = 100" --set training.epochs=30
for step in 7 14 21; do
    cp -r "$tmp/whole" "$tmp/cut$step"
    find "$tmp/cut$step/checkpoints" -name 'step-*' | sort | awk -v s=$step '{ n = $0; sub(/.*step-0*/, "", n); if (n + 0 > s) print }' |
        xargs rm -f
    rm -f "$tmp/cut$step/checkpoints/best.safetensors" "$tmp/cut$step"/result*
    "$build/tenon" resume "$tmp/cut$step" --threads 1 >"$tmp/cut.log" 2>&1; ok $? "resumes at step $step: $(tail -n 2 "$tmp/cut.log")"
    cmp -s "$tmp/whole/metrics.csv" "$tmp/cut$step/metrics.csv"; ok $? "resumed at step $step, metrics are others"
done

# ---- groups: Adagrad for the model and plain SGD for the embedding (Tai, Socher, Manning 2015), or an embedding that stays
group() { # name, further keys of the group
    train "$1" "[[group]]
layers = [\"embed*\"]
$2" --set 'optimizer={type="adagrad",learning_rate=0.05}' --set training.max_steps=1 --set evaluation.weights=last
}
group slow 'type = "sgd"
learning_rate = 0.1'
group fast 'type = "sgd"
learning_rate = 0.2'
group still 'frozen = true'
cat >"$tmp/moved.py" <<'END'
import json, struct, sys
def tensors(path):
    data = open(path, "rb").read()
    n = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + n])
    of = lambda a, b: struct.unpack("<%df" % ((b - a) // 4), data[8 + n + a:8 + n + b])
    return {k: of(*v["data_offsets"]) for k, v in header.items() if k.split(".")[0] in ("embedding", "output")}
def moved(run):
    a, b = (tensors(f"{run}/checkpoints/step-{s:08d}.safetensors") for s in (0, 1))
    return {k: [y - x for x, y in zip(a[k], b[k])] for k in a}
slow, fast, still = map(moved, sys.argv[1:])
e = "embedding.weight"
near = lambda x, y: abs(x - y) < 2e-7
print(any(slow[e]) and all(near(2 * x, y) for x, y in zip(slow[e], fast[e])), not any(still[e]),
      all(near(abs(x), 0.05) for k in slow if k != e for x in slow[k]), len(slow) > 2)
END
same 'the embedding by SGD, by twice the rate twice as far; frozen; the first step of Adagrad is the rate' \
    "$(python3 "$tmp/moved.py" "$tmp/slow" "$tmp/fast" "$tmp/still" 2>&1)" 'True True True True'

finish "rules in runs"
