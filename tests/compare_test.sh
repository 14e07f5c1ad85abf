#!/usr/bin/env bash
# compare_test.sh BUILD -- scores as JSON, by train, over seeds and by evaluate; `tenon compare`: runs of three seeds make one row with mean and spread, checked against their
# results.json; parameters and times are there; the settings that differ, and only they, are shown once.
. "$(dirname "$0")/begin.sh"
cd "$tmp" || exit 1
awk 'BEGIN { for (i = 0; i < 90; i++) print (i % 3 ? "good" : "bad"), "a", (i % 3 ? "fine" : "poor"), "w" i % 7 }' >train.txt
cp train.txt test.txt
cp "$here/small.toml" .
printf 'extends = "small.toml"\nname = "wide"\n[set]\nlayer.encoder.width = 6\n[gradient]\nclip_norm = 1.0\n' >wide.toml
tenon() { "$build/tenon" "$@" --threads 1 --quiet >/dev/null 2>log; }
tenon train small.toml --seeds 3 --run small; ok $? "small trains: $(cat log)"
tenon train wide.toml --run wide; ok $? "wide trains: $(cat log)"

# ---- what train and evaluate print with --json: objects, one a line, and nothing else; a number that is not finite is null
"$build/tenon" train small.toml --run one --threads 1 --json >out 2>err; ok $? "train --json: $(cat err)"
grep -qx one err; ok $? "the folder is not told while the run goes on: $(cat err)"
python3 -c '
import json
one, = [json.loads(line) for line in open("out")]
kept = json.load(open("one/results.json"))["scores"]
assert one.pop("run") == "one" and set(one) == set(kept), (one, kept)
assert all(abs(one[k] - kept[k]) <= 1e-8 for k in kept), (one, kept)'
ok $? "train --json: $(cat out)"
"$build/tenon" train small.toml --run two --seeds 2 --threads 1 --json --quiet >out 2>err; ok $? "train --seeds 2 --json: $(cat err)"
python3 -c '
import json, statistics
*runs, all = [json.loads(line) for line in open("out")]
assert [r.pop("run") for r in runs] == ["two-seed1", "two-seed2"] and all["seeds"] == 2, (runs, all)
assert set(all["scores"]) == set(runs[0]), all
for name, s in all["scores"].items():
    x = [r[name] for r in runs]
    for key, want in ("mean", statistics.mean(x)), ("deviation", statistics.stdev(x)), ("min", min(x)), ("max", max(x)):
        assert abs(s[key] - want) <= 1e-7, (name, key, s, want)'
ok $? "train --seeds 2 --json: $(cat out)"
"$build/tenon" train small.toml --run seven --seeds 2 --set seed=7 --set training.epochs=1 --threads 1 --quiet >out 2>err
ok $? "train --seeds 2 with a seed of its own: $(cat err)"
grep -q '"seed": 7' seven-seed7/lock.json && grep -q '"seed": 8' seven-seed8/lock.json; ok $? "seeds 7 and 8: $(cat out)"
awk '{ print($1 == "good" ? "bad" : "good"), "a", ($1 == "good" ? "fine" : "poor") }' train.txt >test.txt # all of them wrong
"$build/tenon" train small.toml --run far --threads 1 --json --quiet --set optimizer.type=sgd --set optimizer.learning_rate=1e6 \
    --set training.epochs=1 --set training.batch_size=90 --set 'metric=[{type="perplexity"}]' >out 2>err; ok $? "train far --json: $(cat err)"
grep -q '"test.perplexity": null' out; ok $? "a perplexity that is not finite: $(cat out)"
"$build/tenon" evaluate far --json >out 2>err; grep -q '"test.perplexity": null' out; ok $? "evaluate --json: $(cat out err)"
cp train.txt test.txt

"$build/tenon" compare small-seed1 small-seed2 wide small-seed3 >out 2>err; ok $? "compare: $(cat err)"
expected=$(python3 -c '
import json, statistics
x = [json.load(open(f"small-seed{s}/results.json"))["scores"]["test.loss"] for s in (1, 2, 3)]
print("%.4g +- %.2g" % (statistics.mean(x), statistics.stdev(x)))')
grep '^small ' out | grep -qF "$expected"; ok $? "the loss of small is not $expected: $(cat out)"
# as `check` counts them
count=$("$build/tenon" check small.toml | sed -n 's/^parameters: //p')
grep -qE "^small +3 +$count " out; ok $? "small has not 3 runs and $count parameters: $(cat out)"
grep -qE '^wide +1 ' out; ok $? "wide has not 1 run: $(cat out)"
[ "$(grep -cE '^(small|wide) ' out)" = 2 ]; ok $? "not two rows: $(cat out)"
grep -qx 'layer.encoder.width:  small 4  wide 6' out; ok $? "the width that differs is not shown: $(cat out)"
grep -qx 'gradient.clip_norm:  small -  wide 1.0' out; ok $? "a setting of one alone is not shown: $(cat out)"
[ "$(grep -c ':  ' out)" = 2 ]; ok $? "settings are shown that do not differ: $(cat out)"
"$build/tenon" compare small-seed1 small-seed2 wide --json >out; python3 -c '
import json
rows = [json.loads(line) for line in open("out")]
assert [len(r["runs"]) for r in rows] == [2, 1] and rows[1]["experiment"] == "wide", rows
assert all(r["training_seconds"] > 0 and r["test_seconds"] > 0 for r in rows), rows
assert 0 <= rows[0]["scores"]["test.accuracy"]["mean"] <= 1, rows'
ok $? "--json: $(cat out)"

rm small-seed2/results.json
"$build/tenon" compare small-seed1 small-seed2 >out 2>err; rc=$?
[ $rc = 2 ] && grep -q 'small-seed2 is not finished: `tenon resume small-seed2`' err; ok $? "exit $rc on an unfinished run: $(cat err)"
"$build/tenon" compare nowhere >out 2>err; rc=$?
[ $rc = 2 ] && grep -q 'nowhere is no run' err; ok $? "exit $rc on a folder that is none: $(cat err)"
"$build/tenon" compare >out 2>err; rc=$?
[ $rc = 2 ] && grep -q '^usage: tenon compare RUN' err; ok $? "exit $rc without a run: $(cat err)"
finish compare
