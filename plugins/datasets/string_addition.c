/* string_addition.c -- sums as texts: "52+7" and "59". */
#include <stdio.h>
#include "generator.h"

typedef struct { generator made; int64_t digits; int32_t reverse, pad; } config;
static const tn_option options[] = {
    TN_INT(config, digits, 3, 1, 9, "most digits of a number"),
    TN_BOOL(config, reverse, 1, "the question is written from its end, which is easier to learn"),
    TN_BOOL(config, pad, 1, "spaces fill questions and answers up to the longest there can be"), GENERATOR_OPTIONS(config) };

static int open_addition(const tn_api *api, tn_host *host, const void *config_, void *self)
{
    return maker_open(api, host, config_, self, 64);
}

static int column(void *self, uint32_t i, tn_column *out)
{
    (void)self;
    if (i > 1) return TN_END;
    *out = (tn_column){ sizeof *out, TN_TEXT, 0, 1, i ? "answer" : "question", 0, 0 };
    return TN_OK;
}

/* A number of 1 .. digits digits, each 0 .. 9. */
static int64_t draw_number(draws *d, int64_t digits)
{
    int64_t n = 0;
    for (int64_t k = draw_int(d, 1, digits); k > 0; k--) n = 10 * n + draw_int(d, 0, 9);
    return n;
}

/* The split that a question belongs to, whichever number comes first: by a hash, in the shares of the splits' sizes. */
static int split_of(const generator *g, int64_t a, int64_t b)
{
    tn_rng of = { (uint64_t)(a < b ? a : b), (uint64_t)(a < b ? b : a) };
    double all = (double)g->examples[0] + (double)g->examples[1] + (double)g->examples[2], u = tn_random_real(of, 0) * all;
    return u < (double)g->examples[0] ? 0 : u < (double)(g->examples[0] + g->examples[1]) ? 1 : 2;
}

static int64_t write_padded(const config *c, char *to, int64_t longest, int reversed)
{
    int64_t n = (int64_t)strlen(to);
    while (c->pad && n < longest) to[n++] = ' ';
    for (int64_t i = 0; reversed && i < n / 2; i++) {
        char keep = to[i];
        to[i] = to[n - 1 - i], to[n - 1 - i] = keep;
    }
    return n;
}

static int read_example(void *self, const char *split, int64_t lanes, int64_t index, tn_rng rng, const tn_sink *sink)
{
    const maker *m = self;
    const config *c = m->config;
    draws d = draws_of(m, &c->made, split, index, rng);
    int64_t a, b, tries = 0;
    char *text = m->room;
    (void)lanes;
    do a = draw_number(&d, c->digits), b = draw_number(&d, c->digits);
    while (strcmp(generator_splits[split_of(&c->made, a, b)], split) && ++tries < 1000000);
    if (tries == 1000000)
        return tn_fail(m->api, m->host, TN_EINVAL, "numbers of %lld digits leave no question to the %s split; give it more examples",
                       (long long)c->digits, split);
    snprintf(text, 64, "%lld+%lld", (long long)a, (long long)b);
    int rc = put_made_text(sink, 0, text, write_padded(c, text, 2 * c->digits + 1, c->reverse));
    snprintf(text, 64, "%lld", (long long)(a + b));
    return rc ? rc : put_made_text(sink, 1, text, write_padded(c, text, c->digits + 1, 0));
}

GENERATOR_FUNCTIONS(config)
static const tn_dataset table = { .size = sizeof table, .column = column, .load = load, .count = count, .read = read_example,
                                  .renew = renew };
static const tn_desc desc = {
    sizeof desc, TN_DATASET, &table, "string_addition", "sums of two numbers as texts",
    "Columns `question` (\"52+7\") and `answer` (\"59\"), texts for the transform `characters`. A number has 1 to "
    "`digits` digits, equally likely, each 0 to 9, and is written without leading zeros. Spaces fill the question up "
    "to 2 `digits` + 1 characters and the answer up to `digits` + 1; then the question is reversed. A pair of numbers "
    "belongs to one split alone, in either order; within a split it may come again. As Keras' example addition_rnn, "
    "which draws no question twice.",
    TN_OPTIONS(options), sizeof(config), sizeof(maker), NULL, open_addition, maker_close, NULL, NULL, NULL };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("string_addition", "1.0.0", "Tenon", "MIT", "", parts)
