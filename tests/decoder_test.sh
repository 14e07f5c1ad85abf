#!/usr/bin/env bash
# decoder_test.sh BUILD -- an encoder and attention_decoder learn to turn strings of letters round: BLEU, predictions of new
# lines, of an empty one and of a word that nobody has seen; greedy and beam; the same bits on two threads and after a kill.
. "$(dirname "$0")/begin.sh"
cd "$tmp" || exit 1

make_split() { # name seed lines
    awk -v s="$2" -v n="$3" -v name="$1" 'BEGIN {
        split("a b c d e f g h", letter, " ")
        for (i = 0; i < n; i++) {
            s = (s * 1103515245 + 12345) % 2147483648; len = int(s / 65536) % 7
            there = back = ""
            for (j = 0; j < len; j++) {
                s = (s * 1103515245 + 12345) % 2147483648; x = letter[int(s / 65536) % 8 + 1]
                there = there (j ? " " : "") x
                back = x (j ? " " : "") back
            }
            print there >(name ".source")
            print back >(name ".target")
        }
    }'
}
make_split train 1 1500; make_split validation 2 100; make_split test 3 100

cat >run.toml <<'TOML'
schema = 1
seed = 3
[dataset]
type = "parallel"
train = { source = "train.source", target = "train.target" }
validation = { source = "validation.source", target = "validation.target" }
test = { source = "test.source", target = "test.target" }
[[field]]
name = "source"
transforms = ["words"]
[[field]]
name = "target"
transforms = ["words", "bracket"]
[[field]]
name = "next"
from = "target"
shift = 1
[[layer]]
name = "letters"
type = "embedding"
inputs = "source"
width = 16
[[layer]]
name = "encoder"
type = "bidirectional"
cell = { type = "gru", units = 24 }
[[layer]]
name = "bridge"
type = "dense"
inputs = "encoder.state"
units = 32
activation = "tanh"
[[layer]]
name = "decoder"
type = "attention_decoder"
inputs = ["target", "encoder"]
initial_state = "bridge"
embedding = { width = 16, dropout = 0.1 }
cell = { type = "gru", units = 32 }
attention = { type = "additive", units = 32 }
teacher_forcing = 0.7
[[loss]]
type = "cross_entropy"
target = "next"
[optimizer]
type = "adam"
learning_rate = 0.01
[gradient]
clip_norm = 1.0
[[metric]]
type = "perplexity"
feed = "own"
[[metric]]
name = "taught"
type = "perplexity"
feed = "teacher"
[[metric]]
type = "bleu"
input = "decoder.decoded"
target = "next"
[training]
epochs = 12
batch_size = 32
[evaluation]
decode = { type = "beam", width = 3, length_penalty = 0.6 }
[checkpoint]
every_steps = 20
TOML

