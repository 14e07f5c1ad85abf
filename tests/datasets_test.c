/* datasets_test.c PLUGINS FOLDER -- data sets that cut a text or a series, and those that make their examples up: against
 * brute force over files that are written here, and, where TENON_DATA names them, over the real ones.            */
#include "open_data.h"

static int skipped;

/* ---- stream: lanes -------------------------------------------------------------------------------------------------- */
static const char language_model[] =
    "[[layer]]\ntype = 'embedding'\ninputs = 'words'\nwidth = 2\n[[layer]]\ntype = 'lstm'\nunits = 2\ncarry_state = true\n"
    "[[layer]]\nname = 'logits'\ntype = 'dense'\nunits = 'next'\n[[loss]]\ntype = 'cross_entropy'\ntarget = 'next'\n"
    "[optimizer]\ntype = 'sgd'\nlearning_rate = 0.1\n";

/* Step t of an example, as the number n of its word "tn". */
static int number_at(const field *f, int split, int64_t example, int64_t t)
{
    return atoi(word_at(f, split, f->split[split].begin[example] + t) + 1);
}

/* All steps t0 .. t(n-1) in B lanes, by the law: lane l has floor(l n / B) .. floor((l + 1) n / B) - 1. */
static void check_lanes_of(int n, int lanes, int steps, int shift)
{
    char middle[1000], end[2000], *text = malloc((size_t)n * 8 + 1), *p = text;
    if (!text) return;
    for (int i = 0; i < n; i++) p += sprintf(p, "t%d%s", i, i % 5 == 4 ? "  \n" : " ");
    write_file("stream.txt", text);
    free(text);
    snprintf(middle, sizeof middle, "[dataset]\ntype = 'stream'\ntrain = 'stream.txt'\nsteps = %d\n"
             "[[field]]\nname = 'words'\ntransforms = ['words']\n[[field]]\nname = 'next'\nfrom = 'words'\nshift = %d\n"
             "[[field]]\nname = 'chars'\ncolumn = 'words'\nwithin = 'words'\ntransforms = ['characters']\n", steps, shift);
    snprintf(end, sizeof end, "%s[training]\nepochs = 1\nbatch_size = %d\n", language_model, lanes);
    experiment *e = open_data(middle, end, folder);
    if (!e) return;
    const field *words = data_field(e->data, "words"), *next = data_field(e->data, "next"), *chars = data_field(e->data, "chars");
    const store *s = &words->split[SPLIT_TRAIN], *letters = &chars->split[SPLIT_TRAIN];
    int wrong = 0;
    int64_t seen = 0;
    for (int64_t x = 0; x < s->examples; x++) {
        int64_t lane = x % lanes, at = lane * n / lanes + x / lanes * steps, stop = (lane + 1) * n / lanes;
        int64_t want = stop - at < steps ? stop - at : steps;
        if (at + want > n - shift) want = n - shift - at; /* the last steps of the stream have no successor */
        if (want < 0) want = 0;
        int64_t have = s->begin[x + 1] - s->begin[x];
        wrong += have != want || next->split[SPLIT_TRAIN].begin[x + 1] - next->split[SPLIT_TRAIN].begin[x] != want;
        for (int64_t t = 0; t < have && !wrong; t++, seen++) {
            wrong += number_at(words, SPLIT_TRAIN, x, t) != at + t || number_at(next, SPLIT_TRAIN, x, t) != at + t + shift;
            const char *word = word_at(words, SPLIT_TRAIN, s->begin[x] + t);
            int64_t first = letters->inner[s->begin[x] + t], upto = letters->inner[s->begin[x] + t + 1];
            wrong += upto - first != (int64_t)strlen(word);
            for (int64_t k = first; k < upto && !wrong; k++)
                wrong += word_at(chars, SPLIT_TRAIN, k)[0] != word[k - first];
        }
    }
    expect(!wrong, "%d steps, %d lanes of %d, shift %d: %d differ", n, lanes, steps, shift, wrong);
    expect(seen == n - shift, "%d steps, %d lanes of %d: %lld fed, expected %d", n, lanes, steps, (long long)seen, n - shift);
    expect(s->examples % lanes == 0 && !e->shuffle, "a batch lacks a lane, or the order is not fixed");
    char place[1200], last[40];
    for (int64_t x = 0; x < s->examples; x++) { /* five words a line */
        int64_t lane = x % lanes, at = lane * n / lanes + x / lanes * steps;
        if (at >= (lane + 1) * n / lanes) continue;
        data_place(e->data, SPLIT_TRAIN, x, place, sizeof place);
        sprintf(last, "stream.txt:%lld", (long long)at / 5 + 1);
        expect(strstr(place, last) && strlen(strstr(place, last)) == strlen(last), "example %lld lies at %s, expected %s",
               (long long)x, place, last);
    }
    experiment_free(e);
}

