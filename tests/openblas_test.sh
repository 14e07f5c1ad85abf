#!/usr/bin/env bash
# openblas_test.sh BUILD -- a small network trained with `blas = "openblas"`: close to the one of the own kernels, the same
# bits on 1, 2 and 3 threads, and a prediction has the same bits alone and in a batch of 64.
. "$(dirname "$0")/begin.sh"
cd "$tmp" || exit 1
for split in train validation test; do
    awk 'BEGIN { for (i = 0; i < 300; i++) {
        printf "c%d ", i % 3
        for (j = 0; j < (i * 7) % 13; j++) printf "%sw%d", j ? " " : "", (i * j + i % 3) % 97
        print "" } }' >$split.txt
done
sed -e 's/type = "kill_metric"/type = "accuracy"\nname = "again"/' \
    -e 's/^name = "output"/type = "dense"\nunits = 500\nactivation = "tanh"\n[[layer]]\n&/' "$here/resume/run.toml" >own.toml
{ echo 'backend = { type = "cpu", blas = "openblas" }'; cat own.toml; } >blas.toml
train() { "$build/tenon" train "$1" --set training.epochs=3 --data-dir . --run "$2" --threads "$3" >log 2>&1; }
train own.toml own 1; ok $? "training with the own kernels: $(tail -n 2 log)"
if ! train blas.toml blas1 1; then
    if grep -q 'libopenblas.* is not installed' log; then
        echo "skip: training with openblas (libopenblas is not installed)"
        echo "training with openblas: $passed passed, $failed failed, 1 skipped"
        exit 0
    fi
    ok 1 "training with openblas: $(tail -n 2 log)"
fi

# Two sums of up to k products in another order differ by some 2^-24 sqrt(k) of their size; 57 steps of Adam keep that
# under 1e-5 of the loss (here: 4e-8).
loss() {
    awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "train.loss") c = i }
        NR > 1 && $c != "" { x = $c }
        END { print x }' "$1/metrics.csv"
}
own=$(loss own) blas=$(loss blas1)
awk -v a="${own:-0}" -v b="${blas:-0}" 'BEGIN { d = a - b; exit !(a > 0 && b > 0 && d < 1e-5 * a && -d < 1e-5 * a) }'
ok $? "the training loss is ${own:-missing} with the own kernels, ${blas:-missing} with openblas"
cmp -s own/checkpoints/best.safetensors blas1/checkpoints/best.safetensors
[ $? = 1 ]; ok $? "the weights have the same bits with openblas: it was not used"
echo "training loss: $own with the own kernels, $blas with openblas"
for threads in 2 3; do
    train blas.toml blas$threads $threads; ok $? "openblas, $threads threads: $(tail -n 2 log)"
    for f in blas1/checkpoints/*.safetensors; do
        cmp -s "$f" "blas$threads/checkpoints/${f##*/}"; ok $? "$threads threads: other bits than 1 in ${f##*/}"
    done
done

sed 's/^[^ ]* //' test.txt | head -n 64 >64.txt
"$build/tenon" predict blas1 64.txt --format json >together 2>log; ok $? "predict: $(tail -n 1 log)"
for i in 1 2 7 31 40 63 64; do
    sed -n ${i}p 64.txt | "$build/tenon" predict blas1 - --format json >alone 2>log
    sed -n ${i}p together | grep -o '"label".*' >of_64; [ -s of_64 ] && grep -o '"label".*' alone | cmp -s - of_64
    ok $? "line $i of 64: alone $(cat alone), together $(cat of_64)"
done
finish "training with openblas"
