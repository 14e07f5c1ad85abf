/* data_test.c PLUGINS FOLDER -- data sets, splits, vocabularies and fields against independent counts: of files that are
 * written here, and, where TENON_DATA names them, of the real ones, whose sizes their publishers state.         */
#include <stdlib.h>
#include "../host/vocabulary.h"
#include "open_data.h"

static int skipped;

static const char tail[] =
    "[[layer]]\ntype = 'embedding'\ninputs = 'text'\nwidth = 2\n[[layer]]\ntype = 'mean'\n"
    "[[layer]]\nname = 'output'\ntype = 'dense'\nunits = 'label'\n[[loss]]\ntype = 'cross_entropy'\ntarget = 'label'\n"
    "[optimizer]\ntype = 'sgd'\nlearning_rate = 0.1\n[training]\nepochs = 1\nbatch_size = 4\n";

/* ---- a text that is made up: words w0, w1 ..., unevenly ---------------------------------------------------------------- */
enum { LINES = 300, MOST_WORDS = 400 };
typedef struct { int words[LINES][12], n[LINES], group[LINES]; } made_up;

static unsigned next_number(unsigned *state) { return *state = *state * 1664525u + 1013904223u, *state >> 8; }

static void make_up(made_up *m)
{
    unsigned state = 5;
    FILE *f;
    char path[1000];
    snprintf(path, sizeof path, "%s/made_up.tsv", folder);
    if (!(f = fopen(path, "w"))) return;
    for (int i = 0; i < LINES; i++) {
        m->n[i] = 1 + (int)(next_number(&state) % 12), m->group[i] = (int)(next_number(&state) % 40);
        fprintf(f, "%d\tg%d\t", i >= LINES / 2, m->group[i]); /* sorted by label */
        for (int t = 0; t < m->n[i]; t++) {
            double u = next_number(&state) % 1000 / 1000.0;
            m->words[i][t] = (int)(u * u * u * u * MOST_WORDS);
            fprintf(f, "%sw%d", t ? " " : "", m->words[i][t]);
        }
        fputc('\n', f);
    }
    fclose(f);
}

static const char made_up_file[] =
    "[dataset]\ntype = 'csv'\ntrain = 'made_up.tsv'\ndelimiter = \"\\t\"\nquoting = false\nheader = false\n"
    "columns = ['label', 'group', 'text']\n";
static const char fields[] = "[[field]]\nname = 'text'\ntransforms = ['words']\n%s[[field]]\nname = 'label'\nkind = 'category'\n";

static experiment *open_made_up(const char *dataset, const char *words)
{
    char middle[2000], both[1000];
    snprintf(both, sizeof both, fields, words);
    snprintf(middle, sizeof middle, "%s%s\n%s", made_up_file, dataset, both);
    return open_data(middle, tail, folder);
}

/* The vocabulary of all lines, counted here: by falling count, ties by first sight. n words into order; count by word. */
static int count_here(const made_up *m, int least, int *order, int *count)
{
    int first[MOST_WORDS + 1], n = 0, place = 0;
    memset(count, 0, sizeof *count * (MOST_WORDS + 1));
    for (int i = 0; i < LINES; i++)
        for (int t = 0; t < m->n[i]; t++, place++)
            if (!count[m->words[i][t]]++) first[m->words[i][t]] = place;
    for (int w = 0; w <= MOST_WORDS; w++)
        if (count[w] >= least) order[n++] = w;
    for (int i = 0; i < n; i++)
        for (int k = i + 1; k < n; k++) {
            int a = order[i], b = order[k];
            if (count[b] > count[a] || (count[b] == count[a] && first[b] < first[a])) order[i] = b, order[k] = a;
        }
    return n;
}

