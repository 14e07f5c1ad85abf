#!/usr/bin/env bash
# bf16_test.sh BUILD -- a small network trained with `precision = "bf16"` and with "bf16_amx": as good as the one of f32, the same
# bits on 1, 2 and 3 threads and on each instruction set that this processor has (whether by its instructions for bf16 or by fma),
# over a kill, and for predictions alone and in a batch of 64.
. "$(dirname "$0")/begin.sh"
cd "$tmp" || exit 1
for split in train validation test; do # the class says which of three words comes most often, among words that say nothing
    awk -v seed=${#split} 'BEGIN { s = seed
        for (i = 0; i < 400; i++) {
            printf "c%d ", i % 3
            for (j = 0; j < 12; j++) {
                s = (s * 1103515245 + 12345) % 2147483648; r = int(s / 65536) % 100
                printf "%sw%d", j ? " " : "", r < 40 ? i % 3 : r % 60 }
            print "" } }' >$split.txt
done
sed -e 's/type = "kill_metric"/type = "accuracy"\nname = "again"/' \
    -e 's/^batch_size = 16/batch_size = 15/' "$here/resume/run.toml" >f32.toml
train() { "$build/tenon" train "$1" --data-dir "$tmp" --run "$2" --threads "$3" >log 2>&1; }
train f32.toml f32 1; ok $? "training in f32: $(tail -n 2 log)"

result() { # column, of a run: its last value
    awk -F, -v name="$1" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) c = i }
        NR > 1 && $c != "" { x = $c }
        END { print x }' "$2/metrics.csv"
}
of_test() { "$build/tenon" evaluate "$1" --split test --json 2>log | grep -o '"test.accuracy": *[0-9.]*' | grep -o '[0-9.]*$'; }
same() { # run, what it was
    for f in one/checkpoints/*.safetensors one/metrics.csv; do
        cmp -s "$f" "$1/${f#one/}"; ok $? "$precision, $2: other bits in ${f#one/}"
    done
}

accurate() {
    echo "training loss: $(result train.loss ../f32) in f32, $(result train.loss one) in $precision"
    # The test split has 400 examples of three classes: a standard error of the accuracy is at most 0.025.
    awk -v a="$(of_test ../f32)" -v b="$(of_test one)" 'BEGIN { exit !(a > 0.8 && b > a - 0.05) }'
    ok $? "test accuracy is $(of_test ../f32) in f32 and $(of_test one) in $precision"
    cmp -s ../f32/checkpoints/best.safetensors one/checkpoints/best.safetensors
    [ $? = 1 ]; ok $? "the weights have the same bits in $precision: it was not used"
}

repeatable() {
    for threads in 2 3; do
        train run.toml "threads$threads" $threads; ok $? "$threads threads: $(tail -n 2 log)"
        same "threads$threads" "$threads threads"
    done
    for isa in $(isas); do
        TENON_ISA=$isa train run.toml "$isa" 2; ok $? "TENON_ISA=$isa: $(tail -n 2 log)"
        same "$isa" "TENON_ISA=$isa"
    done
    for try in 1 2 3 4 5 6; do # it may be done before it is killed
        rm -rf killed
        "$build/tenon" train run.toml --data-dir "$tmp" --run killed --threads 2 >log 2>&1 &
        pid=$!
        until ls killed/checkpoints/step-*.safetensors >/dev/null 2>&1 || ! kill -0 $pid 2>/dev/null; do sleep 0.01; done
        kill -KILL $pid 2>/dev/null; wait $pid 2>/dev/null; rc=$?
        [ $rc != 137 ] || break
    done
    [ $rc = 137 ]; ok $? "training was not killed"
    "$build/tenon" resume killed --threads 3 >log 2>&1; ok $? "resume: $(tail -n 2 log)"
    same killed "killed and resumed"
}

alone() {
    sed 's/^[^ ]* //' ../test.txt | head -n 64 >64.txt
    "$build/tenon" predict one 64.txt --format json >together 2>log; ok $? "predict: $(tail -n 1 log)"
    for i in 1 2 31 64; do
        sed -n ${i}p 64.txt | "$build/tenon" predict one - --format json >alone 2>log
        sed -n ${i}p together | grep -o '"label".*' >of_64; [ -s of_64 ] && grep -o '"label".*' alone | cmp -s - of_64
        ok $? "$precision: line $i of 64: alone $(cat alone), together $(cat of_64)"
    done
}

for precision in bf16 bf16_amx; do
    mkdir $precision && cd $precision || exit 1
    { echo "backend = { type = \"cpu\", precision = \"$precision\" }"; cat ../f32.toml; } >run.toml
    train run.toml one 1; ok $? "training in $precision: $(tail -n 2 log)"
    accurate; repeatable; alone
    TENON_ISA=plain "$build/tenon" train run.toml --data-dir "$tmp" --run slow --threads 1 --set training.max_steps=1 >log 2>&1
    grep -q "^warning: precision = \"$precision\" is slower than f32" log; ok $? "nothing is said of a slow precision: $(tail -n 2 log)"
    sed '1s/ }/, blas = "openblas" }/' run.toml >both.toml
    train both.toml both 1
    [ $? = 2 ] && grep -q 'both.toml:1:.*leave one of them out' log; ok $? "$precision and openblas together: $(tail -n 2 log)"
    cd ..
done
cmp -s bf16/one/checkpoints/best.safetensors bf16_amx/one/checkpoints/best.safetensors
[ $? = 1 ]; ok $? "both orders of sums gave the same weights"
finish "training in bf16"
