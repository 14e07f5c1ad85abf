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
refuses() { # what it says, the line
    echo "$2" | "$build/tenon" predict "$tmp/run" >"$tmp/out" 2>&1; [ $? = 2 ] && grep -qF "standard input:1: field 'past': $1" "$tmp/out"
    ok $? "$2: $(cat "$tmp/out"); expected $1"
}
refuses '3 numbers; there must be 12: 6 rows of 2' '1 2 3'
refuses '4 numbers; there must be 12' '1 2 3 4'
refuses '13 numbers; there must be 12' '1 2 3 4 5 6 7 8 9 10 11 12 13'
refuses "'x' is not a number" '1 x'
refuses "'nan' is not a number" '1 nan 3 4 5 6 7 8 9 10 11 12'
refuses "'1e99' is not a number" '1e99 2 3 4 5 6 7 8 9 10 11 12'
refuses 'number 2 is missing' '1,,3,4,5,6,7,8,9,10,11,12'
refuses 'number 3 is missing' "1 2$(printf '\t\t')4 5 6 7 8 9 10 11 12"
refuses 'number 12 is missing' '1,2,3,4,5,6,7,8,9,10,11,'
for between in , ', ' ' , ' "$(printf '\t')" "$(printf ' \t ')"; do
    head -1 "$tmp/lines" | sed "s/ *$//; s/  */$between/g" | "$build/tenon" predict "$tmp/run" 2>&1 | cmp -s - <(head -1 "$tmp/alone")
    ok $? "numbers with '$between' between them say something else"
done

# ---- a file with a header, or a pipe of its lines: a forecast behind each row that has enough rows before it
predict() { "$build/tenon" predict "$tmp/run" "$@"; }
awk 'BEGIN { print "day,b,a,note"; for (i = 0; i < 80; i++) printf "%d,%.6f,%.6f,\"x, %d\"\n", i, 0.001 * i, 500 + 3 * sin(i / 3), i }' \
    >"$tmp/again.csv" # columns in another order, others beside them, quotes
predict "$tmp/again.csv" >"$tmp/fed" 2>"$tmp/out"; ok $? "predict a CSV file: $(cat "$tmp/out")"
[ "$(wc -l <"$tmp/fed")" = 75 ]; ok $? "80 rows give $(wc -l <"$tmp/fed") forecasts, expected 75"
sed -n 55,73p "$tmp/fed" | cmp -s - "$tmp/predictions"
ok $? "forecasts of a CSV file differ from those of evaluate: $(sed -n 55,73p "$tmp/fed" | diff - "$tmp/predictions" | head -4)"
predict - <"$tmp/again.csv" | cmp -s - "$tmp/fed"; ok $? "a pipe has other forecasts"
{ printf '\xef\xbb\xbf'; sed 's/$/\r/' "$tmp/again.csv"; echo; } | predict | cmp -s - "$tmp/fed"; ok $? "a byte order mark, CRLF, or an empty line"
predict "$tmp/again.csv" --format json >"$tmp/json" 2>&1
awk -v name="$tmp/again.csv" '{ split($0, x, "\t"); at = NR + 6
    printf "{\"place\": \"%s:%d\", \"forecast\": [{\"step\": 1, \"a\": %s}, {\"step\": 2, \"a\": %s}]}\n", name, at, x[1], x[2] }' \
    "$tmp/fed" | cmp -s - "$tmp/json"; ok $? "JSON: $(head -1 "$tmp/json")"
coproc PIPE { "$build/tenon" predict "$tmp/run" 2>/dev/null; }
pipe=$PIPE_PID # bash forgets it when the program has ended
head -7 "$tmp/again.csv" >&"${PIPE[1]}"; IFS= read -r said <&"${PIPE[0]}"
[ "$said" = "$(head -1 "$tmp/fed")" ]; ok $? "the first forecast of a pipe: $said"
sed -n 8p "$tmp/again.csv" >&"${PIPE[1]}"; IFS= read -r said <&"${PIPE[0]}"
[ "$said" = "$(sed -n 2p "$tmp/fed")" ]; ok $? "the second forecast of a pipe: $said"
exec {PIPE[1]}>&-
wait "$pipe"
# windows that see every other row, and look further ahead; the data are there
mkdir "$tmp/wide"
cut -d, -f2,3 "$tmp/again.csv" >"$tmp/wide/series.csv"
run train "$tmp/file.toml" --data-dir "$tmp/wide" --run "$tmp/wide/run" --set dataset.every=2 --set dataset.lead=3 --set training.epochs=3
run evaluate "$tmp/wide/run" --data-dir "$tmp/wide" --predictions "$tmp/wide/predictions"
"$build/tenon" predict "$tmp/wide/run" "$tmp/wide/series.csv" >"$tmp/wide/fed" 2>"$tmp/out"; ok $? "every = 2: $(cat "$tmp/out")"
[ "$(wc -l <"$tmp/wide/fed")" = 70 ] && sed -n 48,66p "$tmp/wide/fed" | cmp -s - "$tmp/wide/predictions"
ok $? "every = 2, lead = 3: forecasts of a CSV file differ from those of evaluate"