static void compare_vocabulary(const made_up *m, const char *options, int least, int size, int always)
{
    int order[MOST_WORDS + 1], count[MOST_WORDS + 1], n = count_here(m, least, order, count);
    experiment *e = open_made_up("", options);
    if (!e) return;
    const field *f = data_field(e->data, "text");
    int want = n + 1 + always, at = 1 + always;
    if (size && want > size) want = size;
    expect(f->words->n == want, "%s%lld words, expected %d", options, (long long)f->words->n, want);
    for (int i = 0; i < n && at < want && at < f->words->n; i++, at++) {
        char word[20];
        sprintf(word, "w%d", order[i]);
        expect_text(options, f->words->word[at], word);
    }
    int64_t leaf = 0, wrong = 0;
    for (int i = 0; i < LINES; i++)
        for (int t = 0; t < m->n[i]; t++, leaf++) {
            char word[20];
            sprintf(word, "w%d", m->words[i][t]);
            int32_t id = f->split[SPLIT_TRAIN].id[leaf], known = 0;
            for (int k = 1; k < f->words->n; k++) known |= !strcmp(f->words->word[k], word);
            wrong += known ? strcmp(word_at(f, SPLIT_TRAIN, leaf), word) != 0 : id != 0;
        }
    expect(!wrong, "%s%lld words of the text have another id", options, (long long)wrong);
    experiment_free(e);
}

/* ---- splits ---------------------------------------------------------------------------------------------------------- */
static void divide(const made_up *m, const char *options, int by_group, int validation, int test)
{
    experiment *e = open_made_up(options, "");
    if (!e) return;
    data *d = e->data;
    int side_of[LINES], group_side[40], twice = 0, torn = 0;
    memset(side_of, -1, sizeof side_of);
    memset(group_side, -1, sizeof group_side);
    for (int s = 0; s < SPLITS; s++)
        for (int64_t i = 0; i < d->count[s]; i++) {
            char place[1200];
            data_place(d, s, i, place, sizeof place);
            int line = atoi(strrchr(place, ':') + 1) - 1;
            const store *t = &data_field(d, "text")->split[s];
            twice += side_of[line] >= 0;
            side_of[line] = s;
            expect(t->begin[i + 1] - t->begin[i] == m->n[line], "%s: example %d of %s has the text of another line", options,
                   (int)i, split_names[s]);
            if (by_group) torn += group_side[m->group[line]] >= 0 && group_side[m->group[line]] != s;
            group_side[m->group[line]] = s;
        }
    expect(!twice, "%s: %d lines lie in two splits", options, twice);
    expect(!torn, "%s: %d groups are torn", options, torn);
    int all = 0;
    for (int i = 0; i < LINES; i++) all += side_of[i] >= 0;
    expect(all == LINES, "%s: some lines are in no split", options);
    int slack = by_group ? 20 : 0; /* the last group may go over the share */
    int64_t validates = d->count[SPLIT_VALIDATION], tests = d->count[SPLIT_TEST];
    expect(validates >= validation && validates <= validation + slack, "%s: %d to validate", options, (int)validates);
    expect(tests >= test && tests <= test + slack, "%s: %d to test", options, (int)tests);
    experiment_free(e);
}

/* The first lines that training takes, as one number. */
static double train_lines(const char *options)
{
    experiment *e = open_made_up(options, "");
    double sum = 0;
    for (int64_t i = 0; e && i < e->data->count[SPLIT_TRAIN]; i++) {
        char place[1200];
        data_place(e->data, SPLIT_TRAIN, i, place, sizeof place);
        sum = sum * 1.37 + atof(strrchr(place, ':') + 1);
    }
    if (e) experiment_free(e);
    return sum;
}

