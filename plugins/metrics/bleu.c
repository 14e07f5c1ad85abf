/* bleu.c -- BLEU of whole sequences: how many runs of one to four words the output shares with the target. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <tenon/tenon.h>

enum { NONE, EXP, FLOOR, ADD };
static const char *const smoothings[] = { "none", "exp", "floor", "add", NULL };
typedef struct config { int64_t order; int32_t smoothing; double smooth_value; const char *begin, *end, *unknown; } config;
typedef struct metric {
    const config *options;
    uint32_t means; int64_t width;         /* of the output; ids, or a value for each word                        */
    int32_t begin, end, unknown;           /* ids; -1: there is no such word                                      */
    int32_t *word[2]; int64_t room[2];     /* one sequence, words that count                                      */
} metric;
enum { OUTPUT, TARGET };
/* Sums: words of outputs and of targets, then for each n the n-grams that agree and all of the output. */
enum { SAID, TRUE_, GRAMS };
enum { MOST_ORDER = 16 };

static const tn_option options[] = {
    TN_INT(config, order, 4, 1, MOST_ORDER, "the longest runs of words that are compared"),
    TN_ENUM(config, smoothing, EXP, smoothings, "what stands for a precision of 0: nothing, 1/2, 1/4 ... matches in turn, "
                                                "`smooth_value` matches, or that added to every count from n = 2 on"),
    TN_REAL(config, smooth_value, -1, -1, 1e6, "for floor and add; -1: 0.1 for floor, 1 for add"),
    TN_STR(config, begin, "<sos>", "a word that is left out wherever it stands"),
    TN_STR(config, end, "<eos>", "a word that ends a sequence: it and what follows are left out"),
    TN_STR(config, unknown, "<unknown>", "a word that agrees with nothing, not even itself"),
};

static int open(const tn_api *api, tn_host *host, const void *opts, void *self)
{
    (void)api, (void)host;
    ((metric *)self)->options = opts;
    return TN_OK;
}

static void close(void *self)
{
    metric *m = self;
    for (int k = 0; k < 2; k++) {
        free(m->word[k]);
        m->word[k] = NULL, m->room[k] = 0;
    }
}

static int32_t find_word(const tn_api *api, tn_host *host, const tn_spec *t, const char *word)
{
    for (int32_t id = 0; word && t->vocabulary && id < t->classes; id++) {
        const char *s = api->word(host, t->vocabulary, id);
        if (!s) break;
        if (!strcmp(s, word)) return id;
    }
    return -1;
}

static int plan(const tn_api *api, tn_host *host, const void *opts, void *self, uint32_t n_in,
                const tn_spec *const *in, uint32_t *sums)
{
    metric *m = self;
    const config *o = opts;
    const tn_spec *x = in[OUTPUT], *t = n_in > TARGET ? in[TARGET] : NULL;
    if (!t || t->means != TN_IDS) return tn_fail(api, host, TN_ESHAPE, "bleu: the target must be words");
    if (x->layout == TN_ROOT || t->layout == TN_ROOT)
        return tn_fail(api, host, TN_ESHAPE, "bleu: output and target must have steps; one row an example is no sentence");
    if (x->means != TN_IDS && t->classes > 0 && x->width != t->classes)
        return tn_fail(api, host, TN_ESHAPE, "bleu: the output has %lld values a row but there are %lld words",
                       (long long)x->width, (long long)t->classes);
    m->means = x->means, m->width = x->width;
    m->begin = find_word(api, host, t, o->begin);
    m->end = find_word(api, host, t, o->end);
    m->unknown = find_word(api, host, t, o->unknown);
    *sums = (uint32_t)(GRAMS + 2 * o->order);
    return TN_OK;
}

/* The word of row r: an id, or the largest of a value for each word. */
static int32_t word_of(const metric *m, const tn_tensor *x, int k, int64_t r)
{
    if (k == TARGET || m->means == TN_IDS) return ((const int32_t *)x->data)[r];
    const float *v = (const float *)x->data + r * m->width;
    int32_t best = 0;
    for (int32_t j = 1; j < m->width; j++) best = v[j] > v[best] ? j : best;
    return best;
}

