/* transforms_test.c PLUGINS FOLDER -- transforms on texts whose result is known by hand: what stands before, between and behind
 * words, their stems, words of a text without spaces; and what each refuses.                                       */
#include "open_data.h"

static const char model[] =
    "[[layer]]\ntype = 'embedding'\ninputs = 'text'\nwidth = 2\n[[layer]]\ntype = 'mean'\n[[layer]]\nname = 'output'\n"
    "type = 'dense'\nunits = 'label'\n[[loss]]\ntype = 'cross_entropy'\ntarget = 'label'\n[optimizer]\ntype = 'sgd'\n";

static void write_fields(char *to, size_t size, const char *transforms)
{
    snprintf(to, size, "[dataset]\ntype = 'lines'\ntrain = 'texts.txt'\n[[field]]\nname = 'text'\ntransforms = [%s]\n"
             "[[field]]\nname = 'label'\nkind = 'category'\n", transforms);
}

/* Steps of the first text, with a bar between them. */
static void check_steps(const char *transforms, const char *text, const char *want)
{
    char middle[1000], got[1000] = "", lines[1000];
    snprintf(lines, sizeof lines, "A %s\nB other\n", text);
    write_file("texts.txt", lines);
    write_fields(middle, sizeof middle, transforms);
    experiment *e = open_data(middle, model, folder);
    if (!e) return;
    const store *s = &data_field(e->data, "text")->split[0];
    for (int64_t t = s->begin[0]; t < s->begin[1]; t++)
        snprintf(got + strlen(got), sizeof got - strlen(got), "%s%s", t > s->begin[0] ? "|" : "",
                 word_at(data_field(e->data, "text"), 0, t));
    expect_text(transforms, got, want);
    experiment_free(e);
}

static void check_refused(const char *transforms, const char *says)
{
    char middle[1000];
    write_fields(middle, sizeof middle, transforms);
    refuse(middle, model, folder, says);
}

/* ---- byte pair encoding, in the plainest way: words as lists of texts ---------------------------------------------------- */
enum { TYPES = 60, LONG = 12, MERGES = 25 };
typedef struct { char symbol[LONG][LONG + 8]; int n, count; } spelled;

static void spell(spelled *w, const char *text)
{
    w->n = (int)strlen(text);
    for (int i = 0; i < w->n; i++) sprintf(w->symbol[i], "%c%s", text[i], i + 1 == w->n ? "</w>" : "");
}

static void merge_in(spelled *w, const char *a, const char *b)
{
    for (int i = 0; i + 1 < w->n; i++) {
        if (strcmp(w->symbol[i], a) || strcmp(w->symbol[i + 1], b)) continue;
        strcat(w->symbol[i], w->symbol[i + 1]);
        for (int k = i + 1; k + 1 < w->n; k++) strcpy(w->symbol[k], w->symbol[k + 1]);
        w->n--;
    }
}

static int count_pair(const spelled *w, int n, const char *a, const char *b)
{
    int count = 0;
    for (int i = 0; i < n; i++)
        for (int k = 0; k + 1 < w[i].n; k++)
            if (!strcmp(w[i].symbol[k], a) && !strcmp(w[i].symbol[k + 1], b)) count += w[i].count;
    return count;
}

/* The pairs in the order in which they are joined: most frequent first, ties by the later text. Gives how many. */
static int plain_learn(spelled *w, int n, char pair[MERGES][2][LONG + 8])
{
    for (int m = 0; m < MERGES; m++) {
        int most = 1;
        for (int i = 0; i < n; i++)
            for (int k = 0; k + 1 < w[i].n; k++) {
                const char *a = w[i].symbol[k], *b = w[i].symbol[k + 1];
                int count = count_pair(w, n, a, b), order = most > 1 ? strcmp(a, pair[m][0]) : 1;
                if (!order) order = strcmp(b, pair[m][1]);
                if (count > most || (count == most && most > 1 && order > 0)) {
                    most = count;
                    strcpy(pair[m][0], a), strcpy(pair[m][1], b);
                }
            }
        if (most < 2) return m;
        for (int i = 0; i < n; i++) merge_in(&w[i], pair[m][0], pair[m][1]);
    }
    return MERGES;
}