/* Each line is tested on by one fold, and a fold named by the seed is the same fold. */
static void check_folds(void)
{
    int tested[LINES] = { 0 }, wrong = 0;
    for (int fold = 1; fold <= 7; fold++) {
        char options[200];
        snprintf(options, sizeof options, "split = { folds = 7, fold = %d, validation = 0.1 }", fold);
        experiment *e = open_made_up(options, "");
        if (!e) return;
        for (int64_t i = 0; i < e->data->count[SPLIT_TEST]; i++) {
            char place[1200];
            data_place(e->data, SPLIT_TEST, i, place, sizeof place);
            tested[atoi(strrchr(place, ':') + 1) - 1]++;
        }
        int64_t n = e->data->count[SPLIT_TEST];
        expect(n == LINES / 7 || n == LINES / 7 + 1, "fold %d tests on %d of %d lines", fold, (int)n, LINES);
        experiment_free(e);
    }
    for (int i = 0; i < LINES; i++) wrong += tested[i] != 1;
    expect(!wrong, "%d lines are not in one test split of seven", wrong);
    /* the file's seed is 7: the seventh of seven, and the second of five */
    expect(train_lines("split = { folds = 7, fold = 'seed' }") == train_lines("split = { folds = 7, fold = 7 }"), "seed 7 of 7 folds");
    expect(train_lines("split = { folds = 5, fold = 'seed' }") == train_lines("split = { folds = 5, fold = 2 }"), "seed 7 of 5 folds");
    expect(train_lines("split = { folds = 5, fold = 'seed' }") != train_lines("split = { folds = 5, fold = 1 }"), "fold 1 is fold 2");
}

static void check_limit(void)
{
    experiment *e = open_made_up("limit = { train = 50, test = 7 }\nsplit = { test = 0.2, seed = 3 }", "");
    if (!e) return;
    int64_t of[2] = { 0, 0 };
    const store *s = &data_field(e->data, "label")->split[SPLIT_TRAIN];
    for (int64_t i = 0; i < s->examples; i++) of[s->id[i]]++;
    expect(e->data->count[SPLIT_TRAIN] == 50 && e->data->count[SPLIT_TEST] == 7, "limit: %d and %d examples",
           (int)e->data->count[SPLIT_TRAIN], (int)e->data->count[SPLIT_TEST]);
    expect(of[0] > 10 && of[1] > 10, "limit of a sorted file: %d and %d of its two classes", (int)of[0], (int)of[1]);
    experiment_free(e);
}

/* ---- a part of a text ------------------------------------------------------------------------------------------------ */
static void check_split_part(void)
{
    static const char middle[] =
        "[dataset]\ntype = 'csv'\ntrain = 'parts.tsv'\ndelimiter = \"\\t\"\nquoting = false\nheader = false\ncolumns = ['key', 'text']\n"
        "[[field]]\nname = 'text'\ntransforms = ['words']\n"
        "[[field]]\nname = 'second'\ncolumn = 'key'\n"
        "transforms = [{ type = 'words', at = 'spaces' }, { type = 'split_part', separator = '__', part = 2 }]\n"
        "[[field]]\nname = 'last'\ncolumn = 'key'\n"
        "transforms = [{ type = 'words', at = 'spaces' }, { type = 'split_part', separator = '__', part = -1 }]\n"
        "[[field]]\nname = 'label'\ncolumn = 'key'\nkind = 'category'\n"
        "transforms = [{ type = 'split_part', separator = '__', part = ";
    static const char *const name[] = { "second", "last", "label" }, *const want[] = { "9 b_c x ", "9 c x ", "0 q p" };
    char text[2000];
    write_file("parts.tsv", "0__9 a__b_c__c\tgood text\nq__x\tbad text\np__\tmore\n");
    snprintf(text, sizeof text, "%s1 }]\n", middle);
    experiment *e = open_data(text, tail, folder);
    for (int k = 0; e && k < 3; k++) {
        const field *f = data_field(e->data, name[k]);
        char found[300] = "";
        for (int64_t i = 0; i < f->split[SPLIT_TRAIN].leaves; i++)
            snprintf(found + strlen(found), sizeof found - strlen(found), "%s%s", i ? " " : "", word_at(f, SPLIT_TRAIN, i));
        expect_text(name[k], found, want[k]);
    }
    if (e) experiment_free(e);
    snprintf(text, sizeof text, "%s3 }]\n", middle); /* the first has three parts, the second has not */
    e = load_data(text, tail, folder);
    expect(strstr(e->host.error, "'q__x' has no part 3 between '__'") != NULL, "a missing part: %s", e->host.error);
    experiment_free(e);
}

