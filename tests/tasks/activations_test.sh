#!/usr/bin/env bash
# activations_test.sh BUILD -- a hidden layer with any activation learns what no straight line parts, and with `linear` it does
# not; `log_softmax` before the loss, which takes it as such; `prelu` finds a slope that `relu` and a fixed one do not have.
. "$(dirname "$0")/tasks.sh"
squares 1 3000 >"$tmp/train.csv"; squares 2 1000 >"$tmp/test.csv"
train linear squares.toml --set layer.bend.function=linear
holds 'linear: a line cannot part the squares' "$(figure linear test.accuracy)" '<' 0.75
# log_softmax adds one and the same number to all units of a row, so a hidden layer of it is no use here.
for f in $("$build/tenon" list activation | awk '/^ / && $1 != "linear" && $1 != "log_softmax" { print $1 }'); do
    train "$f" squares.toml --set "layer.bend.function=$f"
    holds "$f parts the squares" "$(figure "$f" test.accuracy)" '>' 0.9
done

# Logits, probabilities and their logarithms have one loss, so nothing may change but the last digits.
train logits squares.toml --set training.max_steps=50
tail -n +2 "$tmp/test.csv" | head -n 20 | cut -d, -f1,2 >"$tmp/lines"
for f in log_softmax softmax; do
    train "before_$f" squares.toml --set "layer.output.activation=$f" --set training.max_steps=50
    r=$(ratio "$(figure "before_$f" test.loss)" "$(figure logits test.loss)")
    holds "$f before cross_entropy: its loss by that of logits" "$r" '>' 0.999 "$r" '<' 1.001
    "$build/tenon" predict "$tmp/before_$f" "$tmp/lines" --format json >"$tmp/said" 2>&1
    good=$(grep -o 'probabilities": {[^}]*' "$tmp/said" |
        awk -F'[:,]' '{ s = $3 + $5; if (NF == 5 && s > 0.99999 && s < 1.00001) n++ } END { print n + 0 }')
    holds "the probabilities behind $f: $(head -n 1 "$tmp/said")" "$good" == 20
done

bent() { awk -v s="$1" -v n="$2" "$random"'BEGIN { seed(s); print "x,y,height"
    for (i = 0; i < n; i++) { x = 2 * uniform() - 1; y = 2 * uniform() - 1; z = x - 2 * y + 0.2
        printf "%.4f,%.4f,%.5f\n", x, y, (z > 0 ? z : z / 2) } }'; }
bent 3 2000 >"$tmp/bent_train.csv"; bent 4 200 >"$tmp/bent_test.csv"
for slopes in shared=true shared=false; do
    train prelu bent.toml --set layer.bend.type=prelu --set layer.bend.$slopes
    holds "prelu, $slopes, finds the slope" "$(figure prelu test.loss)" '<' 1e-4
    rm -r "$tmp/prelu"
done
train given bent.toml --set 'layer.bend.function={type="leaky_relu",slope=0.5}'
holds 'leaky_relu of the right slope' "$(figure given test.loss)" '<' 1e-4
for f in relu leaky_relu; do
    train "other_$f" bent.toml --set "layer.bend.function=$f"
    holds "$f has another slope" "$(figure "other_$f" test.loss)" '>' 0.01
done
finish 'tasks of activations'
