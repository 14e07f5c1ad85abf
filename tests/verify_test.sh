#!/usr/bin/env bash
# verify_test.sh BUILD -- `tenon verify` on a small experiment: figures reached and missed, mean and spread against the runs'
# results.json, runs that are done are not trained again, records, records that no longer belong to the files or lack seeds, data that
# are not here, several figures, and the number of parameters.
. "$(dirname "$0")/begin.sh"
cd "$tmp" || exit 1
awk 'BEGIN { for (i = 0; i < 90; i++) print (i % 3 ? "good" : "bad"), "a", (i % 3 ? "fine" : "poor"), "w" i % 7 }' >train.txt
cp train.txt test.txt
export TENON_DATA=$tmp
write() { # file, accept
    sed "s/^name = \"small\"/name = \"$(basename "$1" .toml)\"/; s/^epochs = .*/epochs = 3/" "$here/small.toml" >"$1"
    printf '[published]\nmetric = "test.loss"\nvalue = 0.5\naccept = { %s }\n' "$2" >>"$1"
}
mkdir -p experiments/published
write experiments/published/easy.toml 'seeds = 3, mean_at_most = 100, best_at_most = 99'
write experiments/published/hard.toml 'seeds = 2, best_at_most = -1'
verify() { "$build/tenon" verify "$@" --threads 1 --quiet >out 2>err; }