/* ---- shifted fields ---------------------------------------------------------------------------------------------------- */
static void check_shift(void)
{
    static const char middle[] =
        "[dataset]\ntype = 'csv'\ntrain = 'shift.tsv'\ndelimiter = \"\\t\"\nquoting = false\nheader = false\n"
        "columns = ['text', 'tag']\n"
        "[[field]]\nname = 'words'\ncolumn = 'text'\ntransforms = ['words']\n[[field]]\nname = 'next'\nfrom = 'words'\nshift = 1\n"
        "[[field]]\nname = 'after'\nfrom = 'words'\nshift = 2\n"
        "[[field]]\nname = 'tag'\nkind = 'tags'\nalong = 'words'\ntransforms = ['words']\n"
        "[[field]]\nname = 'chars'\ncolumn = 'text'\nwithin = 'words'\ntransforms = ['words', 'characters']\n";
    static const char end[] =
        "[[layer]]\ntype = 'embedding'\ninputs = 'words'\nwidth = 2\n[[layer]]\ntype = 'dense'\nunits = 'next'\n"
        "[[loss]]\ntype = 'cross_entropy'\ntarget = 'next'\n[optimizer]\ntype = 'sgd'\nlearning_rate = 0.1\n"
        "[training]\nepochs = 1\nbatch_size = 2\n";
    static const char *const want[] = { "one two|four five", "two three|five six", "three four|six seven", "A B|D E",
                                        "o n e t w o|f o u r f i v e" };
    static const char *const name[] = { "words", "next", "after", "tag", "chars" };
    write_file("shift.tsv", "one two three four\tA B C D\nhi you\tX Y\nfour five six seven\tD E F G\n");
    experiment *e = open_data(middle, end, folder);
    if (!e) return;
    for (int k = 0; k < 5; k++) {
        const field *f = data_field(e->data, name[k]);
        const store *s = &f->split[SPLIT_TRAIN];
        char got[200] = "";
        expect(s->examples == 3 && s->begin[1] == 2 && s->begin[2] == 2 && s->begin[3] == 4, "%s: other steps than 2, 0, 2",
               name[k]);
        for (int64_t i = 0; i < s->leaves; i++) {
            int64_t middle_leaf = s->inner ? s->inner[2] : 2;
            snprintf(got + strlen(got), sizeof got - strlen(got), "%s%s", !i ? "" : i == middle_leaf ? "|" : " ",
                     word_at(f, SPLIT_TRAIN, i));
        }
        expect_text(name[k], got, want[k]);
    }
    experiment_free(e);
}

/* ---- words seen once ---------------------------------------------------------------------------------------------------- */
/* In a training batch of all lines: how many of the words seen once, and of the others, became unknown. */
static void replaced(experiment *e, int training, uint64_t epoch, int *once, int *others, int *all_once)
{
    const field *f = data_field(e->data, "text");
    const store *s = &f->split[SPLIT_TRAIN];
    int64_t example[LINES];
    static batch b;
    int index = 0;
    while (e->data->field[index] != f) index++;
    for (int i = 0; i < LINES; i++) example[i] = i;
    b.replaces = training, b.rng = (tn_rng){ 7, epoch };
    *once = *others = *all_once = 0;
    if (!e->graph->value) experiment_start(e, 1, 0);
    expect(!batch_build(e->graph, &b, SPLIT_TRAIN, example, LINES), "%s", e->host.error);
    const tn_layout *l = &b.layout[f->layout];
    for (int32_t r = 0; r < l->rows; r++) {
        int32_t id = s->id[s->begin[l->root[r]] + l->step[r]], got = ((int32_t *)b.field_data[index])[r];
        *all_once += f->singleton[id];
        if (f->singleton[id]) *once += got != id;
        else *others += got != id;
        if (got != id) expect(got == 0, "a word became %d", got);
    }
    scratch_free(&b.memory);
    memset(&b, 0, sizeof b);
}