/* The steps that a word becomes: its symbols, joined by the pairs in their order. */
static void plain_apply(const char *text, char pair[MERGES][2][LONG + 8], int merges, char *to)
{
    spelled w;
    spell(&w, text);
    for (int m = 0; m < merges; m++) merge_in(&w, pair[m][0], pair[m][1]);
    for (int i = 0; i < w.n; i++) {
        if (i + 1 == w.n) w.symbol[i][strlen(w.symbol[i]) - 4] = 0;
        sprintf(to + strlen(to), "%s%s%s", to[0] ? "|" : "", w.symbol[i], i + 1 < w.n ? "@@" : "");
    }
}

typedef struct { char bytes[100000]; size_t n, at; } saved;
static int put_saved(void *to, const void *p, size_t n)
{
    saved *s = to;
    if (s->n + n > sizeof s->bytes) return -1;
    memcpy(s->bytes + s->n, p, n), s->n += n;
    return 0;
}
static int get_saved(void *from, void *p, size_t n)
{
    saved *s = from;
    if (s->at + n > s->n) return -1;
    memcpy(p, s->bytes + s->at, n), s->at += n;
    return 0;
}
static int put_steps(void *to, uint32_t column, const tn_value *v)
{
    char *text = to;
    (void)column;
    text[0] = 0;
    for (int64_t i = 0, at = 0; i < v->leaves; at = v->end[i], i++)
        sprintf(text + strlen(text), "%s%.*s", i ? "|" : "", (int)(v->end[i] - at), (const char *)v->leaf + at);
    return 0;
}

static void check_word(tn_part *p, const char *word, const char *want)
{
    char got[500] = "";
    int64_t end = (int64_t)strlen(word);
    tn_value v = { sizeof v, TN_TEXT, 1, 1, 1, 1, NULL, word, &end };
    tn_sink sink = { sizeof sink, 0, got, put_steps, NULL };
    expect(!((const tn_transform *)p->desc->table)->apply(p->self, &v, (tn_rng){ 0, 0 }, &sink), "bpe: '%s' failed", word);
    expect_text(word, got, want);
}

static void check_bpe(void)
{
    static spelled w[TYPES];
    static char word[TYPES][LONG], pair[MERGES][2][LONG + 8];
    static saved keep;
    char middle[1000], path[1000];
    unsigned state = 9;
    int n = 0;
    snprintf(path, sizeof path, "%s/texts.txt", folder);
    FILE *f = fopen(path, "w");
    for (int i = 0; f && i < TYPES; i++) {
        char text[LONG] = "";
        for (int k = 2 + (int)((state = state * 1664525u + 1013904223u) >> 8) % 8; k > 0; k--) {
            state = state * 1664525u + 1013904223u;
            text[strlen(text)] = "aabbbcde"[state >> 8 & 7];
        }
        int known = 0, times = 1 + i % 4;
        for (int k = 0; k < n; k++) known |= !strcmp(word[k], text);
        if (known) continue;
        strcpy(word[n], text), spell(&w[n], text), w[n].count = times, n++;
        fprintf(f, "%c", 'A' + i % 2);
        for (int k = 0; k < times; k++) fprintf(f, " %s", text);
        fprintf(f, "\n");
    }
    if (f) fclose(f);
    int merges = plain_learn(w, n, pair);
    expect(merges == MERGES, "bpe: only %d merges to compare", merges);
    write_fields(middle, sizeof middle, "'words', { type = 'bpe', merges = 25 }");
    experiment *e = open_data(middle, model, folder);
    if (!e) return;
    tn_part *p = data_field(e->data, "text")->transform[1];
    expect(!p->desc->save(p->self, put_saved, &keep), "bpe: cannot be saved");
    for (int again = 0; again < 2; again++) {
        for (int i = 0; i < n; i++) {
            char want[500] = "";
            plain_apply(word[i], pair, merges, want);
            check_word(p, word[i], want);
        }
        char want[500] = "";
        plain_apply("abxbbcabe", pair, merges, want); /* x is new */
        check_word(p, "abxbbcabe", want);
        check_word(p, "\xc3\xa9x", "\xc3\xa9@@|x");
        if (again) break;
        part_close(p); /* from what was saved */
        expect(!part_open(&e->context, p) && !p->desc->load(p->self, get_saved, &keep), "bpe: cannot be loaded");
    }
    experiment_free(e);
    check_refused("'bpe'", "takes a text cut into words; put it behind words");
    check_steps("'words', { type = 'bpe', merges = 0, separator = '+' }", "ab c", "a+|b|c");
}

