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

/* ---- parallel texts ------------------------------------------------------------------------------------------------- */
static const char translation[] =
    "[[field]]\nname = 'source'\ntransforms = ['words', { type = 'bracket', begin = '<sos>', end = '<eos>' }]\n"
    "[[field]]\nname = 'target'\ntransforms = ['words', { type = 'bracket' }]\n"
    "[[field]]\nname = 'next'\nfrom = 'target'\nshift = 1\n";
static const char tagger[] =
    "[[layer]]\ntype = 'embedding'\ninputs = 'target'\nwidth = 2\n[[layer]]\nname = 'logits'\ntype = 'dense'\nunits = 'next'\n"
    "[[loss]]\ntype = 'cross_entropy'\ntarget = 'next'\n[optimizer]\ntype = 'sgd'\n[training]\nbatch_size = 1\n";

static const char *words_of_example(const field *f, int split, int64_t i)
{
    static char text[1000];
    text[0] = 0;
    for (int64_t t = f->split[split].begin[i]; t < f->split[split].begin[i + 1]; t++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", text[0] ? " " : "", word_at(f, split, t));
    return text;
}

static void check_parallel(void)
{
    char middle[1000];
    write_file("a.de", "ein hund\r\n\nzwei\n");
    write_file("a.en", "a dog\nnothing\ntwo ,\n");
    write_file("b.en", "a dog\nnothing\n");
    snprintf(middle, sizeof middle, "[dataset]\ntype = 'parallel'\ntrain = { source = 'a.de', target = 'a.en' }\n%s", translation);
    experiment *e = open_data(middle, tagger, folder);
    if (e) {
        static const char *const source[] = { "<sos> ein hund <eos>", "<sos> <eos>", "<sos> zwei <eos>" },
            *const target[] = { "<sos> a dog", "<sos> nothing", "<sos> two ," }, *const next[] = { "a dog <eos>", "nothing <eos>", "two , <eos>" };
        for (int i = 0; i < 3; i++) {
            expect_text("source", words_of_example(data_field(e->data, "source"), 0, i), source[i]);
            expect_text("target", words_of_example(data_field(e->data, "target"), 0, i), target[i]);
            expect_text("next", words_of_example(data_field(e->data, "next"), 0, i), next[i]);
        }
        expect(e->data->count[0] == 3, "parallel: %lld pairs", (long long)e->data->count[0]);
        experiment_free(e);
    }
    snprintf(middle, sizeof middle, "[dataset]\ntype = 'parallel'\ntrain = { source = 'a.de', target = 'b.en' }\n%s", translation);
    refuse(middle, tagger, folder, "b.en:2: the last line, but");
    snprintf(middle, sizeof middle, "[dataset]\ntype = 'parallel'\ntrain = { source = 'b.en', target = 'a.en' }\n%s", translation);
    refuse(middle, tagger, folder, "has 3; each line needs its translation");
    snprintf(middle, sizeof middle, "[dataset]\ntype = 'parallel'\ntrain = { source = 'a.de' }\n%s", translation);
    refuse(middle, tagger, folder, "train: `source` and `target` come together; `target` is missing");
    snprintf(middle, sizeof middle, "[dataset]\ntype = 'parallel'\ntrain = 'a.de'\n%s", translation);
    refuse(middle, tagger, folder, "train: expected a table, as in { source = ... }");
    snprintf(middle, sizeof middle, "[dataset]\ntype = 'parallel'\ntrain = { source = 'a.de', target = 'c.en' }\n%s", translation);
    refuse(middle, tagger, folder, "c.en");
}

static void check_real_parallel(const char *dir)
{
    char middle[1500];
    snprintf(middle, sizeof middle, "[dataset]\ntype = 'parallel'\n"
             "train = { source = 'multi30k/train.lc.norm.tok.de', target = 'multi30k/train.lc.norm.tok.en' }\n"
             "validation = { source = 'multi30k/val.lc.norm.tok.de', target = 'multi30k/val.lc.norm.tok.en' }\n"
             "test = { source = 'multi30k/test_2016_flickr.lc.norm.tok.de', target = 'multi30k/test_2016_flickr.lc.norm.tok.en' }\n%s",
             translation);
    experiment *e = open_data(middle, tagger, dir);
    if (!e) return;
    expect(e->data->count[0] == 29000 && e->data->count[1] == 1014 && e->data->count[2] == 1000,
           "multi30k: %lld, %lld, %lld pairs, published 29,000, 1,014 and 1,000", (long long)e->data->count[0],
           (long long)e->data->count[1], (long long)e->data->count[2]);
    experiment_free(e);
}

/* ---- sentiment trees -------------------------------------------------------------------------------------------------- */
static const char classifier[] =
    "[[layer]]\ntype = 'embedding'\ninputs = 'text'\nwidth = 2\n[[layer]]\ntype = 'mean'\n[[layer]]\nname = 'output'\n"
    "type = 'dense'\nunits = 'label'\n[[loss]]\ntype = 'cross_entropy'\ntarget = 'label'\n[optimizer]\ntype = 'sgd'\n"
    "[training]\nbatch_size = 4\n";
static const char sentences[] =
    "[[field]]\nname = 'text'\ntransforms = [{ type = 'words', at = 'spaces' }]\n[[field]]\nname = 'label'\nkind = 'category'\n";

static void check_phrases(const char *options, int n, const char *const *text, const char *labels)
{
    char middle[1000];
    snprintf(middle, sizeof middle, "[dataset]\ntype = 'sst_trees'\ntrain = 'trees.txt'\n%s\n%s", options, sentences);
    experiment *e = open_data(middle, classifier, folder);
    if (!e) return;
    const field *f = data_field(e->data, "label");
    expect(e->data->count[0] == n, "%s: %lld examples, expected %d", options, (long long)e->data->count[0], n);
    for (int i = 0; i < n && i < e->data->count[0]; i++) {
        expect_text(options, words_of_example(data_field(e->data, "text"), 0, i), text[i]);
        expect(word_at(f, 0, i)[0] == labels[i], "%s: '%s' is labelled %s, expected %c", options, text[i], word_at(f, 0, i), labels[i]);
    }
    experiment_free(e);
}

static void check_trees(void)
{
    static const char *const all[] = { "It 's good", "It", "'s good", "'s", "good", "bad" },
                      *const fine[] = { "It 's good", "bad" }, *const two[] = { "It 's good", "'s good", "good", "bad" };
    static const char *const wrong[][2] = {
        { "(3 (2 It) (2 's)", "a '(' that is never closed" }, { "(5 It)", "a label that is not 0 to 4" },
        { "(3 )", "a phrase without words" }, { "(3 It) (2 's)", "more than one tree on a line" }, { "It 's", "no '(' at the beginning" },
        { "(3 It))", "more than one tree on a line" }, { "(It)", "no label behind '('" } };
    char middle[1000], text[200], says[200];
    write_file("trees.txt", "(3 (2 It) (4 (2 's) (4 good)))\n\n(0 bad)\n");
    check_phrases("phrases = 'all'", 6, all, "324240");
    check_phrases("", 2, fine, "30");
    check_phrases("phrases = 'all'\nclasses = 'binary'", 4, two, "pppn");
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        snprintf(text, sizeof text, "(0 bad)\n(4 good)\n%s\n", wrong[i][0]);
        write_file("trees.txt", text);
        snprintf(middle, sizeof middle, "[dataset]\ntype = 'sst_trees'\ntrain = 'trees.txt'\n%s", sentences);
        snprintf(says, sizeof says, "trees.txt:3: %s", wrong[i][1]);
        refuse(middle, classifier, folder, says);
    }
}

