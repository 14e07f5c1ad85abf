#!/usr/bin/env bash
# cells1997_test.sh BUILD -- lstm1997 learns as quickly as parity/cells_1997.c does, which has nothing of Tenon: the adding problem with
# sequences of 40, trials in the mean, 16 there and 4 here. Single trials vary by a tenth; a rate twice or half as large, or input gates
# that begin half open, move the mean by two fifths and more. The gradient itself is compared with PyTorch's in reference_test.
. "$(dirname "$0")/begin.sh"
cd "$tmp" || exit 1
cc -std=c11 -O3 -Wall -Wextra -Werror -Wno-psabi -o cells_1997 "$here/parity/cells_1997.c" -lm; ok $? 'cells_1997.c does not build'
told=$(./cells_1997 adding 40 most=100000)
[[ $told =~ ^"adding 40: 16 of 16 learned".*"after "([0-9]+)" in the mean" ]]; ok $? "there: $told"
there=${BASH_REMATCH[1]:-0}
sum=0
for seed in 1 2 3 4; do
    "$build/tenon" train "$root/experiments/published/1997/adding-100.toml" --threads 1 --quiet --run "seed$seed" \
        --set dataset.length=40 --set training.epochs=100 --set dataset.test=2 --set "seed=$seed" >out 2>&1
    grep -q '2000 in a row' out; ok $? "seed $seed has not learned after 100,000 sequences: $(tail -n 1 out)"
    sum=$((sum + $(sed -n 's/^ *"step": *\([0-9]*\).*/\1/p' "seed$seed/results.json" | head -n 1)))
done
mine=$((sum / 4))
[ $((100 * mine)) -gt $((80 * there)) ] && [ $((100 * mine)) -lt $((120 * there)) ]
ok $? "learned after $mine sequences in the mean, there after $there"
finish 'cells of 1997'
