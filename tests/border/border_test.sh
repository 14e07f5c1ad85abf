#!/usr/bin/env bash
# border_test.sh BUILD -- parts built outside the tree against the header alone, one for each thing that the border must
# carry: a layer that creates a layout, attention between two layouts, a named port, a part stepped by another one (a
# stranger's cell, in C++, and lstm), states as ports, a loss with parameters and a decoder, a layout inside a layout.
# Each is gradient-checked by check-plugin; together they train. A copy of lstm under another name has no less.
. "$(dirname "$0")/../begin.sh"
mkdir -p "$tmp/include" "$tmp/plugins/layers" "$tmp/plugins/losses" "$tmp/other/layers" "$tmp/variant/layers" "$tmp/gru/layers"
cp -r "$root/include/tenon" "$tmp/include/"
cp "$here"/*.c "$here"/*.cc "$root"/plugins/layers/lstm.c "$root"/plugins/layers/lstm_*.h "$tmp/"
(cd "$root/plugins/layers" && cp distinct_sums.h mask.h row_vectors.h cell_math.h sequence_parts.h weight_drop.h "$tmp/")
# these parts were written before tables grew: what they leave out is zero
warn="-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-missing-field-initializers -Werror"
flags="-O2 -fPIC -shared -fvisibility=hidden -Wl,-z,defs -ffp-contract=off -D_GNU_SOURCE -I$tmp/include"
cd "$tmp" || exit 1
for name in valid_window dot_attention echo_decoder; do
    cc -std=c11 $warn $flags -o plugins/layers/$name.so $name.c -lm; ok $? "$name does not build"
done
cc -std=c11 $warn $flags -o plugins/losses/chain_crf.so chain_crf.c -lm; ok $? "chain_crf does not build"
for std in c++20 c++11; do
    c++ -std=$std $warn $flags -o plugins/layers/leaky_cell.so leaky_cell.cc; ok $? "leaky_cell does not build as $std"
done
cc -std=c11 $flags -DCELL="\"{ type = 'lstm', units = 5 }\"" -o other/layers/echo_decoder.so echo_decoder.c -lm
ok $? "echo_decoder with lstm does not build"
drops="recurrent_dropout = 0.3, weight_dropout = 0.4"
cc -std=c11 $flags -DCELL="\"{ type = 'lstm', units = 7, layers = 2, peepholes = true, projection = 5, recurrent_bias = true, $drops }\"" \
    -o variant/layers/echo_decoder.so echo_decoder.c -lm
ok $? "echo_decoder with a variant of lstm does not build"
cc -std=c11 $flags -DCELL="\"{ type = 'gru', units = 5, reset_after = false, $drops }\"" -o gru/layers/echo_decoder.so echo_decoder.c -lm
ok $? "echo_decoder with gru does not build"
export TENON_PLUGIN_PATH="$tmp/plugins:"
for part in plugins/layers/valid_window plugins/layers/dot_attention plugins/layers/leaky_cell \
    plugins/layers/echo_decoder other/layers/echo_decoder variant/layers/echo_decoder gru/layers/echo_decoder \
    plugins/losses/chain_crf; do
    "$build/tenon" check-plugin $part.so >out 2>&1; ok $? "$part: $(grep -m 1 -e FAULT -e '^tenon' out | cut -c1-300)"
    tail -n 1 out
done

# all of them in one experiment
awk 'BEGIN {
    split("cat dog bird fish owl ant bee ram fox hen", w, " ")
    for (i = 0; i < 120; i++) {
        n = i % 6; t = ""; s = ""
        for (j = 0; j < n; j++) {
            x = w[(i * 7 + j * 3) % 10 + 1]
            s = s (j ? " " : "") x
            t = t (j ? " " : "") (x ~ /a/ ? "yes" : "no")
        }
        print t "\t" s
    }
}' >words.txt
cp "$here/tagger.toml" .
"$build/tenon" train tagger.toml --run run >out 2>&1; ok $? "tagger: $(tail -n 2 out)"
accuracy=$(awk '$1 == "validation.accuracy" { print $2 }' out)
awk -v a="${accuracy:-0}" 'BEGIN { exit !(a >= 0.95) }'
ok $? "tagger: accuracy of the decoded paths is ${accuracy:-missing}, expected at least 0.95: $(tail -n 2 out)"

# a stranger's cell from both ends
sed 's/type = "leaky_cell"/type = "bidirectional"\ncell = "leaky_cell"\nmerge = "mean"/' tagger.toml >both.toml
"$build/tenon" train both.toml --run both >out 2>&1; ok $? "leaky_cell in bidirectional: $(tail -n 2 out)"
accuracy=$(awk '$1 == "validation.accuracy" { print $2 }' out)
awk -v a="${accuracy:-0}" 'BEGIN { exit !(a >= 0.95) }'
ok $? "leaky_cell in bidirectional: accuracy ${accuracy:-missing}, expected at least 0.95: $(tail -n 2 out)"

# lstm has no privilege: a copy under another name, built here, gives the same bits
sed 's/"lstm", "long/"my_lstm", "long/; s/TN_PLUGIN("lstm"/TN_PLUGIN("my_lstm"/' lstm.c >my_lstm.c
cc -std=c11 $flags -fno-math-errno -fno-trapping-math -o plugins/layers/my_lstm.so my_lstm.c -lm; ok $? "my_lstm does not build"
for v in v3 v4; do
    cc -std=c11 $flags -fno-math-errno -fno-trapping-math -march=x86-64-$v -o plugins/layers/my_lstm.$v.so my_lstm.c -lm 2>/dev/null
done
sed -e 's/type = "leaky_cell"/type = "lstm"\nunits = 12/' tagger.toml >a.toml
sed -e 's/type = "leaky_cell"/type = "my_lstm"\nunits = 12/' tagger.toml >b.toml
"$build/tenon" train a.toml --run a >out 2>&1 && "$build/tenon" train b.toml --run b >>out 2>&1
ok $? "lstm and my_lstm: $(tail -n 2 out)"
cmp -s a/checkpoints/best.safetensors b/checkpoints/best.safetensors; ok $? "my_lstm gives other bits than lstm"
if [ -n "${ASAN_OPTIONS:-}" ]; then echo "skip: the speed of my_lstm (under a sanitizer)"; skipped=1
elif [ -f "$root/experiments/bench/lstm128.toml" ]; then
    sed 's/type = "lstm"/type = "my_lstm"/' "$root/experiments/bench/lstm128.toml" >my128.toml
    seconds() { # experiment, folder
        "$build/tenon" train "$1" --threads 1 --quiet --set training.max_steps=40 --run "$2" >/dev/null 2>&1
        awk -F, 'NR == 2 { print $2 }' "$2/timing.csv"
    }
    for i in 1 2 3 4 5; do echo "$(seconds "$root/experiments/bench/lstm128.toml" l$i) $(seconds my128.toml m$i)"; done >times
    awk '{ r[NR] = $2 / $1 }
        END { n = asort_(r, NR); printf "my_lstm : lstm, median of %d interleaved runs: %.3f\n", NR, r[int((NR + 1) / 2)] }
        function asort_(a, n,   i, j, x) {
            for (i = 2; i <= n; i++) {
                x = a[i]
                for (j = i - 1; j > 0 && a[j] > x; j--) a[j + 1] = a[j]
                a[j + 1] = x
            }
            return n
        }' times
else echo "skip: the speed of my_lstm (no experiments/bench/lstm128.toml)"; skipped=1; fi
finish border