static void check_real_trees(const char *dir)
{
    static const struct { const char *options; int64_t n[SPLITS]; } want[] = {
        { "phrases = 'all'", { 318582, 1101, 2210 } }, { "", { 8544, 1101, 2210 } }, { "classes = 'binary'", { 6920, 872, 1821 } } };
    for (int i = 0; i < 3; i++) {
        char middle[1000];
        snprintf(middle, sizeof middle, "[dataset]\ntype = 'sst_trees'\ntrain = 'sst-trees/train.txt'\n"
                 "validation = 'sst-trees/dev.txt'\ntest = 'sst-trees/test.txt'\n%s\n%s", want[i].options, sentences);
        experiment *e = open_data(middle, classifier, dir);
        if (!e) continue;
        for (int k = 0; k < SPLITS; k++)
            expect(e->data->count[k] == want[i].n[k], "sst-trees, %s: %lld of %s, published %lld", want[i].options,
                   (long long)e->data->count[k], split_names[k], (long long)want[i].n[k]);
        experiment_free(e);
    }
}

/* ---- JSON lines -------------------------------------------------------------------------------------------------------- */
static void check_json_lines(void)
{
    static const char file[] = "[dataset]\ntype = 'json_lines'\ntrain = 'lines.json'\n[[field]]\nname = 'text'\ncolumn = 'words'\n"
        "[[field]]\nname = 'chars'\nwithin = 'text'\n[[field]]\nname = 'label'\nkind = 'category'\n[[field]]\nname = 'x'\n"
        "kind = 'numbers'\n";
    static const char *const wrong[][2] = {
        { "{\"words\": [\"a\"], \"chars\": [[\"a\"]], \"label\": 1}", "lines.json:4: there is no \"x\"" },
        { "{\"words\": \"a\", \"chars\": [[\"a\"]], \"label\": 1, \"x\": 1}",
          "lines.json:4: \"words\" must be an array of strings or numbers, as it is in the first line" },
        { "{\"words\": [\"a\"], \"chars\": [\"a\"], \"label\": 1, \"x\": 1}", "lines.json:4: \"chars\" must be an array of such" },
        { "{\"words\": [\"a\"], \"chars\": [[\"a\"], []], \"label\": 1, \"x\": 1}", "lines.json:4: field 'chars': 2 steps, but" },
        { "{\"words\": [\"a\"]", "lines.json:4:" }, { "[1, 2]", "lines.json:4: each line must be one object" },
        { "{\"words\": [\"a\"], \"chars\": [[\"a\"]], \"label\": 1, \"x\": \"y\"}", "lines.json:4: field 'x': 'y' is not a number" } };
    static const char good[] =
        "{\"words\": [\"Bonn\", \"is\"], \"id\": null, \"chars\": [[\"B\", \"o\"], [\"i\"]], \"label\": 2, \"x\": -1.5}\n  \n"
        "{\"x\": 3, \"label\": true, \"chars\": [], \"words\": [], \"more\": {}}\n";
    char text[2000];
    write_file("lines.json", good);
    experiment *e = open_data(file, classifier, folder);
    if (e) {
        const store *x = &data_field(e->data, "x")->split[0], *chars = &data_field(e->data, "chars")->split[0];
        expect_text("words", words_of_example(data_field(e->data, "text"), 0, 0), "Bonn is");
        expect(e->data->count[0] == 2 && data_field(e->data, "text")->split[0].begin[2] == 2, "json_lines: other examples");
        expect(x->real[0] == -1.5f && x->real[1] == 3, "json_lines: numbers %g and %g", (double)x->real[0], (double)x->real[1]);
        expect(chars->leaves == 3 && chars->inner[1] == 2 && chars->inner[2] == 3, "json_lines: %lld characters", (long long)chars->leaves);
        expect_text("label", word_at(data_field(e->data, "label"), 0, 0), "2");
        expect_text("label", word_at(data_field(e->data, "label"), 0, 1), "true");
        char place[1200];
        data_place(e->data, 0, 1, place, sizeof place);
        expect(strstr(place, "lines.json:3") != NULL, "json_lines: example 2 lies at %s", place);
        experiment_free(e);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        snprintf(text, sizeof text, "%s%s\n", good, wrong[i][0]);
        write_file("lines.json", text);
        refuse(file, classifier, folder, wrong[i][1]);
    }
    write_file("lines.json", "\n \n");
    refuse(file, classifier, folder, "lines.json");
}

