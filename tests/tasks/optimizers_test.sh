#!/usr/bin/env bash
# optimizers_test.sh BUILD -- each optimizer brings the same small network to a low loss; amsgrad goes where adam goes astray; weight
# decay apart from the gradient; schedules have the rates of their formulas, and end nearer to the optimum than a constant rate.
. "$(dirname "$0")/tasks.sh"
squares 1 3000 >"$tmp/train.csv"; squares 2 1000 >"$tmp/test.csv"
while read -r name options; do
    train "$name" squares.toml --set "optimizer={$options}"
    holds "$name" "$(figure "$name" test.loss)" '<' 0.25
done <<'EOF'
sgd type="sgd",learning_rate=0.3
momentum type="sgd",learning_rate=0.05,momentum=0.9
nesterov type="sgd",learning_rate=0.05,momentum=0.9,nesterov=true
adam type="adam",learning_rate=0.03
amsgrad type="adam",amsgrad=true,learning_rate=0.03
adamw type="adamw",learning_rate=0.03,weight_decay=0.01
adamw_amsgrad type="adamw",amsgrad=true,learning_rate=0.03,weight_decay=0.01
nadam type="nadam",learning_rate=0.03
adadelta type="adadelta",learning_rate=1.0,rho=0.95
adagrad type="adagrad",learning_rate=0.1
rmsprop type="rmsprop",learning_rate=0.01
EOF
train still squares.toml --set 'optimizer={type="adam",learning_rate=1e-9}'
holds 'without steps nothing is learned' "$(figure still test.loss)" '>' 0.5
train tiny squares.toml --set 'optimizer={type="adadelta",learning_rate=0.001}'
holds 'adadelta: the usual rate is far too small' "$(figure tiny test.loss)" '>' 0.5

# ---- amsgrad. The mean slope is 0.03 * 100 - 0.97 > 0, so down is to the left, where adam does not go: it forgets a large slope
# while small ones go on.
awk "$random"'BEGIN { seed(3); print "slope,far"; for (i = 0; i < 4000; i++) print (uniform() < 0.03 ? 100 : -1) ",-100000" }' >"$tmp/walk.csv"
for option in false true; do
    train walk_$option walk.toml --set optimizer.amsgrad=$option
    echo 1 | "$build/tenon" predict "$tmp/walk_$option" >"$tmp/$option" 2>&1
done
holds 'the weight with adam, and with amsgrad' "$(cat "$tmp/false")" '>' 3 "$(cat "$tmp/true")" '<' 0

# ---- weight decay: adamw is adam with decoupled = true, and not adam
weights() { ls "$tmp/$1"/checkpoints/step-*.safetensors | tail -n 1; }
train decoupled squares.toml --set 'optimizer={type="adam",decoupled=true,learning_rate=0.03,weight_decay=0.01}'
train coupled squares.toml --set 'optimizer={type="adam",learning_rate=0.03,weight_decay=0.01}'
cmp -s "$(weights adamw)" "$(weights decoupled)"; ok $? 'adamw and adam, decoupled, end with other weights'
! cmp -s "$(weights adamw)" "$(weights coupled)"; ok $? 'adamw and adam, coupled, end with the same weights'

# ---- schedules, on heights with much noise, by 3200 steps of plain gradient descent. The test split has none, so its loss is how
# far the plane is from the true one, and that a constant rate does not bring to rest.
plane 5 4000 2 >"$tmp/train.csv"; plane 6 500 0 >"$tmp/test.csv"
rates() { # what, formula of the step n, counted from 1, in awk: the rate that is logged is that of the last step of an epoch
    awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "rate") c = i; next } { print $c }' "$tmp/$1/metrics.csv" |
        awk 'function cosine(from, to, u) { return to + (from - to) * (1 + cos(3.14159265358979 * u)) / 2 }
            function rate(n) { '"$2"' }
            { n = 400 * NR; a = rate(n); if ($1 - a > 1e-5 * 0.2 || a - $1 > 1e-5 * 0.2) { print "step " n ": " $1 ", expected " a; bad = 1 } }
            END { exit bad || NR != 8 }' >"$tmp/rates"
    ok $? "$1: $(head -n 1 "$tmp/rates")"
}
scheduled() { # name, options, formula, further options of the command
    local name=$1 options=$2 formula=$3
    shift 3
    train "$name" line.toml --set 'optimizer={type="sgd",learning_rate=0.2}' --set training.epochs=8 --set training.batch_size=10 \
        --set "schedule={$options}" "$@"
    rates "$name" "$formula"
}
scheduled constant 'type="constant"' 'return 0.2' --set dataset.validation=test.csv
constant=$(awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "validation.loss") c = i } NR > 3 { s += $c } END { print s / 6 }' \
    "$tmp/constant/metrics.csv") # the mean of the last six epochs
holds 'the constant rate: distance' "$constant" '>' 0.01
while IFS='|' read -r name options formula; do
    scheduled "$name" "$options" "$formula"
    holds "$name: loss by that of a constant rate" "$(ratio "$(figure "$name" test.loss)" "$constant")" '<' 0.3
done <<'EOF'
step|type="step",factor=0.2,every=2|return 0.2 * 0.2 ^ int((n / 400 - 1) / 2)
step_by_steps|type="step",per="step",factor=0.3,every=1000,minimum=0.01|r = 0.2 * 0.3 ^ int((n - 1) / 1000); return r < 0.01 ? 0.01 : r
polynomial|type="polynomial",length=3200|return 0.2 * (1 - (n - 1) / 3200)
square|type="polynomial",power=2,length=2800,minimum=0.001|u = n > 2800 ? 1 : (n - 1) / 2800; return 0.001 + 0.199 * (1 - u) ^ 2
one_cycle|type="one_cycle"|n--; return n < 959 ? cosine(0.008, 0.2, n / 959) : cosine(0.2, 8e-7, (n - 959) / 2240)
straight|type="one_cycle",curve="linear",rise=0.5|n--; return n < 1599 ? 0.008 + 0.192 * n / 1599 : 0.2 + (8e-7 - 0.2) * (n - 1599) / 1600
cosine|type="cosine",length=3200|return cosine(0.2, 0, (n - 1) / 3200)
restarts|type="cosine",restarts=true,length=458,growth=2|n--; for (t = 458; n >= t; t *= 2) n -= t; return cosine(0.2, 0, n / t)
exponential|type="exponential",factor=0.5|return 0.2 * 0.5 ^ (n / 400 - 1)
EOF
finish 'tasks of optimizers'