tenon() { "$build/tenon" "$@"; }
value() { awk -v name="$1" '$1 == name { print $2 }' "$2"; }
at_least() { awk -v x="${1:-0}" -v least="$2" 'BEGIN { exit !(x >= least) }'; }
sums() { (cd "$1" && sha256sum checkpoints/*.safetensors metrics.csv); }

tenon check run.toml >out 2>&1; ok $? "check: $(tail -n 2 out)"
tenon train run.toml --run whole --threads 1 >out 2>&1; ok $? "train: $(tail -n 3 out)"
bleu=$(value test.bleu out)
at_least "$bleu" 98; ok $? "BLEU of the test split is ${bleu:-missing}, expected at least 98: $(tail -n 3 out)"
awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i }
    NR == 2 { own = $at["validation.perplexity"]; taught = $at["validation.taught"] } END { exit !(own > taught && taught > 1) }' whole/metrics.csv
ok $? "after an epoch perplexity is not larger on its own words than on the target's: $(head -n 2 whole/metrics.csv | tr '\n' ' ')"

# greedy and a beam of one are the same search
tenon evaluate whole --set 'evaluation.decode = "greedy"' >greedy 2>&1; ok $? "evaluate: $(tail -n 1 greedy)"
tenon evaluate whole --set 'evaluation.decode = { type = "beam", width = 1, length_penalty = 2 }' >one 2>&1
cmp -s greedy one; ok $? "a beam of width 1 gives other scores than greedy: $(diff greedy one | head -n 4 | tr '\n' ' ')"
at_least "$(value test.bleu greedy)" 98; ok $? "BLEU of greedy decoding is $(value test.bleu greedy)"

# new lines, an empty one, a word that nobody has seen
printf '%s\n' 'c a b' 'h g f e d' 'a' '' 'zebra' 'b zebra a' >lines.txt
tenon predict whole lines.txt >said 2>err; ok $? "predict: $(cat err)"
[ "$(head -n 3 said)" = "$(printf 'b a c\nd e f g h\na')" ]; ok $? "predict says: $(head -n 3 said | tr '\n' '/')"
[ "$(wc -l <said)" = 6 ]; ok $? "predict gives $(wc -l <said) lines for 6"
[ -z "$(sed -n 4p said)" ]; ok $? "an empty source is turned into '$(sed -n 4p said)'"
tenon predict whole lines.txt --format json >json 2>err
grep -q '^{"source": \["c", "a", "b"\], "offsets": \[\[0, 1\], \[2, 3\], \[4, 5\]\], "words": \["b", "a", "c"\], "score": -[0-9.e-]*, ' json; ok $? "predict --format json says: $(head -n 1 json)"
tenon predict whole lines.txt --threads 2 | cmp -s - said; ok $? "predict says something else on two threads"

# scores, alignments and the other paths of the beam
if command -v python3 >/dev/null; then
    why=$(python3 - json said 2>&1 <<'PYTHON'
import json, sys
objects, said = [json.loads(line) for line in open(sys.argv[1])], open(sys.argv[2]).read().split("\n")
assert len(objects) == 6, "%d lines" % len(objects)
several = 0
for i, o in enumerate(objects):
    assert " ".join(o["words"]) == said[i], "line %d: %s, as text %s" % (i + 1, o["words"], said[i])
    paths = [o] + o.get("others", [])
    several += len(paths) > 1
    assert all(a["score"] >= b["score"] for a, b in zip(paths, paths[1:])), "line %d: not the best first" % (i + 1)
    assert len({tuple(p["words"]) for p in paths}) == len(paths), "line %d: a path comes twice" % (i + 1)
    for p in paths:
        n = len(p["words"])
        score = p["log_probability"] / ((5 + n + 1) / 6) ** 0.6  # the end counts as a word
        assert abs(score - p["score"]) < 1e-6 * abs(score), "line %d: score %g, expected %g" % (i + 1, p["score"], score)
        assert len(p["weights"]) == n == len(p["alignment"]), "line %d: %d words" % (i + 1, n)
        for a, w in zip(p["alignment"], p["weights"]):
            assert len(w) == len(o["source"]), "line %d: %d weights" % (i + 1, len(w))
            if not w:
                assert a is None, "line %d: a word comes from step %s of none" % (i + 1, a)
            else:
                assert abs(sum(w) - 1) < 1e-5, "line %d: weights sum to %g" % (i + 1, sum(w))
                assert a == w.index(max(w)), "line %d: %s is not the largest of %s" % (i + 1, a, w)
assert several, "no line has several paths"
assert objects[4]["source"] == ["zebra"] and objects[4]["offsets"] == [[0, 5]], objects[4]
PYTHON
    ); ok $? "predict --format json: $why"
    # log p of a path is what its words have as a target
    sed -n 2p lines.txt >one.source; sed -n 2p said >one.target
    sed 's/^test = .*/test = { source = "one.source", target = "one.target" }/' whole/config.toml >one.toml
    cp -r whole again && mv one.toml again/config.toml
    taught=$(tenon evaluate again --split test --data-dir . 2>&1 | awk '$1 == "test.taught" { print $2 }')
    python3 -c 'import json, math, sys; o = json.loads(open("json").read().split("\n")[1]); t = float(sys.argv[1])
assert abs(t - math.exp(-o["log_probability"] / (len(o["words"]) + 1))) < 1e-4 * t, (t, o["log_probability"])' "${taught:-0}" 2>why
    ok $? "log p of a path and the perplexity of its words: $(tail -n 1 why)"
else skipped=$((skipped + 2)); fi
tenon predict whole lines.txt --format json --set 'evaluation.decode = "greedy"' >greedy.json 2>&1
! grep -q '"others"' greedy.json && awk -F'"score": |, "log_probability": |, "alignment"' '{ bad += $2 != $3 } END { exit bad }' greedy.json
ok $? "greedy has one path, whose score is log p: $(head -n 1 greedy.json)"
# where the decoder looks at steps that a layer made, no word comes from a step of the line
sed 's/^inputs = \["target", "encoder"\]/inputs = ["target", "context"]/; s/^epochs.*/epochs = 1/' run.toml |
    awk '/^name = "decoder"/ { print "name = \"context\"\ntype = \"repeat\"\ninputs = \"encoder.state\"\ntimes = 1\n[[layer]]" } { print }' >context.toml
tenon train context.toml --run context --threads 1 >out 2>&1; ok $? "train context: $(tail -n 2 out)"
tenon predict context lines.txt --format json >context.json 2>err; ok $? "predict context: $(cat err)"
[ "$(wc -l <context.json)" = 6 ] && ! grep -qE '"(source|offsets|alignment|weights)"' context.json &&
    [ "$(grep -c '^{"words": .*"score": .*"log_probability": ' context.json)" = 6 ]
ok $? "context: $(head -n 1 context.json)"
coproc PIPE { "$build/tenon" predict whole 2>/dev/null; }
pipe=$PIPE_PID # bash forgets it when the program has ended
for word in a 'b a'; do
    echo "$word" >&"${PIPE[1]}"; IFS= read -r back <&"${PIPE[0]}"
    [ "$back" = "$(rev <<<"$word")" ]; ok $? "a line of a pipe, '$word', is turned into '$back'"
done
exec {PIPE[1]}>&-
wait "$pipe"

# lines without words in test splits: scores are numbers, and BLEU of references without words is 0
cp -r whole gaps
score_of() { # source, target: test.bleu, test.perplexity, test.taught
    printf "$1" >gaps.source; printf "$2" >gaps.target
    sed 's/^test = .*/test = { source = "gaps.source", target = "gaps.target" }/' whole/config.toml >gaps/config.toml
    tenon evaluate gaps --split test --data-dir . 2>&1 | awk '$1 ~ /^test.(bleu|perplexity|taught|loss)$/ { printf "%s%s", n++ ? " " : "", $2 }
        END { print n == 4 ? "" : " lacks some" }'
}
finite() { awk '{ bad = NF != 4; for (i = 1; i <= NF; i++) bad += !($i == $i + 0) } END { exit bad }' <<<"$1"; }
scores=$(score_of 'a b\n\nc\n' '\n\n\n'); finite "$scores" && [ "${scores##* }" = 0 ]
ok $? "references without words: loss, perplexities and BLEU are $scores"
scores=$(score_of '\n\n' 'a b\n\n'); finite "$scores"; ok $? "sources without words: $scores"
scores=$(score_of 'a b c d\n\ne f g h\n' 'd c b a\n\nh g f e\n'); finite "$scores" && at_least "${scores##* }" 90; ok $? "an empty pair among others: $scores"
scores=$(score_of 'a\nb\nc\n' 'a\nb\n'); tenon evaluate gaps --split test --data-dir . >out 2>&1; [ $? = 2 ] &&
    grep -q 'gaps.target:2: the last line, but .*gaps.source has 3; each line needs its translation' out
ok $? "a source of three lines and a target of two: $(cat out)"
for side in source target; do # in training, too
    sed '1~3s/.*//' train.$side >sparse.$side
    other=$([ $side = source ] && echo target || echo source)
    cp train.$other sparse.$other
    sed 's/train\.source/sparse.source/; s/train\.target/sparse.target/; s/^epochs.*/epochs = 1/' run.toml >sparse.toml
    tenon train sparse.toml --run sparse-$side --threads 1 >out 2>&1; ok $? "every third $side is empty: $(tail -n 2 out)"
    ! grep -qiE 'nan|inf' sparse-$side/metrics.csv; ok $? "every third $side is empty: $(tail -n 1 sparse-$side/metrics.csv)"
done

# the same words for the lines of a split, all in batches
tenon predict whole test.source >alone 2>/dev/null
tenon evaluate whole --predictions batch >/dev/null 2>&1 && cmp -s alone batch
ok $? "a line alone is turned into other words than in a batch: $(diff alone batch | head -n 4 | tr '\n' ' ')"
tenon evaluate whole --predictions batch --batch-size 7 >/dev/null 2>&1 && cmp -s alone batch
ok $? "another size of batches gives other words: $(diff alone batch | head -n 4 | tr '\n' ' ')"

# the same bits on two threads, and after a kill
sums whole >whole.sums
tenon train run.toml --run two --threads 2 >out 2>&1
sums two | cmp -s - whole.sums; ok $? "two threads give other bits: $(tail -n 1 out)"
"$build/tenon" train run.toml --run killed --threads 1 >/dev/null 2>&1 &
pid=$!
until [ -e killed/checkpoints/step-00000140.safetensors ] || ! kill -0 $pid 2>/dev/null; do sleep 0.05; done
kill -9 $pid 2>/dev/null && { wait $pid; } 2>/dev/null
[ ! -e killed/stopped.txt ]; ok $? "the run was over before it was killed"
tenon resume killed --threads 1 >out 2>&1; ok $? "resume: $(tail -n 2 out)"
sums killed | cmp -s - whole.sums; ok $? "a run that was killed and resumed gives other bits: $(tail -n 1 out)"

# a stranger's cell, built outside the tree; it is as wide as what it reads, here 16 and 48
mkdir -p plugins/layers
c++ -std=c++11 -O2 -fPIC -shared -fvisibility=hidden -ffp-contract=off -I"$root/include" -o plugins/layers/leaky_cell.so \
    "$root/tests/border/leaky_cell.cc" -lm; ok $? "leaky_cell does not build"
sed 's/cell = { type = "gru", units = 32 }/cell = "leaky_cell"/; s/^units = 32$/units = 64/' run.toml >strange.toml
tenon train strange.toml --plugin-path plugins --run strange --threads 1 >out 2>&1; ok $? "a stranger's cell: $(tail -n 2 out)"
at_least "$(value test.bleu out)" 80; ok $? "BLEU with a stranger's cell is $(value test.bleu out), expected at least 80"

# mistakes
wrong() { # what, what it says, sed script
    sed "$3" run.toml >wrong.toml
    tenon check wrong.toml >out 2>&1; [ $? = 2 ] && grep -q "$2" out; ok $? "$1: $(grep -v '^ ' out | head -n 2)"
}
wrong 'feed' 'expected "own" or "teacher"' 's/feed = "own"/feed = "mine"/'
wrong 'decode' 'expected "greedy" or' 's/type = "beam", width = 3/type = "wide", width = 3/'
wrong 'a width of greedy' "did you mean\|no such key\|unknown\|does not stand" 's/{ type = "beam", width = 3, length_penalty = 0.6 }/{ type = "greedy", width = 3 }/'
{
    sed -n '1,/^transforms/p' run.toml
    printf '%s\n' '[[layer]]' 'type = "embedding"' 'width = 4' '[[layer]]' 'type = "dense"' 'units = "source"' '[[loss]]' \
        'type = "cross_entropy"' 'target = "source"' '[optimizer]' 'type = "sgd"' '[[metric]]' 'type = "accuracy"' 'feed = "own"' \
        '[evaluation]' 'decode = "greedy"'
} >none.toml
tenon check none.toml >out 2>&1; [ $? = 2 ] && grep -q 'no layer here feeds itself' out && grep -q 'no layer here writes its output' out
ok $? "nothing feeds itself: $(head -n 3 out)"
wrong 'no bracket' "no word '<sos>'" 's/transforms = \["words", "bracket"\]/transforms = ["words"]/'
finish decoder