static void check_singletons(const made_up *m)
{
    int order[MOST_WORDS + 1], count[MOST_WORDS + 1], here = 0, once, others, all, again, first;
    count_here(m, 1, order, count);
    for (int w = 0; w <= MOST_WORDS; w++) here += count[w] == 1;
    experiment *e = open_made_up("", "vocabulary = { singletons_to_unknown = 0.5 }\n");
    if (!e) return;
    replaced(e, 1, 1, &first, &others, &all);
    expect(all == here && here > 4, "%d words stand once, expected %d", all, here);
    expect(first > 0 && first < all && !others, "rate 0.5: %d of %d words seen once replaced, %d others", first, all, others);
    replaced(e, 1, 1, &again, &others, &all);
    expect(first == again, "the same epoch twice: %d and %d replaced", first, again);
    replaced(e, 0, 1, &once, &others, &all);
    expect(!once && !others, "outside training %d words are replaced", once + others);
    experiment_free(e);
    e = open_made_up("", "vocabulary = { singletons_to_unknown = 1.0 }\n");
    if (!e) return;
    replaced(e, 1, 2, &once, &others, &all);
    expect(once == all && !others, "rate 1: %d of %d words seen once replaced, %d others", once, all, others);
    experiment_free(e);
}

/* ---- the generator of the benchmarks ------------------------------------------------------------------------------------- */
/* The first and last tokens, their sum, and the lengths, as a program in Python of the same law gave them. */
static void check_tokens(void)
{
    static const int32_t begin[] = { 348, 1667, 364, 1959, 21, 30, 1330, 1509 }, last[] = { 636, 3, 667, 21 };
    static const int64_t reviews[] = { 169, 25, 186, 36, 200, 93, 75, 200, 200, 200, 200, 200, 200, 141, 200, 71,
                                       84, 97, 172, 86, 116, 127, 200, 200, 200, 200, 200, 200, 200, 200, 200, 49 },
                         sentences[] = { 9, 26, 7, 14, 20, 8, 7, 15, 17, 7 };
    static const char file[] =
        "[dataset]\ntype = 'tokens'\nvocabulary = 20000\nsteps = %d\nbatch = %d\nlengths = '%s'\ntrain = 64\n"
        "[[field]]\nname = 'text'\n[[field]]\nname = 'label'\n";
    char middle[500];
    snprintf(middle, sizeof middle, file, 80, 32, "fixed");
    experiment *e = open_data(middle, tail, folder);
    if (e) {
        const store *s = &data_field(e->data, "text")->split[SPLIT_TRAIN];
        int64_t sum = 0;
        for (int i = 0; i < 8; i++) expect(s->id[i] == begin[i], "token %d is %d, expected %d", i, s->id[i], begin[i]);
        for (int i = 0; i < 4; i++)
            expect(s->id[32 * 80 - 4 + i] == last[i], "token %d is %d, expected %d", 2556 + i, s->id[2556 + i], last[i]);
        for (int i = 0; i < 32 * 80; i++) sum += s->id[i];
        expect(sum == 5139891, "the tokens' sum is %lld, expected 5139891", (long long)sum);
        experiment_free(e);
    }
    for (int k = 0; k < 2; k++) {
        snprintf(middle, sizeof middle, file, k ? 60 : 200, k ? 10 : 32, k ? "sentences" : "reviews");
        if (!(e = open_data(middle, tail, folder))) continue;
        const store *s = &data_field(e->data, "text")->split[SPLIT_TRAIN];
        for (int i = 0; i < (k ? 10 : 32); i++) {
            int64_t n = s->begin[i + 1] - s->begin[i], want = k ? sentences[i] : reviews[i];
            expect(n == want, "length %d of %s is %lld, expected %lld", i, k ? "sentences" : "reviews", (long long)n,
                   (long long)want);
        }
        experiment_free(e);
    }
}

/* ---- real files ------------------------------------------------------------------------------------------------------- */
static void count_classes(const experiment *e, int split, int64_t *of, int most)
{
    const field *f = data_field(e->data, "label");
    memset(of, 0, sizeof *of * (size_t)most);
    for (int64_t i = 0; i < e->data->count[split]; i++) of[f->split[split].id[i] < most ? f->split[split].id[i] : most - 1]++;
}

