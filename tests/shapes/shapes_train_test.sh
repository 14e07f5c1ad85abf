#!/usr/bin/env bash
# shapes_train_test.sh BUILD -- layers that change shapes, normalise or attend, together in one network: it learns its task;
# one and two threads, each instruction set, and a run that is killed and resumed, give the same bits, the running moments of
# batch_norm too; a line is tagged alone as among others.
. "$(dirname "$0")/../begin.sh"
cp "$here/tagger.toml" "$tmp/"
cd "$tmp" || exit 1
make_split() { # file seed lines; some lines are empty
    awk -v seed="$2" -v n="$3" 'BEGIN {
        split("cat dog bird fish owl ant bee ram fox hen toad lynx", w, " ")
        s = seed
        for (i = 0; i < n; i++) {
            s = (s * 1103515245 + 12345) % 2147483648; len = int(s / 1048576) % 7
            text = ""; has = ""
            for (j = 0; j < len; j++) {
                s = (s * 1103515245 + 12345) % 2147483648; x = w[int(s / 65536) % 12 + 1]
                text = text (j ? " " : "") x
                if (x == "cat") has = "cat-"
            }
            m = split(text, at, " "); tags = ""
            for (j = 1; j <= m; j++) tags = tags (j > 1 ? " " : "") has (at[j] ~ /a/ ? "yes" : "no")
            print tags "\t" text
        }
    }' >"$1"
}
make_split train.txt 1 600; make_split validation.txt 2 150
last() { ls "$1"/checkpoints/step-*.safetensors | tail -n 1; }

"$build/tenon" train tagger.toml --run one --threads 1 >out 2>&1; ok $? "does not train: $(tail -n 2 out)"
accuracy=$(awk '$1 == "validation.accuracy" { print $2 }' out)
awk -v a="${accuracy:-0}" 'BEGIN { exit !(a >= 0.97) }'; ok $? "accuracy ${accuracy:-missing}, expected at least 0.97"
"$build/tenon" train tagger.toml --run two --threads 2 >out 2>&1; ok $? "two threads: $(tail -n 2 out)"
cmp -s "$(last one)" "$(last two)"; ok $? "other bits on two threads"
cmp -s one/metrics.csv two/metrics.csv; ok $? "other metrics on two threads"
for isa in $(isas); do
    TENON_ISA=$isa "$build/tenon" train tagger.toml --run "$isa" --threads 2 >out 2>&1; ok $? "TENON_ISA=$isa: $(tail -n 2 out)"
    cmp -s "$(last one)" "$(last "$isa")" && cmp -s one/metrics.csv "$isa/metrics.csv"; ok $? "other bits with TENON_ISA=$isa"
done

for try in 1 2 3 4 5 6; do # it may be done before the signal comes
    rm -rf killed
    "$build/tenon" train tagger.toml --run killed --threads 1 >out 2>&1 &
    pid=$!
    until [ -e killed/checkpoints/step-00000060.safetensors ] || ! kill -0 $pid 2>/dev/null; do :; done
    kill -KILL $pid 2>/dev/null; wait $pid 2>/dev/null
    [ -e killed/results.json ] || break
done
[ ! -e killed/results.json ] && [ "$(last killed)" != "killed/checkpoints/$(basename "$(last one)")" ]; ok $? "the run ended before it was killed"
"$build/tenon" resume killed >out 2>&1; ok $? "does not resume: $(tail -n 2 out)"
cmp -s "$(last one)" "$(last killed)"; ok $? "other bits after a kill and a resume"
cmp -s one/metrics.csv killed/metrics.csv; ok $? "other metrics after a kill and a resume"

"$build/tenon" evaluate one --split validation >out 2>&1
again=$(awk '$1 == "validation.accuracy" { print $2 }' out)
[ "${again:-none}" = "$accuracy" ]; ok $? "evaluate says accuracy ${again:-none}, training said $accuracy: $(tail -n 2 out)"
cut -f2 validation.txt | grep . | head -n 12 >lines.txt
"$build/tenon" predict one lines.txt >all.txt 2>out; ok $? "does not predict: $(tail -n 2 out)"
while IFS= read -r line; do printf '%s\n' "$line" | "$build/tenon" predict one - 2>out; done <lines.txt >alone.txt
cmp -s all.txt alone.txt; ok $? "a line alone is tagged otherwise than among others: $(diff all.txt alone.txt | head -n 2)"
finish "shapes, trained"