/* The words of the sequence of a parent's row into m->word[k]; how many, or -1: no memory. */
static int64_t read_words(metric *m, const tn_tensor *x, int k, int32_t parent_row)
{
    const tn_layout *l = x->lay;
    int32_t s = l->place[parent_row], length = l->length[s];
    int64_t n = 0;
    if (length > m->room[k]) {
        int32_t *more = realloc(m->word[k], sizeof *more * (size_t)length);
        if (!more) return -1;
        m->word[k] = more, m->room[k] = length;
    }
    for (int32_t t = 0; t < length; t++) {
        int32_t w = word_of(m, x, k, l->first[t] + s);
        if (w < 0 || w == m->end) break; /* behind the end of a decoded path stands -1 */
        if (w != m->begin) m->word[k][n++] = w;
    }
    return n;
}

/* How often the n words at w stand in the m words at text. */
static int64_t occurrences(const int32_t *w, int64_t n, const int32_t *text, int64_t m)
{
    int64_t times = 0;
    for (int64_t i = 0; i + n <= m; i++) times += !memcmp(w, text + i, sizeof *w * (size_t)n);
    return times;
}

static int holds(const int32_t *w, int64_t n, int32_t word)
{
    for (int64_t i = 0; i < n; i++)
        if (w[i] == word) return 1;
    return 0;
}

/* n-grams of x that stand in y, each at most as often as it does there. */
static int64_t matches(const metric *m, int64_t n, const int32_t *x, int64_t nx, const int32_t *y, int64_t ny)
{
    int64_t sum = 0;
    for (int64_t i = 0; i + n <= nx; i++) {
        int64_t before = occurrences(x + i, n, x, i + n - 1);
        if (before < occurrences(x + i, n, y, ny) && !(m->unknown >= 0 && holds(x + i, n, m->unknown))) sum++;
    }
    return sum;
}

static int update(void *self, const tn_call *c, double *sum)
{
    metric *m = self;
    if (c->in[OUTPUT]->lay->parent != c->in[TARGET]->lay->parent)
        return tn_fail(c->api, c->host, TN_ESHAPE, "bleu: the sequences of the output are not those of the target");
    for (int32_t row = 0; row < c->in[TARGET]->lay->sequences; row++) {
        int64_t nx = read_words(m, c->in[OUTPUT], OUTPUT, row), ny = read_words(m, c->in[TARGET], TARGET, row);
        if (nx < 0 || ny < 0) return tn_fail(c->api, c->host, TN_ENOMEM, "bleu: no memory for a sequence");
        sum[SAID] += (double)nx, sum[TRUE_] += (double)ny;
        for (int64_t n = 1; n <= m->options->order && n <= nx; n++) {
            sum[GRAMS + 2 * n - 2] += (double)matches(m, n, m->word[OUTPUT], nx, m->word[TARGET], ny);
            sum[GRAMS + 2 * n - 1] += (double)(nx - n + 1);
        }
    }
    return TN_OK;
}

/* Precisions of n = 1 .. order, smoothed; 0 where the output has no run that long, and all 0 where nothing is right at all. */
static void precisions(const config *o, const double *sum, double *p)
{
    double any = 0;
    for (int64_t n = 0; n < o->order; n++) any += sum[GRAMS + 2 * n], p[n] = 0;
    if (any == 0) return;
    double half = 1, value = o->smooth_value >= 0 ? o->smooth_value : o->smoothing == FLOOR ? 0.1 : 1;
    for (int64_t n = 1; n <= o->order; n++) {
        double hit = sum[GRAMS + 2 * n - 2], all = sum[GRAMS + 2 * n - 1];
        if (o->smoothing == ADD && n > 1) hit += value, all += value;
        if (hit == 0 && o->smoothing == EXP) half /= 2, hit = half;
        if (hit == 0 && o->smoothing == FLOOR) hit = value;
        p[n - 1] = sum[GRAMS + 2 * n - 1] > 0 || (o->smoothing == ADD && n > 1 && all > 0) ? hit / all : 0;
    }
}