static void check_imdb(const char *dir)
{
    experiment *e = open_data(
        "[dataset]\ntype = 'csv'\ntrain = 'imdb/imdb.train.tsv'\ntest = 'imdb/imdb.test.tsv'\n"
        "delimiter = \"\\t\"\nquoting = false\nheader = false\ncolumns = ['label', 'id_rating', 'text']\n"
        "[[field]]\nname = 'text'\ntransforms = ['characters', { type = 'truncate', length = 20000, keep = 'first' }]\n"
        "[[field]]\nname = 'label'\nkind = 'category'\n", tail, dir);
    if (!e) return;
    int64_t of[2], held = 0;
    const field *f = data_field(e->data, "text");
    int32_t mark = vocabulary_id(f->words, "\xc2\x85", 2);
    for (int s = 0; s < SPLITS; s += SPLIT_TEST) {
        count_classes(e, s, of, 2);
        expect(of[0] == 12500 && of[1] == 12500, "imdb %s: %lld and %lld reviews, published 12,500 each", split_names[s],
               (long long)of[0], (long long)of[1]);
        for (int64_t i = 0; i < e->data->count[s]; i++) {
            int has = 0;
            for (int64_t t = f->split[s].begin[i]; t < f->split[s].begin[i + 1]; t++) has |= f->split[s].id[t] == mark;
            held += has;
        }
    }
    expect(mark > 0 && held == 681, "imdb: %lld texts hold U+0085, which ends no line; expected 681", (long long)held);
    experiment_free(e);
}

static void check_newsgroups(const char *dir)
{
    experiment *e = open_data(
        "[dataset]\ntype = 'folder'\nroot = '20newsgroups/20newsgroups-bydate.tar.xz'\n"
        "train = '20newsgroups-bydate/20news-bydate-train'\ntest = '20newsgroups-bydate/20news-bydate-test'\n"
        "encoding = 'latin-1'\n[[field]]\nname = 'text'\ntransforms = ['words']\nvocabulary = { size = 1000 }\n"
        "[[field]]\nname = 'label'\nkind = 'category'\n", tail, dir);
    if (!e) return;
    expect(e->data->count[SPLIT_TRAIN] == 11314 && e->data->count[SPLIT_TEST] == 7532,
           "20 newsgroups: %lld and %lld articles, published 11,314 and 7,532",
           (long long)e->data->count[SPLIT_TRAIN], (long long)e->data->count[SPLIT_TEST]);
    const field *f = data_field(e->data, "label");
    int64_t of[20];
    expect(f->words->n == 20, "20 newsgroups: %lld classes", (long long)f->words->n);
    expect_text("first class", f->words->word[0], "alt.atheism");
    count_classes(e, SPLIT_TRAIN, of, 20);
    expect(of[0] == 480 && of[19] == 377, "alt.atheism and talk.religion.misc: %lld and %lld articles, published 480 and 377",
           (long long)of[0], (long long)of[19]);
    experiment_free(e);
}

static int by_text(const void *p, const void *q) { return strcmp(*(char *const *)p, *(char *const *)q); }