# a column that has the name of the step's number
mkdir "$tmp/step"
sed '1s/.*/b,step/' "$tmp/wide/series.csv" >"$tmp/step/series.csv"
sed 's/"a"/"step"/' "$tmp/file.toml" >"$tmp/step/file.toml"
run train "$tmp/step/file.toml" --data-dir "$tmp/step" --run "$tmp/step/run" --set training.epochs=1
"$build/tenon" predict "$tmp/step/run" "$tmp/step/series.csv" 2>&1 | head -1 >"$tmp/step/said"
"$build/tenon" predict "$tmp/step/run" "$tmp/step/series.csv" --format json 2>&1 | head -1 >"$tmp/step/json"
awk '{ printf "\"forecast\": [{\"step\": 1, \"columns\": {\"step\": %s}}, {\"step\": 2, \"columns\": {\"step\": %s}}]}\n", $1, $2 }' \
    "$tmp/step/said" | grep -qF -f - "$tmp/step/json"; ok $? "a column called step: $(cat "$tmp/step/json" "$tmp/step/said")"

# ---- series that are short, gappy or wrong
says() { # what it says, the text, arguments
    local expected=$1 text=$2 rc
    shift 2
    printf '%b' "$text" | predict "$@" >"$tmp/out" 2>&1; rc=$?
    [ $rc = 2 ] && grep -qF "$expected" "$tmp/out"; ok $? "$text: exit $rc, $(cat "$tmp/out"); expected $expected"
}
says 'standard input: the series has 3 rows; a forecast takes 6 of them' 'a,b\n1,2\n1,2\n1,2\n'
says 'standard input: the series has 0 rows' 'a,b\n'
says 'there is no header' ''
says "standard input:1: the header has no column 'b'; it has a, c" 'a,c\n1,2\n'
for name in inflow nan infinity 1st -a .b; do
    says "standard input:1: the header has no column 'a'; it has $name, b" "$name,b\\n1,2\\n"
done
says "standard input:1: two columns are called 'a'" 'a,b,a\n1,2,3\n'
says 'standard input:3: 3 cells, the header has 2 columns' 'a,b\n1,2\n1,2,3\n'
says "standard input:2: column 'b': 'x' is not a number" 'a,b\n1,x\n'
says "standard input:3: column 'a' has no number here; missing =" 'a,b\n1,2\nNA,2\n'
says "standard input:2: column 'b' has no number here" 'a,b\n1,\n'
says "standard input:2: field 'past': 3 numbers" '\n1 2 3\n'
says "standard input:3: field 'past': 3 numbers" '\n\n1 2 3\n'
says 'the text ends within quotes' 'a,b\n1,"2\n'
awk -F, -v OFS=, 'NR == 12 { $3 = "NA" } 1' "$tmp/again.csv" >"$tmp/gap.csv" # row 10, from 0
predict "$tmp/gap.csv" --set dataset.missing=skip --format json >"$tmp/skip" 2>"$tmp/out"; ok $? "skip: $(cat "$tmp/out")"
sed "s/again.csv/gap.csv/; 6,11d" "$tmp/json" | cmp -s - "$tmp/skip"
ok $? "a gap leaves out other windows than the six that hold it: $(wc -l <"$tmp/skip") forecasts"
awk -F, -v OFS=, 'NR == 12 { $3 = last } { last = $3 } 1' "$tmp/again.csv" >"$tmp/filled.csv"
predict "$tmp/filled.csv" >"$tmp/expected"
predict "$tmp/gap.csv" --set dataset.missing=previous | cmp -s - "$tmp/expected"; ok $? "missing = previous is not the number before"
awk -F, -v OFS=, 'NR == 12 { $3 = 0 } 1' "$tmp/again.csv" >"$tmp/filled.csv"
predict "$tmp/filled.csv" >"$tmp/expected"
predict "$tmp/gap.csv" --set dataset.missing=zero | cmp -s - "$tmp/expected"; ok $? "missing = zero is not 0"
awk -F, -v OFS=, 'NR == 2 { $3 = "" } 1' "$tmp/again.csv" >"$tmp/gap.csv"
predict "$tmp/gap.csv" --set dataset.missing=previous >"$tmp/skip"
sed 1d "$tmp/fed" | cmp -s - "$tmp/skip"; ok $? "a gap at the very beginning: $(wc -l <"$tmp/skip") forecasts, expected 74"

