#!/usr/bin/env bash
# setters_test.sh BUILD -- where the host lets the last reader of a tensor set its gradient, training must end in the
# bits of the same network whose parts only add: the parts are built again without TN_L_SETS, under their own names.
# Readers come in every order: one that sets before one that adds, after it, two that set, and tensors read once.
. "$(dirname "$0")/begin.sh"
setting=$(cd "$root" && grep -lw TN_L_SETS plugins/layers/*.c plugins/losses/*.c)
[ -n "$setting" ]; ok $? "no part sets gradients: nothing is tested"
without TN_L_SETS "$tmp/adding" $setting
awk 'BEGIN { for (i = 0; i < 60; i++) {
    printf "c%d ", i % 3
    for (j = 0; j < (i * 7) % 9; j++) printf "w%d ", (i * j + i % 3) % 23
    print "" } }' >"$tmp/train.txt"
branch() { printf '[[layer]]\nname = "%s"\ntype = "%s"\ninputs = "%s"\n' "$1" "$2" "$3"; }
head_of() { # name, layer: a dense layer on it, and a loss
    branch "$1" dense "$2"; printf 'units = "label"\n'
    losses="$losses$(printf '\n[[loss]]\nname = "loss_%s"\ntype = "cross_entropy"\ninput = "%s"\ntarget = "label"' "$1" "$1")"
}
network() { # readers of the hidden states, in order
    local reader k=0
    losses=
    printf 'schema = 1\nname = "setters"\nseed = 3\n[dataset]\ntype = "lines"\ntrain = "train.txt"\n'
    printf '[[field]]\nname = "text"\ntransforms = ["words"]\n[[field]]\nname = "label"\nkind = "category"\n'
    branch words embedding text; printf 'width = 6\n'
    branch wide dense words; printf 'units = 7\n'
    branch hidden lstm wide; printf 'units = 5\n'
    for reader in "$@"; do k=$((k + 1)); branch "r$k" "$reader" hidden; done
    branch bag mean words
    while [ $k -gt 0 ]; do head_of "o$k" "r$k"; k=$((k - 1)); done
    head_of o_again r1
    head_of o_bag bag
    printf '%s\n[optimizer]\ntype = "sgd"\nlearning_rate = 0.3\n[training]\nepochs = 4\nbatch_size = 8\n' "$losses"
}
for readers in 'mean' 'mean last' 'last mean' 'mean mean' 'max mean last mean' 'mean max'; do
    network $readers >"$tmp/run.toml"
    for how in setting adding; do
        rm -rf "$tmp/$how.run"
        "$build/tenon" train "$tmp/run.toml" --data-dir "$tmp" --run "$tmp/$how.run" --threads 2 --quiet \
            --plugin-path "$tmp/$([ $how = adding ] && echo adding || echo none)" >"$tmp/out" 2>&1
        ok $? "$readers, $how: $(tail -n 3 "$tmp/out")"
    done
    last=$(cd "$tmp/setting.run/checkpoints" && ls step-*.safetensors | sort -V | tail -n 1)
    cmp -s "$tmp/setting.run/checkpoints/$last" "$tmp/adding.run/checkpoints/$last"
    ok $? "$readers: other weights where gradients are set than where they are added"
    for file in $setting; do # lock.json says which file each part came from
        used=$(basename "$file" .c)
        grep -q "/adding/.*/$used\.so" "$tmp/adding.run/lock.json" || ! grep -q "/$used[.v0-9]*\.so" "$tmp/setting.run/lock.json"
        ok $? "$readers: $used, which adds, was not used"
    done
done
finish setters
