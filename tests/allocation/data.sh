# data.sh -- 1600 lines of text with labels, in $tmp, for 100 steps of tests/resume/run.toml; some have no words.
awk 'BEGIN {
    for (i = 0; i < 1600; i++) {
        printf "c%d ", i % 2
        for (j = 0; j < (i * 7) % 13; j++) printf "%sw%d", j ? " " : "", (i * j) % 97
        print ""
    }
}' >"$tmp/train.txt"
cp "$tmp/train.txt" "$tmp/validation.txt"; cp "$tmp/train.txt" "$tmp/test.txt"

# workloads: files of experiments/bench that go over distinct words with dense and lazy Adam, over ragged rows in both directions, and
# over a softmax of many words, small ones of their kind.
workloads='lstm128 tagger100 bilstm64-ragged ptb200'
small='--set dataset.train=100000 --set dataset.vocabulary=500 --set dataset.steps=6'