/* 100 exp(mean of ln precision) exp(1 - true / said), the last only where fewer words were said than are true. */
static double bleu(const config *o, const double *sum, const double *p, double *brevity)
{
    double logs = 0;
    *brevity = sum[SAID] >= sum[TRUE_] ? 1 : sum[SAID] > 0 ? exp(1 - sum[TRUE_] / sum[SAID]) : 0;
    for (int64_t n = 0; n < o->order; n++) logs += log(p[n]) / (double)o->order;
    return 100 * *brevity * exp(logs);     /* 0 where a precision is                                            */
}

static int result(void *self, const double *sum, uint32_t i, const char **name, double *value,
                  int32_t *higher_is_better)
{
    static const char *const names[] = { "precision_1", "precision_2", "precision_3", "precision_4", "precision_5", "precision_6",
        "precision_7", "precision_8", "precision_9", "precision_10", "precision_11", "precision_12", "precision_13",
        "precision_14", "precision_15", "precision_16" };
    const config *o = ((const metric *)self)->options;
    double p[MOST_ORDER], brevity;
    precisions(o, sum, p);
    double score = bleu(o, sum, p, &brevity);
    int64_t n = (int64_t)i - 1;
    *higher_is_better = 1;
    if (i == 0) *name = NULL, *value = score;
    else if (n < o->order) *name = names[n], *value = 100 * p[n];
    else if (n == o->order) *name = "brevity_penalty", *value = brevity;
    else if (n == o->order + 1) *name = "length_ratio", *value = sum[TRUE_] > 0 ? sum[SAID] / sum[TRUE_] : 0;
    else return TN_END;
    return TN_OK;
}

static const tn_metric table = { sizeof table, 0, 2, 2, plan, update, result };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_METRIC, .table = &table, .name = "bleu",
    .brief = "BLEU of decoded sequences against one target each",
    .doc = "BLEU = 100 b exp(1/4 (ln p_1 + ... + ln p_4)), where p_n is the share of the n-grams of all outputs\n"
           "of the split that stand in their target, each counted no more often than it stands there, and\n"
           "b = exp(1 - true / said) where the outputs have fewer words than the targets, else 1: one figure\n"
           "for the corpus, from 0 to 100. Equal to sacrebleu's corpus BLEU with tokenize = none and one\n"
           "reference, on the tokens that the model reads; `smoothing` and its values are those of\n"
           "sacrebleu (add is its add-k), which like this one gives 0 where not even one word agrees.\n\n"
           "`input` is what a layer decodes (`decoder.decoded`); an output with a value for each word is\n"
           "taken at its largest. A sequence ends before its first `end`; `begin` is left out. Where the\n"
           "vocabulary has no such words, nothing is. An unknown word agrees with nothing, since the word\n"
           "that stood in the text was another one: a vocabulary that knows little can't score by that.\n"
           "For figures of papers that let unknown words agree: unknown = \"\". Published figures on untokenised\n"
           "text are other numbers.\n\n"
           "Further results: `.precision_1` ..., `.brevity_penalty`, `.length_ratio`.\n\n"
           "Sources: Papineni, Roukos, Ward, Zhu, *BLEU: a Method for Automatic Evaluation of Machine\n"
           "Translation* (ACL 2002); Chen, Cherry, *A Systematic Comparison of Smoothing Techniques for\n"
           "Sentence-Level BLEU* (2014); Post, *A Call for Clarity in Reporting BLEU Scores* (2018).\n",
    TN_OPTIONS(options), .config_size = sizeof(config), .self_size = sizeof(metric), .open = open, .close = close };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("bleu", "1.0", "The Tenon authors", "MIT", "", parts)
