#!/usr/bin/env bash
# recurrent_test.sh BUILD -- recurrent layers and their variants repeat letters after a delay, say what may follow in the Reber
# grammar, and add two numbers far apart; a layer without memory does not, nor does one whose gate begins shut.
. "$(dirname "$0")/tasks.sh"
some() { # name, file, more options "key=value ..." of the layer `memory`
    local name=$1 file=$2 o sets=()
    for o in $3; do sets+=(--set "layer.memory.$o"); done
    shift 3
    train "$name" "$file" "${sets[@]}" "$@"
}

# ---- copy. Of 12 symbols 9 are blanks; who has forgotten the three letters, of four, cannot do better than 3 ln 4 / 12 = 0.347.
some forgets copy.toml type=dense
holds 'copy without memory' "$(figure forgets test.loss)" '>' 0.3 "$(figure forgets test.correct_examples)" '<' 0.1
while read -r name options; do
    some "$name" copy.toml "$options"
    holds "copy, $name: loss, and texts without a mistake" "$(figure "$name" test.loss)" '<' 0.1 "$(figure "$name" test.correct_examples)" '>' 0.9
done <<'EOF'
lstm
peepholes peepholes=true
projection projection=12
relu_cells activation=relu
gates_almost_shut input_bias=-1 output_bias=-1
candidates_high cell_bias=1
two_biases recurrent_bias=true
gru type=gru
reset_before type=gru reset_after=false
rnn type=rnn
EOF
# What is shut from the beginning lets nothing in or out, and candidates that are all 1 tell nothing: it takes long to undo that.
some open copy.toml '' --set training.epochs=2
holds 'copy, two epochs' "$(figure open test.loss)" '<' 0.15
for bias in input_bias=-30 output_bias=-30 cell_bias=30; do
    some "shut_$bias" copy.toml $bias --set training.epochs=2
    holds "copy, two epochs, $bias" "$(figure "shut_$bias" test.loss)" '>' 0.22
done

# ---- reber. From each node but the last both ways out have probability 1/2, and a string takes 6 such steps in the mean (6 =
# 1 + 16/6 + 14/6 by the table of the data set) and one that is certain: 6/7 bits a symbol.
while read -r name options; do
    some "reber_$name" reber.toml "$options"
    bits=$(figure "reber_$name" test.bits_per_character)
    holds "reber, $name: bits a symbol" "$bits" '<' 0.9 "$bits" '>' 0.82
    holds "reber, $name: strings where all that may come is above all that may not" "$(figure "reber_$name" test.correct_examples)" '>' 0.9
done <<'EOF'
lstm
peepholes peepholes=true
projection projection=6
gru type=gru
reset_before type=gru reset_after=false
rnn type=rnn
rnn_relu type=rnn activation=relu
EOF
some reber_dense reber.toml type=dense
holds 'reber from the last symbol alone' "$(figure reber_dense test.bits_per_character)" '>' 1.2 "$(figure reber_dense test.correct_examples)" '<' 0.5

# ---- adding: the target's variance is 1/24
while read -r name options; do
    some "adding_$name" adding.toml "$options"
    holds "adding, $name" "$(figure "adding_$name" test.loss)" '<' 0.005
done <<'EOF'
lstm
peepholes peepholes=true
projection projection=12
gru type=gru
reset_before type=gru reset_after=false
EOF
finish 'tasks of recurrent layers'
