#!/usr/bin/env bash
# series_test.sh BUILD -- a forecast from the run directory alone, its data file gone: it must be the one that evaluate
# wrote while the data were there, in the units of the file.
. "$(dirname "$0")/begin.sh"
mkdir "$tmp/data"
awk 'BEGIN { print "a,b"; for (i = 0; i < 80; i++) printf "%.6f,%.6f\n", 500 + 3 * sin(i / 3), 0.001 * i }' >"$tmp/data/series.csv"
cat >"$tmp/file.toml" <<'END'
schema = 1
seed = 2
[dataset]
type = "windows"
file = "series.csv"
past = 6
horizon = 2
share = { test = 0.25 }
[[field]]
name = "past"
kind = "numbers"
columns = ["a", "b"]
scale = "standard"
[[field]]
name = "future"
kind = "numbers"
columns = ["a"]
window = "horizon"
shape = "row"
scale = "standard"
[[layer]]
type = "lstm"
inputs = "past"
units = 8
[[layer]]
name = "forecast"
type = "dense"
inputs = "lstm.state"
units = "future"
[[loss]]
type = "mse"
target = "future"
[optimizer]
type = "adam"
learning_rate = 0.02
[training]
epochs = 30
batch_size = 8
END
run() { "$build/tenon" "$@" >"$tmp/out" 2>&1; ok $? "tenon $1: $(cat "$tmp/out")"; }
run train "$tmp/file.toml" --data-dir "$tmp/data" --run "$tmp/run"
run evaluate "$tmp/run" --data-dir "$tmp/data" --predictions "$tmp/predictions"
# windows of the test split: horizons begin at row 60, 61, ...; six rows before each
awk -F, 'NR > 1 { a[NR - 2] = $1; b[NR - 2] = $2 } END { for (s = 60; s + 2 <= 80; s++) {
    line = ""; for (t = s - 6; t < s; t++) line = line a[t] " " b[t] "  "; print line } }' "$tmp/data/series.csv" >"$tmp/lines"
rm -r "$tmp/data"
"$build/tenon" predict "$tmp/run" "$tmp/lines" >"$tmp/alone" 2>"$tmp/out"; ok $? "predict: $(cat "$tmp/out")"
cmp -s "$tmp/alone" "$tmp/predictions"; ok $? "predict alone differs from evaluate: $(diff "$tmp/alone" "$tmp/predictions" | head -4)"
[ "$(wc -l <"$tmp/alone")" = 19 ]; ok $? "$(wc -l <"$tmp/alone") forecasts, expected 19"
awk '{ for (i = 1; i <= NF; i++) bad += $i < 490 || $i > 510; n += NF } END { exit !(n == 38 && !bad) }' "$tmp/alone"
ok $? "forecasts are not in the units of the file: $(head -1 "$tmp/alone")"
echo "1 2 3" | "$build/tenon" predict "$tmp/run" >"$tmp/out" 2>&1; [ $? = 2 ] && grep -q '3 numbers; a row has 2' "$tmp/out"
ok $? "an odd number of numbers: $(cat "$tmp/out")"
echo "1 x" | "$build/tenon" predict "$tmp/run" >"$tmp/out" 2>&1; [ $? = 2 ] && grep -q "'x' is not a number" "$tmp/out"
ok $? "a word among the numbers: $(cat "$tmp/out")"
finish forecasts