sed '/^\[published/,$d' experiments/published/hard.toml >experiments/published/beside.toml
verify --record; rc=$?
[ $rc = 1 ]; ok $? "one figure is missed: exit $rc, expected 1: $(cat err)"
grep -q '^easy .* 0.5  *mean <= 100, best <= 99 .*(3 seeds) .*reached$' out; ok $? "easy is not reached: $(cat out)"
grep -q '^hard .* best <= -1 .*(2 seeds) .*missed by 1\.' out; ok $? "hard is not missed: $(cat out)"
[ "$(wc -l <out)" = 3 ]; ok $? "not one line a file and a heading: $(cat out)"
ours=$(awk '/^easy/ { for (i = 1; i <= NF; i++) if ($i == "+-") print $(i - 1), $(i + 1) }' out)
expected=$(python3 -c '
import json, statistics, sys
x = [json.load(open(f"runs/verify/easy-seed{s}/results.json"))["scores"]["test.loss"] for s in (1, 2, 3)]
print("%.6g %.2g" % (statistics.mean(x), statistics.stdev(x)))')
[ "$ours" = "$expected" ]; ok $? "mean and spread: found '$ours', expected '$expected'"
for s in 1 2 3; do grep -q "^seed = $s" "runs/verify/easy-seed$s/config.toml"; ok $? "the run of seed $s has another seed"; done

# done runs are not trained again, one that was cut short goes on
touch -d '2001-01-01' runs/verify/easy-seed1/results.json; rm runs/verify/easy-seed2/results.json
verify experiments/published/easy.toml; ok $? "verify again: $(cat err)"
[ runs/verify/easy-seed1/results.json -ot train.txt ]; ok $? "a finished run was trained again"
[ -e runs/verify/easy-seed2/results.json ]; ok $? "an interrupted run does not go on"

# records
verify --recorded; ok $? "the records do not belong to the files: $(cat out err)"
grep -q '^hard .*missed by 1\.' out; ok $? "a recorded miss is not shown: $(cat out)"
verify --recorded --json
python3 -c '
import json
rows = [json.loads(line) for line in open("out")]
assert all(r["not_compared"] == [] for r in rows), rows
assert [r["experiment"] for r in rows] == ["easy", "hard"] and rows[0]["seeds"] == 3 and rows[0]["verdict"] == "reached", rows
assert rows[0]["published"] == 0.5 and rows[0]["least"] <= rows[0]["mean"] <= rows[0]["most"], rows'
ok $? "--json"
sed -i 's/^seed = 9/seed = 8 # and a comment/; s/value = 0.5/value = 0.25/' experiments/published/easy.toml
verify --recorded experiments/published/easy.toml; ok $? "a record is stale after a change that changes no result: $(cat out)"
sed -i 's/width = 4/width = 5/' experiments/published/easy.toml
verify --recorded experiments/published/easy.toml; rc=$?
[ $rc = 1 ] && grep -q 'stale: the experiment has changed$' out; ok $? "exit $rc after another width: $(cat out)"
verify experiments/published/easy.toml; rc=$?
[ $rc = 2 ] && grep -q 'easy-seed1 is a run of another version' err; ok $? "old runs count for a new file: exit $rc, $(cat err)"
sed -i 's/width = 5/width = 4/' experiments/published/easy.toml
echo 'good a b c' >>test.txt
verify --recorded; rc=$?
[ $rc = 1 ] && [ "$(grep -c 'stale: the data file .*test.txt has changed$' out)" = 2 ]; ok $? "exit $rc after other data: $(cat out)"

# parity: within two standard errors of another program's mean; the spread is that of the runs
cp train.txt test.txt
parity() { # mean, error, what must stand in the line
    write experiments/published/easy.toml "seeds = 3, parity_mean = $1, parity_error = $2"
    verify --recorded experiments/published/easy.toml
    grep -q "$3" out; ok $? "parity with $1 +- $2 is not '$3': $(cat out err)"
}
set -- $ours
near=$(awk -v m="$1" -v s="$2" 'BEGIN { print m + 1.9 * s / sqrt(3) }') far=$(awk -v m="$1" -v s="$2" 'BEGIN { print m + 2.2 * s / sqrt(3) }')
parity "$near" 0 ' parity with .* +- 0 .* reached$'
parity "$far" 0 ' missed by '
parity "$far" "$2" ' reached$'
parity "$(awk -v m="$1" -v s="$2" 'BEGIN { print m - 2.2 * s / sqrt(3) }')" 0 ' missed by '
write experiments/published/easy.toml 'seeds = 3, parity_error = 0.1'
verify --recorded experiments/published/easy.toml; rc=$?
[ $rc = 2 ] && grep -q 'easy.toml:[0-9]*:[0-9]*: parity_error is the standard error of parity_mean, which is not there' err
ok $? "parity_error alone: exit $rc, $(cat err)"
write experiments/published/easy.toml 'seeds = 3, mean_at_most = 100, best_at_most = 99'

# data that are not here are not compared, and it is said
rm test.txt
verify --recorded experiments/published/easy.toml; rc=$?
[ $rc = 0 ] && grep -q ' reached (data not compared: test.txt not here)$' out; ok $? "exit $rc without test.txt: $(cat out err)"
mv train.txt kept.txt
verify --recorded experiments/published/easy.toml; rc=$?
[ $rc = 0 ] && grep -Eq ' reached \(data not compared: (train|test).txt and 1 more not here\)$' out
ok $? "exit $rc without data: $(cat out err)"
verify --recorded --json experiments/published/easy.toml
python3 -c '
import json
row = json.loads(open("out").read())
assert sorted(row["not_compared"]) == ["test.txt", "train.txt"] and row["verdict"] == "reached", row'
ok $? "--json without data: $(cat out)"

# a record of fewer seeds than are asked for
mv kept.txt train.txt; cp train.txt test.txt
sed -i 's/seeds = 3/seeds = 4/' experiments/published/easy.toml
verify --recorded experiments/published/easy.toml; rc=$?
[ $rc = 1 ] && grep -q ' incomplete: it has no run of seed 4$' out; ok $? "exit $rc with three seeds of four: $(cat out)"
sed -i 's/seeds = 4/seeds = 2/' experiments/published/easy.toml
verify --recorded experiments/published/easy.toml; ok $? "three seeds are not enough for two: $(cat out)"
sed -i 's/"seed": 2/"seed": 5/' experiments/published/recorded/easy.json
verify --recorded experiments/published/easy.toml; rc=$?
[ $rc = 1 ] && grep -q ' incomplete: it has no run of seed 2$' out; ok $? "exit $rc with the seeds 1, 3, 5: $(cat out)"
sed -i 's/seeds = 2/seeds = 1/' experiments/published/easy.toml

# seeds begin with the experiment's own: they are trained, and a record that lacks them says so
write experiments/published/later.toml 'seeds = 2, mean_at_most = 100'
sed -i '1i seed = 1233' experiments/published/later.toml
verify --record experiments/published/later.toml; rc=$?
[ $rc = 0 ] && [ -e runs/verify/later-seed1234/results.json ] && [ ! -e runs/verify/later-seed1 ]; ok $? "exit $rc, $(ls runs/verify): $(cat err)"
grep -q '^seed = 1234 ' runs/verify/later-seed1234/config.toml; ok $? "trained with another seed"
found=$(python3 -c 'import json; print([r["seed"] for r in json.load(open("experiments/published/recorded/later.json"))["runs"]])')
[ "$found" = "[1233, 1234]" ]; ok $? "recorded seeds: $found"
sed -i 's/^seed = 1233/seed = 1234/' experiments/published/later.toml
verify --recorded experiments/published/later.toml; rc=$?
[ $rc = 1 ] && grep -q ' incomplete: it has no run of seed 1235$' out; ok $? "exit $rc without the last of two seeds: $(cat out)"
rm experiments/published/later.toml

# as many parameters as published: 11 words and the unknown one, 4 wide, two classes
words=$(awk '{ for (i = 2; i <= NF; i++) seen[$i] } END { print length(seen) + 1 }' train.txt)
count=$((words * 4 + 4 * 2 + 2))
cp experiments/published/easy.toml counted.toml; mkdir recorded; cp experiments/published/recorded/easy.json recorded/counted.json
echo "parameters = $count" >>counted.toml
"$build/tenon" check counted.toml >out 2>&1; ok $? "check: not $count parameters: $(cat out)"
verify --recorded counted.toml; ok $? "verify: not $count parameters: $(cat err)"
sed -i "s/^parameters = .*/parameters = $((count + 1))/" counted.toml
told="^counted.toml:$(grep -n '^parameters' counted.toml | cut -d: -f1):[0-9]*: published parameters = $((count + 1)), but the network has $count\$"
"$build/tenon" check counted.toml >out 2>err; rc=$?
[ $rc = 2 ] && grep -q "$told" err; ok $? "check: exit $rc, $(cat err)"
grep -q '^memory: ' out && ! grep -q 'no mistakes' out; ok $? "check tells less where the number differs: $(cat out)"
"$build/tenon" check --no-data counted.toml >out 2>&1; ok $? "counted without data: $(cat out)"
verify --recorded counted.toml; rc=$?
[ $rc = 2 ] && grep -q "$told" err; ok $? "verify --recorded: exit $rc, $(cat err)"
verify counted.toml; rc=$?
[ $rc = 2 ] && grep -q "$told" err; ok $? "verify: exit $rc, $(cat err)"
rm -r experiments/published/recorded
verify --recorded experiments/published/hard.toml; rc=$?
[ $rc = 1 ] && grep -q 'no record in experiments/published/recorded/hard.json' err; ok $? "exit $rc without a record: $(cat err)"

# several figures of the same runs: each has a verdict, and so have all of them; one of the training split is that of `evaluate`
several() { # file, accept of train.loss, accept of run.steps
    write "$1" 'seeds = 3, mean_at_most = 100'
    cat >>"$1" <<TOML
[[published.figure]]
metric = "train.loss"
value = 0.25
accept = { $2 }
[[published.figure]]
metric = "run.stopped"
[[published.figure]]
metric = "run.steps"
accept = { $3 }
[[stop]]
type = "threshold"
monitor = "train.loss"
value = 0.5
TOML
}
of_each() { python3 -c "
import json, statistics, sys
x = [v for v in ($1 for r in (json.load(open(f'several/two-seed{s}/results.json')) for s in (1, 2, 3))) if v is not None]
print('%.6g %.2g' % (statistics.mean(x), statistics.stdev(x) if len(x) > 1 else 0))"; }
several two.toml 'mean_at_most = 100' 'mean_at_most = 1e6'
sed -n '1,40p' train.txt | sed 's/good/bad/' >test.txt
verify two.toml --record --run several; ok $? "several figures are not reached: $(cat out err)"
[ "$(wc -l <out)" = 6 ]; ok $? "not one line a figure, one for all of them and a heading: $(cat out)"
for s in 1 2 3; do "$build/tenon" evaluate "several/two-seed$s" --split train --json 2>/dev/null; done >trained
expected=$(python3 -c '
import json, statistics
x = [json.loads(line)["train.loss"] for line in open("trained")]
print("%.6g +- %.2g (3 seeds)" % (statistics.mean(x), statistics.stdev(x)))')
grep -q "^two  *train.loss  *0.25  *mean <= 100  *$expected  *reached$" out; ok $? "train.loss is not '$expected': $(cat out)"
stopped="(0 if r['stopped'] == 'all epochs are done' else 1)"
expected=$(of_each "$stopped"); grep -q "^two  *run.stopped .* ${expected/ / +- } (3 seeds)  *nothing is asked for$" out
ok $? "run.stopped is not '$expected': $(cat out)"
expected=$(of_each "r['step'] if $stopped else None"); grep -q "^two  *run.steps .* ${expected/ / +- } (.*3 seeds)  *reached$" out
ok $? "run.steps is not '$expected': $(cat out)"
tail -n 1 out | grep -q '^two  *all of them  *reached$'; ok $? "all of them: $(cat out)"
cp out first; verify --recorded two.toml; ok $? "recorded: $(cat err)"
cmp -s out first; ok $? "the record tells something else than the runs: $(diff first out)"
verify --recorded --json two.toml
python3 -c '
import json
row, runs = json.loads(open("out").read()), json.load(open("recorded/two.json"))["runs"]
assert [f["metric"] for f in row["figures"]] == ["test.loss", "train.loss", "run.stopped", "run.steps"], row
assert [f["verdict"] for f in row["figures"]] == ["reached", "reached", "nothing is asked for", "reached"], row
assert row["verdict"] == "reached" and row["seeds"] == 3 and row["figures"][1]["published"] == 0.25 and "mean" not in row, row
assert abs(row["figures"][1]["mean"] - sum(r["figures"]["train.loss"] for r in runs) / 3) < 1e-9, row'
ok $? "--json of several figures: $(cat out)"
several two.toml 'mean_at_most = 100' 'mean_at_most = 0'
verify two.toml --run several; rc=$?
[ $rc = 1 ] && grep -q '^two  *run.steps .* missed by ' out && tail -n 1 out | grep -q ' missed: 1 of 3$'; ok $? "one of three missed: exit $rc, $(cat out)"
sed -i 's/"train.loss": /"train.lost": /' recorded/two.json
verify --recorded two.toml; rc=$?
[ $rc = 1 ] && grep -q '^two  *train.loss .* incomplete: it has none of seed 1$' out && tail -n 1 out | grep -q ' incomplete: it lacks a figure$'
ok $? "a record without a figure: exit $rc, $(cat out)"
sed 's/^value = 0.5$/value = -1/; s/"two"/"never"/' two.toml >never.toml # a loss that no run reaches
verify never.toml --run several --record; rc=$?
[ $rc = 1 ] && grep -q '^never  *run.stopped .* 0 +- 0 (3 seeds)' out && grep -q '^never  *run.steps .* - (0 of 3 seeds)  *missed: no run has one$' out
ok $? "runs that no rule ends: exit $rc, $(cat out err)"
cp out first; verify --recorded never.toml; cmp -s out first; ok $? "their record: $(diff first out)"
verify --recorded --json never.toml; grep -q '"metric": "run.steps", "mean": null' out; ok $? "their JSON: $(cat out)"

# mistakes
sed '/^\[published/,$d' experiments/published/hard.toml >plain.toml
verify plain.toml; rc=$?
[ $rc = 2 ] && grep -q 'plain.toml has no \[published\]' err; ok $? "exit $rc without [published]: $(cat err)"
sed 's/test.loss/test.accurate/; s/"hard"/"other"/' experiments/published/hard.toml >other.toml
verify other.toml; rc=$?
[ $rc = 1 ] && grep -q "^tenon verify: other.toml:$(grep -n test.accurate other.toml | cut -d: -f1):10: runs/verify/other-seed1 has no finite score 'test.accurate'; it has .*test.accuracy" err; ok $? "exit $rc on an unknown metric: $(cat err)"
(cd / && "$build/tenon" verify >"$tmp/out" 2>"$tmp/err"); rc=$?
[ $rc = 2 ] && grep -q 'there is no experiments/published here' err; ok $? "exit $rc without files: $(cat err)"
finish verify