static void check_stream_shares(void)
{
    char middle[600], text[1200] = "";
    for (int i = 0; i < 200; i++) sprintf(text + strlen(text), "t%d ", i);
    write_file("stream.txt", text);
    snprintf(middle, sizeof middle, "[dataset]\ntype = 'stream'\ntrain = 'stream.txt'\nsteps = 9\nevaluation_steps = 4\n"
             "share = { validation = 0.2, test = 0.1 }\nline_end = 'END'\n[[field]]\nname = 'words'\n"
             "vocabulary = { fit = 'all' }\n[[field]]\nname = 'next'\nfrom = 'words'\nshift = 1\n");
    char end[2000];
    snprintf(end, sizeof end, "%s[training]\nbatch_size = 6\n[evaluation]\nbatch_size = 1\n", language_model);
    experiment *e = open_data(middle, end, folder);
    if (!e) return;
    static const int from[] = { 0, 140, 180 }, upto[] = { 140, 180, 200 };
    for (int s = 0; s < SPLITS; s++) {
        const field *f = data_field(e->data, "words");
        int64_t leaves = f->split[s].leaves, examples = f->split[s].examples;
        expect(leaves == upto[s] - from[s] - 1, "share: %s has %lld steps with a successor", split_names[s], (long long)leaves);
        int first = number_at(f, s, 0, 0), last = number_at(f, s, examples - 1, f->split[s].begin[examples]
                                                            - f->split[s].begin[examples - 1] - 1);
        expect(first == from[s] && last == upto[s] - 2, "share: %s goes from t%d to t%d", split_names[s], first, last);
        if (s) expect(examples == (upto[s] - from[s] + 3) / 4, "share: %lld examples of 4 steps in one lane", (long long)examples);
    }
    experiment_free(e);
}

static void check_stream_characters(void)
{
    write_file("stream.txt", "ab\xc3\xa9\r\n\ncd");
    experiment *e = open_data("[dataset]\ntype = 'stream'\ntrain = 'stream.txt'\nunit = 'characters'\nsteps = 20\n"
                              "[[field]]\nname = 'words'\ncolumn = 'characters'\n[[field]]\nname = 'next'\nfrom = 'words'\nshift = 1\n",
                              "[[layer]]\ntype = 'embedding'\ninputs = 'words'\nwidth = 2\n[[layer]]\nname = 'logits'\ntype = 'dense'\n"
                              "units = 'next'\n[[loss]]\ntype = 'cross_entropy'\ntarget = 'next'\n[optimizer]\ntype = 'sgd'\n"
                              "learning_rate = 0.1\n[training]\nbatch_size = 1\n", folder);
    static const char *const want[] = { "b", "\xc3\xa9", "\r", "\n", "\n", "c", "d" };
    if (!e) return;
    const field *f = data_field(e->data, "next");
    expect(f->split[0].leaves == 7, "characters: %lld, expected 7", (long long)f->split[0].leaves);
    for (int64_t i = 0; i < 7 && i < f->split[0].leaves; i++) expect_text("characters", word_at(f, 0, i), want[i]);
    experiment_free(e);
}