/* Kaggle's table of phrases: PhraseId, SentenceId, Phrase, Sentiment with tabs between them, quotation marks as they are. */
static void check_kaggle(void)
{
    write_file("kaggle.tsv", "PhraseId\tSentenceId\tPhrase\tSentiment\n1\t1\tA \"series\" of escapades\t1\n2\t1\tgood\t3\n3\t1\t\t2\n");
    experiment *e = open_data("[dataset]\ntype = 'csv'\ntrain = 'kaggle.tsv'\ndelimiter = \"\\t\"\nquoting = false\n"
                              "[[field]]\nname = 'text'\ncolumn = 'Phrase'\ntransforms = [{ type = 'words', at = 'spaces' }]\n"
                              "[[field]]\nname = 'label'\ncolumn = 'Sentiment'\nkind = 'category'\n", classifier, folder);
    if (!e) return;
    expect_text("phrase", words_of_example(data_field(e->data, "text"), 0, 0), "A \"series\" of escapades");
    expect(e->data->count[0] == 3 && data_field(e->data, "text")->split[0].begin[3] == 5, "kaggle: an empty phrase is no example");
    expect_text("sentiment", word_at(data_field(e->data, "label"), 0, 1), "3");
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
    check_parallel();
    check_trees();
    check_json_lines();
    check_kaggle();
    const char *dir = getenv("TENON_DATA");
    if (dir && *dir) check_real_streams(dir), check_real_parallel(dir), check_real_trees(dir);
    else skipped = 3, printf("skipped: the real files, since TENON_DATA names no folder of them\n");
    printf("datasets: %d passed, %d failed, %d skipped\n", expect_passed, expect_failed, skipped);
    return expect_failed != 0;
}
