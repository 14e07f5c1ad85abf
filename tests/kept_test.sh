#!/usr/bin/env bash
# kept_test.sh BUILD -- tables of input projections that evaluations keep from batch to batch (evaluation.keep_mb) change no
# bit: of the scores between epochs of training, of evaluations and predictions, in batches of 1 and 64, on 1 and 2 threads.
# The same is asked of recurrent layers whose tables are spoilt on purpose, where it must not hold: so tables are in use.
. "$(dirname "$0")/begin.sh"
lines() { # examples, words, first number: some lines without words, some with words that training lacks
    awk -v n="$1" -v v="$2" -v k="$3" 'BEGIN { for (i = 0; i < n; i++) {
        printf "c%d ", (i + k) % 3
        for (j = 0; j < (i * 7 + k) % 11; j++) printf "w%d ", (i * j * 5 + i % 3 + k) % v
        print "" } }'
}
lines 60 40 0 >"$tmp/train.txt"; lines 150 60 1 >"$tmp/validation.txt"; lines 90 70 2 >"$tmp/test.txt"
cut -d' ' -f2- "$tmp/test.txt" >"$tmp/words.txt"
layer() { printf '[[layer]]\nname = "%s"\ntype = "%s"\ninputs = "%s"\n' "$1" "$2" "$3"; }
network() { # name: layers that read an embedding
    printf 'schema = 1\nname = "kept"\nseed = 5\n[dataset]\ntype = "lines"\n'
    printf 'train = "train.txt"\nvalidation = "validation.txt"\ntest = "test.txt"\n'
    printf '[[field]]\nname = "text"\ntransforms = ["words"]\n[[field]]\nname = "label"\nkind = "category"\n'
    layer words embedding text; printf 'width = 6\n'
    case $1 in
    trained) layer hidden bilstm words; printf 'units = 5\n'; layer pooled mean hidden ;;
    dropped) printf 'dropout = 0.4\n'; layer hidden lstm words; printf 'units = 7\nlayers = 2\nrecurrent_bias = true\n'
        layer pooled max hidden ;;
    frozen) printf 'frozen = true\n'; layer hidden lstm words; printf 'units = 9\nreverse = true\n'; layer pooled last hidden ;;
    gru) layer hidden gru words; printf 'units = 6\n'; layer pooled mean hidden ;;
    cells) layer hidden rnn words; printf 'units = 5\nreverse = true\nrecurrent_bias = true\n'
        layer first gru words; printf 'units = 7\nreset_after = false\nrecurrent_dropout = 0.3\n'
        layer second lstm1997 words; printf 'bias = "gates"\n'
        printf '[[layer]]\nname = "all"\ntype = "concat"\ninputs = ["hidden", "first", "second"]\n'; layer pooled max all ;;
    rnn | lstm1997) layer hidden "$1" words; layer pooled mean hidden ;;
    twice) layer other lstm words; printf 'units = 4\n'; layer bag mean other
        layer hidden bilstm words; printf 'units = 8\n'; layer pooled mean hidden
        layer o_bag dense bag; printf 'units = "label"\n[[loss]]\ntype = "cross_entropy"\nname = "l"\ninput = "o_bag"\ntarget = "label"\n' ;;
    plain) layer bag mean words; layer hidden lstm words; printf 'units = 5\n'; layer pooled mean hidden
        layer o_bag dense bag; printf 'units = "label"\n[[loss]]\ntype = "cross_entropy"\nname = "l"\ninput = "o_bag"\ntarget = "label"\n' ;;
    esac
    layer o dense pooled; printf 'units = "label"\n'
    printf '[[loss]]\ntype = "cross_entropy"\ninput = "o"\ntarget = "label"\n[[metric]]\ntype = "accuracy"\ninput = "o"\n'
    printf '[optimizer]\ntype = "adam"\nlearning_rate = 0.05\n[training]\nepochs = 4\nbatch_size = 8\n[evaluation]\nweights = "last"\n'
}
train() { # folder, keep_mb, threads, batch of evaluations, plug-ins
    "$build/tenon" train "$tmp/run.toml" --data-dir "$tmp" --run "$tmp/$1" --threads "$3" --quiet --plugin-path "$5" \
        --set evaluation.keep_mb="$2" --set evaluation.batch_size="$4" >"$tmp/out" 2>&1
}
scores() { cat "$1/metrics.csv" 2>&1; }
evaluate() { # run, keep_mb, threads, batch, plug-ins -> scores and predictions
    "$build/tenon" evaluate "$tmp/$1" --data-dir "$tmp" --split test --threads "$3" --batch-size "$4" --plugin-path "$5" --json \
        --predictions "$tmp/predictions" --format json --set evaluation.keep_mb="$2" 2>&1 && cat "$tmp/predictions"
}
predict() { # run, keep_mb, threads, plug-ins
    "$build/tenon" predict "$tmp/$1" "$tmp/words.txt" --format json --threads "$3" --plugin-path "$4" \
        --set evaluation.keep_mb="$2" 2>&1
}
none="$tmp/none"; mkdir "$none"
for name in trained dropped frozen gru cells twice plain; do
    network "$name" >"$tmp/run.toml"
    rm -rf "$tmp"/run.*/
    train run.without 0 1 8 "$none"; ok $? "$name: $(tail -n 2 "$tmp/out")"
    for how in 256:1:8 256:2:8 256:2:1 256:1:64 0:2:64; do
        IFS=: read -r mb threads batch <<<"$how"
        train run.with "$mb" "$threads" "$batch" "$none"; ok $? "$name, $how: $(tail -n 2 "$tmp/out")"
        cmp -s "$tmp"/run.without/checkpoints/best.safetensors "$tmp"/run.with/checkpoints/best.safetensors
        ok $? "$name: other best weights with keep_mb = $mb, $threads threads, evaluations of $batch"
        [ "$batch" != 8 ] || cmp -s <(scores "$tmp/run.without") <(scores "$tmp/run.with")
        ok $? "$name: other scores with keep_mb = $mb, $threads threads: $(scores "$tmp/run.with" | tail -n 1)"
        rm -rf "$tmp/run.with"
    done
    for batch in 1 64; do
        evaluate run.without 0 1 $batch "$none" >"$tmp/without"
        ok $? "$name: evaluate: $(tail -n 1 "$tmp/without" | cut -c1-200)"
        for threads in 1 2; do
            evaluate run.without 256 $threads $batch "$none" | cmp -s - "$tmp/without"
            ok $? "$name: evaluate says otherwise with tables, $threads threads, batches of $batch"
        done
    done
    predict run.without 0 1 "$none" >"$tmp/without"; ok $? "$name: predict: $(tail -n 1 "$tmp/without" | cut -c1-200)"
    predict run.without 256 2 "$none" | cmp -s - "$tmp/without"; ok $? "$name: predict says otherwise with tables"
    "$build/tenon" check "$tmp/run.toml" --data-dir "$tmp" >"$tmp/out" 2>&1; ok $? "$name: check: $(tail -n 1 "$tmp/out")"
    grep -q 'MB for what evaluations keep' "$tmp/out"
    [ $? = "$([ $name = plain ]; echo $((! $?)))" ]; ok $? "$name: check says of tables: $(grep memory "$tmp/out")"
