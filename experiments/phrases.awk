# phrases.awk -- the phrases of sentiment trees, one tree a line, as the table of Kaggle's "Sentiment Analysis on Movie Reviews":
#
#   awk -f experiments/phrases.awk "$TENON_DATA"/sst-trees/train.txt > train.tsv
#
# A phrase is what lies between its bracket and the one that closes it, without brackets and labels.
BEGIN { print "PhraseId\tSentenceId\tPhrase\tSentiment" }
{
    depth = words = 0
    n = split($0, piece, " ")
    for (i = 1; i <= n; i++) {
        p = piece[i]
        while (p ~ /^\(/) {
            label[++depth] = substr(p, 2, 1); from[depth] = words + 1
            p = substr(p, 3)
        }
        if (p == "") continue
        closing = 0
        while (p ~ /\)$/) { p = substr(p, 1, length(p) - 1); closing++ }
        word[++words] = p
        for (; closing > 0; closing--) {
            phrase = word[from[depth]]
            for (k = from[depth] + 1; k <= words; k++) phrase = phrase " " word[k]
            print ++id "\t" NR "\t" phrase "\t" label[depth--]
        }
    }
}
