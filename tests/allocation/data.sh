# data.sh -- 1600 lines of text with labels, in $tmp, for 100 steps of tests/resume/run.toml; some have no words.
awk 'BEGIN {
    for (i = 0; i < 1600; i++) {
        printf "c%d ", i % 2
        for (j = 0; j < (i * 7) % 13; j++) printf "%sw%d", j ? " " : "", (i * j) % 97
        print ""
    }
}' >"$tmp/train.txt"
cp "$tmp/train.txt" "$tmp/validation.txt"; cp "$tmp/train.txt" "$tmp/test.txt"