done

# Tables spoilt: new rows are written over the old ones. A frame, a layer in it, a network with that layer.
for spoilt in lstm_core:bilstm:trained recurrent:gru:gru recurrent:rnn:rnn recurrent:lstm1997:lstm1997; do
    IFS=: read -r frame layer name <<<"$spoilt"
    rm -rf "$tmp"/run.*/ "$tmp/spoilt"; mkdir -p "$tmp/spoilt/layers"
    sed 's/\<at = kept ? kept->rows - rows : 0;/at = 0 * (kept != NULL);/' "$root/plugins/layers/$frame.h" >"$tmp/$frame.h"
    ! cmp -s "$tmp/$frame.h" "$root/plugins/layers/$frame.h"; ok $? "there is no line to spoil in $frame.h"
    cc -std=c11 -O2 -fPIC -shared -fvisibility=hidden -ffp-contract=off -D_GNU_SOURCE -I"$root/include" -I"$tmp" \
        -iquote "$tmp" -I"$root/plugins/layers" -o "$tmp/spoilt/layers/$layer.so" -include "$tmp/$frame.h" \
        "$root/plugins/layers/$layer.c" -lm
    ok $? "the spoilt $layer does not build"
    network "$name" >"$tmp/run.toml"
    train run.spoilt 256 1 8 "$tmp/spoilt"; ok $? "spoilt $layer: $(tail -n 2 "$tmp/out")"
    train run.sound 0 1 8 "$tmp/spoilt"; ok $? "spoilt $layer: $(tail -n 2 "$tmp/out")"
    ! cmp -s <(scores "$tmp/run.spoilt") <(scores "$tmp/run.sound")
    ok $? "scores do not show that tables of $layer are spoilt: they are not in use"
    ! cmp -s <(predict run.sound 256 1 "$tmp/spoilt") <(predict run.sound 0 1 "$tmp/spoilt")
    ok $? "predictions do not show that tables of $layer are spoilt: they are not in use"
    rm "$tmp/$frame.h"
done
finish kept