/* TREC: classes, and how many different words it has, by sorting them here. */
static void check_trec(const char *dir)
{
    experiment *e = open_data(
        "[dataset]\ntype = 'lines'\ntrain = 'sentences/TREC.train.all'\ntest = 'sentences/TREC.test.all'\n"
        "encoding = 'latin-1'\n[[field]]\nname = 'text'\ntransforms = [{ type = 'words', at = 'spaces' }]\n"
        "[[field]]\nname = 'label'\nkind = 'category'\n", tail, dir);
    char path[1200], line[4096], **word = calloc(200000, sizeof *word);
    snprintf(path, sizeof path, "%s/sentences/TREC.train.all", dir);
    FILE *f = fopen(path, "r");
    size_t n = 0, differ = 0, tokens;
    while (word && f && fgets(line, sizeof line, f)) {
        strtok(line, " \n");
        for (char *w; (w = strtok(NULL, " \n")) && n < 200000; ) word[n++] = strdup(w);
    }
    if (f) fclose(f);
    tokens = n;
    if (n) qsort(word, n, sizeof *word, by_text);
    for (size_t i = 0; i < n; i++) differ += !i || strcmp(word[i], word[i - 1]) != 0;
    for (size_t i = 0; i < n; i++) free(word[i]);
    free(word);
    if (!e) return;
    const field *text = data_field(e->data, "text");
    expect(e->data->count[SPLIT_TRAIN] == 5452 && e->data->count[SPLIT_TEST] == 500,
           "trec: %lld and %lld questions, published 5,452 and 500",
           (long long)e->data->count[SPLIT_TRAIN], (long long)e->data->count[SPLIT_TEST]);
    expect(data_field(e->data, "label")->words->n == 6, "trec: %lld classes", (long long)data_field(e->data, "label")->words->n);
    int64_t leaves = text->split[SPLIT_TRAIN].leaves, n_words = text->words->n;
    expect(leaves == (int64_t)tokens, "trec: %lld words, %zu by cutting at spaces", (long long)leaves, tokens);
    expect(n_words == (int64_t)differ + 1, "trec: a vocabulary of %lld, %zu different words by sorting", (long long)n_words,
           differ);
    experiment_free(e);
}

static void check_sms(const char *dir)
{
    experiment *e = open_data(
        "[dataset]\ntype = 'csv'\ntrain = 'sms-spam/SMSSpamCollection'\ndelimiter = \"\\t\"\nquoting = false\n"
        "header = false\ncolumns = ['label', 'text']\n"
        "[[field]]\nname = 'text'\ntransforms = ['words']\n[[field]]\nname = 'label'\nkind = 'category'\n", tail, dir);
    int64_t of[2];
    if (!e) return;
    count_classes(e, SPLIT_TRAIN, of, 2);
    expect(of[0] == 4827 && of[1] == 747, "sms-spam: %lld ham, %lld spam, published 4,827 and 747", (long long)of[0],
           (long long)of[1]);
    experiment_free(e);
}

int main(int argc, char **argv)
{
    static made_up m;
    plugins = argc > 1 ? argv[1] : "build/plugins", folder = argc > 2 ? argv[2] : ".";
    make_up(&m);
    compare_vocabulary(&m, "", 1, 0, 0);
    compare_vocabulary(&m, "vocabulary = { size = 20 }\n", 1, 20, 0);
    compare_vocabulary(&m, "vocabulary = { min_count = 5, unknown = 'UNK' }\n", 5, 0, 0);
    compare_vocabulary(&m, "vocabulary = { size = 12, words = ['<s>', '</s>'] }\n", 1, 12, 2);
    divide(&m, "", 0, -1, -1);
    divide(&m, "split = { validation = 0.1, test = 0.2 }", 0, 30, 60);
    divide(&m, "split = { validation = 0.15, seed = 9 }", 0, 45, -1);
    divide(&m, "split = { validation = 0.1, test = 0.2, by = 'group' }", 1, 30, 60);
    divide(&m, "split = { folds = 10, fold = 4, validation = 0.1 }", 0, 30, 30);
    divide(&m, "split = { folds = 10, fold = 10, by = 'group' }", 1, -1, 10);
    const double once = train_lines("split = { test = 0.5, seed = 1 }");
    expect(once == train_lines("split = { test = 0.5, seed = 1 }"), "the same seed divides differently");
    expect(once != train_lines("split = { test = 0.5, seed = 2 }"), "another seed divides the same");
    check_folds();
    check_limit();
    check_split_part();
    check_shift();
    check_singletons(&m);
    check_tokens();
    const char *dir = getenv("TENON_DATA");
    if (dir && *dir) check_imdb(dir), check_newsgroups(dir), check_trec(dir), check_sms(dir);
    else skipped = 4, printf("skipped: the real files, since TENON_DATA names no folder of them\n");
    printf("data: %d passed, %d failed, %d skipped\n", expect_passed, expect_failed, skipped);
    return expect_failed != 0;
}