static void check_stream_mistakes(void)
{
    static const char fields[] = "[[field]]\nname = 'words'\n[[field]]\nname = 'next'\nfrom = 'words'\nshift = 1\n";
    char middle[1000], end[2000];
    write_file("stream.txt", "one two three\n");
    write_file("nothing.txt", " \n\n");
    snprintf(middle, sizeof middle, "[dataset]\ntype = 'stream'\ntrain = 'stream.txt'\n%s", fields);
    snprintf(end, sizeof end, "%s[training]\nbatch_size = 20\n", language_model);
    refuse(middle, end, folder, "stream.txt: the train split has 3 steps, too few for 20 lanes");
    snprintf(end, sizeof end, "%s[training]\nbatch_size = 2\nshuffle = true\n", language_model);
    refuse(middle, end, folder, "shuffle: 'stream' goes on from batch to batch");
    snprintf(end, sizeof end, "%s[training]\nbatch_size = 2\nlength_buckets = 4\n", language_model);
    refuse(middle, end, folder, "length_buckets: 'stream' goes on from batch to batch");
    snprintf(end, sizeof end, "%s[training]\nbatch_size = 1\n", language_model);
    snprintf(middle, sizeof middle, "[dataset]\ntype = 'stream'\ntrain = 'stream.txt'\nsplit = { test = 0.1 }\n%s", fields);
    refuse(middle, end, folder, "split: the examples of 'stream' follow one another");
    snprintf(middle, sizeof middle, "[dataset]\ntype = 'stream'\ntrain = 'nothing.txt'\n%s", fields);
    refuse(middle, end, folder, "nothing.txt: the file is empty");
    snprintf(middle, sizeof middle, "[dataset]\ntype = 'stream'\ntrain = 'stream.txt'\nshare = { valid = 0.1 }\n%s", fields);
    refuse(middle, end, folder, "share.valid: no such option; there are validation, test");
    snprintf(middle, sizeof middle, "[dataset]\ntype = 'stream'\ntrain = 'stream.txt'\nshare = 0.1\n%s", fields);
    refuse(middle, end, folder, "share: expected a table, as in { validation = ... }");
    snprintf(middle, sizeof middle, "[dataset]\ntype = 'stream'\ntrain = 'stream.txt'\nshare = { test = 1.0 }\n%s", fields);
    refuse(middle, end, folder, "share.test");
    snprintf(middle, sizeof middle, "[dataset]\ntype = 'stream'\ntrain = 'stream.txt'\ntest = 'stream.txt'\nshare = { test = 0.5 }\n%s",
             fields);
    refuse(middle, end, folder, "share: `test` is a file of its own already");
}

/* Published counts of tokens: Mikolov's split of the Penn Treebank with one <eos> a line; the size of tiny Shakespeare. */
static void check_real_streams(const char *dir)
{
    char end[2000];
    snprintf(end, sizeof end, "%s[training]\nbatch_size = 20\n[evaluation]\nbatch_size = 1\n", language_model);
    experiment *e = open_data("[dataset]\ntype = 'stream'\ntrain = 'ptb/ptb.train.txt'\nvalidation = 'ptb/ptb.valid.txt'\n"
                              "test = 'ptb/ptb.test.txt'\nline_end = '<eos>'\nsteps = 20\n[[field]]\nname = 'words'\n"
                              "transforms = ['words']\n[[field]]\nname = 'next'\nfrom = 'words'\nshift = 1\n", end, dir);
    static const int64_t tokens[] = { 929589, 73760, 82430 };
    if (e) {
        const field *f = data_field(e->data, "next");
        for (int s = 0; s < SPLITS; s++)
            expect(f->split[s].leaves == tokens[s] - 1, "ptb: %lld tokens of %s have a predecessor, published are %lld tokens",
                   (long long)f->split[s].leaves, split_names[s], (long long)tokens[s]);
        expect(f->words->n == 10000, "ptb: a vocabulary of %lld, published 10,000", (long long)f->words->n);
        experiment_free(e);
    }
    e = open_data("[dataset]\ntype = 'stream'\ntrain = 'tinyshakespeare/input.txt'\nunit = 'characters'\nsteps = 50\n"
                  "[[field]]\nname = 'words'\ncolumn = 'characters'\n[[field]]\nname = 'next'\nfrom = 'words'\nshift = 1\n", end, dir);
    if (!e) return;
    const field *f = data_field(e->data, "next");
    expect(f->split[0].leaves == 1115394 - 1, "tiny Shakespeare: %lld characters have a predecessor, published are 1,115,394",
           (long long)f->split[0].leaves);
    expect(f->words->n == 65 + 1, "tiny Shakespeare: %lld different characters and unknown, published 65", (long long)f->words->n);
    experiment_free(e);
}

int main(int argc, char **argv)
{
    plugins = argc > 1 ? argv[1] : "build/plugins", folder = argc > 2 ? argv[2] : ".";
    check_lanes_of(101, 4, 7, 1);
    check_lanes_of(101, 1, 20, 1);
    check_lanes_of(100, 7, 14, 3);
    check_lanes_of(64, 8, 8, 1);
    check_lanes_of(31, 10, 3, 2);
    check_lanes_of(12, 12, 5, 1);
    check_stream_shares();
    check_stream_characters();
    check_stream_mistakes();
    const char *dir = getenv("TENON_DATA");
    if (dir && *dir) check_real_streams(dir);
    else skipped = 1, printf("skipped: the real files, since TENON_DATA names no folder of them\n");
    printf("datasets: %d passed, %d failed, %d skipped\n", expect_passed, expect_failed, skipped);
    return expect_failed != 0;
}
