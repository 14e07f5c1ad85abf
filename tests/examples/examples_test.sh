#!/usr/bin/env bash
# examples_test.sh BUILD -- the five files of this folder are what users must be able to write: each passes `tenon check`.
. "$(dirname "$0")/../begin.sh"
cd "$here" || exit 1
for file in *.toml; do
    "$build/tenon" check --no-data "$file" >/dev/null 2>"$tmp/err"; ok $? "$file: $(cat "$tmp/err")"
done

# translation as the file says, but for sizes: some minutes of it, in which it must begin to learn
multi30k_test() {
    local data=$TENON_DATA/multi30k
    # published for 7,853 and 5,893 words: 20,518,405; here there are 7,875 and 5,896, of 256 and of 256 + 1,792 + 1 numbers each
    "$build/tenon" check multi30k-attention.toml | grep -q "^parameters: $((20518405 + 22 * 256 + 3 * 2049))\$"
    ok $? "multi30k: not as many parameters as published: $("$build/tenon" check multi30k-attention.toml | grep '^parameters')"
    mkdir "$tmp/multi30k"
    for side in de en; do
        head -n 6000 "$data/train.lc.norm.tok.$side" >"$tmp/multi30k/train.lc.norm.tok.$side"
        for split in val test_2016_flickr; do head -n 100 "$data/$split.lc.norm.tok.$side" >"$tmp/multi30k/$split.lc.norm.tok.$side"; done
    done
    "$build/tenon" train multi30k-attention.toml --data-dir "$tmp" --run "$tmp/run" --threads 1 --set layer.encoder.cell.units=64 \
        --set layer.source_embedding.width=64 --set layer.bridge.units=64 --set layer.decoder.cell.units=64 \
        --set layer.decoder.embedding.width=64 --set layer.decoder.attention.units=64 --set training.batch_size=48 \
        --set training.epochs=3 --set optimizer.learning_rate=0.004 >"$tmp/out" 2>&1
    ok $? "multi30k: $(tail -n 2 "$tmp/out")"
    awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "train.loss") c = i }
        NR > 1 { if (NR > 2 && $c >= last) bad = 1; last = $c; n++ } END { exit bad || n != 3 }' "$tmp/run/metrics.csv"
    ok $? "multi30k: the loss does not fall: $(cut -d, -f1-6 "$tmp/run/metrics.csv" | tr '\n' ' ')"
    bleu=$(awk '$1 == "test.bleu" { print $2 }' "$tmp/out")
    awk -v b="${bleu:-0}" 'BEGIN { exit !(b > 0) }'; ok $? "multi30k: BLEU is ${bleu:-missing}"
    [ "$("$build/tenon" predict "$tmp/run" "$tmp/multi30k/val.lc.norm.tok.de" | wc -l)" = 100 ]; ok $? "multi30k: predict does not give 100 lines"
}
if ldd "$build/tenon" | grep -q libasan; then echo "skip: training on multi30k (under a sanitizer it takes a quarter of an hour)"; skipped=1
elif [ -e "${TENON_DATA:-}/multi30k/train.lc.norm.tok.de" ]; then multi30k_test
else echo "skip: training on multi30k (no \$TENON_DATA/multi30k)"; skipped=1; fi

# the published number of parameters
"$build/tenon" check --no-data imdb-bilstm.toml | grep -q '^parameters: 2757761$'; ok $? "imdb-bilstm: not 2757761 parameters"
finish examples