int main(int argc, char **argv)
{
    plugins = argc > 1 ? argv[1] : "build/plugins", folder = argc > 2 ? argv[2] : ".";
    check_steps("'strip_html', 'characters'", "&#65;&#233;&#8364;&#128512;&lt;", "A|\xc3\xa9|\xe2\x82\xac|\xf0\x9f\x98\x80|<");
    check_steps("'words', 'bracket'", "a b", "<sos>|a|b|<eos>");
    check_steps("'words', { type = 'bracket', begin = '', end = 'END' }", "a b", "a|b|END");
    check_steps("'words', 'bracket'", "", "<sos>|<eos>");
    check_refused("'bracket', 'words'", "takes a text cut into steps; put it behind words or characters");

    check_steps("'words', 'ngrams'", "a b c", "a|a b|b|b c|c");
    check_steps("'words', { type = 'ngrams', least = 2, most = 3, join = '_' }", "a b c d", "a_b|a_b_c|b_c|b_c_d|c_d");
    check_steps("'characters', { type = 'ngrams', least = 3, most = 3, join = '' }", "abcd", "abc|bcd");
    check_steps("'words', { type = 'ngrams', least = 3, most = 3 }", "a b", "");
    check_refused("'words', { type = 'ngrams', least = 3 }", "least = 3: must be no more than most = 2");

    check_steps("'words', { type = 'truncate', length = 2 }", "a b c", "a|b");
    check_steps("'words', { type = 'truncate', length = 2, keep = 'last' }", "a b c", "b|c");
    check_steps("'words', { type = 'pad', length = 4 }", "a b", "<pad>|<pad>|a|b");
    check_steps("'words', { type = 'pad', length = 4, side = 'right', token = '0' }", "a b", "a|b|0|0");
    check_bpe();
    char path[1000];
    FILE *f;
    snprintf(path, sizeof path, "%s/transforms/stems.so", plugins);
    if ((f = fopen(path, "rb"))) { /* the words of Porter's paper, and of the vocabularies at snowballstem.org */
        fclose(f);
        check_steps("'words', 'stems'", "connect connected connecting connection connections", "connect|connect|connect|connect|connect");
        check_steps("'words', { type = 'stems', language = 'porter' }", "caresses ponies cats feed agreed", "caress|poni|cat|feed|agre");
        check_steps("'words', { type = 'stems', language = 'german' }", "aufeinander k\xc3\xa4tzchen katers", "aufeinand|katzch|kat");
        check_refused("'words', { type = 'stems', language = 'elvish' }", "language: 'elvish' is none of ");
        check_refused("'stems', 'words'", "takes a text cut into words");
    } else printf("skipped: stems, which is not built\n");
    snprintf(path, sizeof path, "%s/transforms/segment.so", plugins);
    if ((f = fopen(path, "rb"))) { /* I love Beijing's Tiananmen: four words, none of them one character but the first two */
        fclose(f);
        check_steps("'segment'", "\xe6\x88\x91\xe7\x88\xb1\xe5\x8c\x97\xe4\xba\xac\xe5\xa4\xa9\xe5\xae\x89\xe9\x97\xa8\xe3\x80\x82",
                    "\xe6\x88\x91|\xe7\x88\xb1|\xe5\x8c\x97\xe4\xba\xac|\xe5\xa4\xa9\xe5\xae\x89\xe9\x97\xa8|\xe3\x80\x82");
        check_steps("{ type = 'segment', punctuation = false }", "one  two, 3.5!", "one|two|3.5");
        check_steps("'segment'", "one  two, 3.5!", "one|two|,|3.5|!");
        check_refused("'words', 'segment'", "the text has steps already");
    } else printf("skipped: segment, which is not built\n");
    return expect_end("transforms");
}