# ---- columns that never change: a forecast that is a number, and of what does not change the number itself
mkdir "$tmp/flat"
awk 'BEGIN { print "a,b"; for (i = 0; i < 80; i++) print "7.5," 3 }' >"$tmp/flat/series.csv"
for scale in standard min_max; do
    run train "$tmp/file.toml" --data-dir "$tmp/flat" --run "$tmp/flat/$scale" --set training.epochs=2 \
        --set "field.past.scale=$scale" --set "field.future.scale=$scale"
    "$build/tenon" predict "$tmp/flat/$scale" "$tmp/flat/series.csv" >"$tmp/flat/said" 2>"$tmp/out"
    ok $? "$scale of columns that never change: $(cat "$tmp/out")"
    awk '{ for (i = 1; i <= NF; i++) bad += !($i > 6 && $i < 9); n += NF } END { exit !(n == 150 && !bad) }' "$tmp/flat/said"
    ok $? "$scale: forecasts of 7.5 7.5 7.5 ...: $(head -1 "$tmp/flat/said")"
done
# a series that is too short to train on
head -7 "$tmp/flat/series.csv" >"$tmp/short.csv"
"$build/tenon" train "$tmp/file.toml" --data-dir "$tmp" --run "$tmp/short" --set dataset.file=short.csv >"$tmp/out" 2>&1
[ $? = 2 ] && grep -q 'no window of 6 rows past and 2 rows ahead fits into it' "$tmp/out"; ok $? "a short series: $(cat "$tmp/out")"

# a baseline that cannot say anything about so short a past costs the run nothing but its figures
{ cat "$tmp/file.toml"; printf '[[baseline]]\ntype = "seasonal_naive"\ncolumn = "a"\nperiod = 7\n[[baseline]]\ntype = "persistence"\n'
    printf '[[metric]]\ntype = "rmse"\nspace = "original"\n'; } >"$tmp/period.toml"
mkdir -p "$tmp/data"
awk 'BEGIN { print "a,b"; for (i = 0; i < 80; i++) printf "%.6f,%.6f\n", 500 + 3 * sin(i / 3), 0.001 * i }' >"$tmp/data/series.csv"
"$build/tenon" train "$tmp/period.toml" --data-dir "$tmp/data" --run "$tmp/period" --set training.epochs=1 >"$tmp/out" 2>"$tmp/err"
ok $? "a baseline without figures ends the run: $(cat "$tmp/err")"
grep -q "warning: baseline 'seasonal_naive' has no figures: a past of 6 steps is shorter than one period, 7 steps" "$tmp/err"
ok $? "a baseline without figures: $(cat "$tmp/err")"
# persistence, by awk: each of the two numbers ahead is the last one seen
want=$(awk -F, 'NR > 1 { a[NR - 2] = $1 } END { for (s = 60; s + 2 <= 80; s++) for (k = 0; k < 2; k++) { d = a[s + k] - a[s - 1]
    sum += d * d; n++ } printf "%.5f", sqrt(sum / n) }' "$tmp/data/series.csv")
awk -v want="$want" '$1 == "persistence.test.rmse" { d = $2 - want; found = d < 1e-4 && d > -1e-4 } END { exit !found }' "$tmp/out"
ok $? "persistence is not $want: $(grep persistence "$tmp/out")"
grep -q '"test.rmse"' "$tmp/period/results.json"; ok $? "a baseline without figures: the run has no results"
finish forecasts
