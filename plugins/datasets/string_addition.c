/* string_addition.c -- sums as texts: "52+7" and "59". */
#include <math.h>
#include <stdio.h>
#include "generator.h"

typedef struct { generator made; int64_t digits; int32_t reverse, pad, distinct; } config;
static const tn_option options[] = {
    TN_INT(config, digits, 3, 1, 9, "most digits of a number"),
    TN_BOOL(config, reverse, 1, "the question is written from its end, which is easier to learn"),
    TN_BOOL(config, pad, 1, "spaces fill questions and answers up to the longest there can be"),
    TN_BOOL(config, distinct, 0, "no question comes twice, in either order"), GENERATOR_OPTIONS(config) };

typedef struct pair { int64_t a, b; } pair;
typedef struct { maker m; pair *pairs; } addition;   /* pairs: of all splits one after the other, where they are distinct; NULL */

static int64_t all_examples(const generator *g) { return g->examples[0] + g->examples[1] + g->examples[2]; }

static int open_addition(const tn_api *api, tn_host *host, const void *config_, void *self)
{
    const config *c = config_;
    double numbers = pow(10, (double)c->digits), all = (double)all_examples(&c->made);
    ((addition *)self)->pairs = NULL;
    if (c->distinct && c->made.fresh)
        return tn_fail(api, host, TN_EINVAL, "distinct: with `fresh` every epoch has new questions, which cannot all be distinct");
    if (c->distinct && all > numbers * (numbers + 1) / 2)
        return tn_fail(api, host, TN_EINVAL, "distinct: %.0f examples are wanted, but there are %.0f questions of up to %lld digits",
                       all, numbers * (numbers + 1) / 2, (long long)c->digits);
    return maker_open(api, host, config_, self, 64);
}

static void close_addition(void *self)
{
    addition *s = self;
    free(s->pairs);
    s->pairs = NULL;
    maker_close(&s->m);
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

static pair draw_pair(draws *d, int64_t digits)
{
    int64_t a = draw_number(d, digits);
    return (pair){ a, draw_number(d, digits) };
}

/* Adds a question to a table of `room` places, a power of two, that is half empty at least. 0: it is there already. */
static int add_distinct(pair *table, uint64_t room, pair q)
{
    pair k = { q.a < q.b ? q.a : q.b, (q.a < q.b ? q.b : q.a) + 1 };   /* + 1: an empty place is {0, 0}             */
    uint64_t at = ((uint64_t)k.a * 0x9e3779b97f4a7c15u ^ (uint64_t)k.b * 0xd6e8feb86659fd93u) >> 20 & (room - 1);
    for (; table[at].b; at = (at + 1) & (room - 1))
        if (table[at].a == k.a && table[at].b == k.b) return 0;
    table[at] = k;
    return 1;
}

/* Questions one after the other, those left out that were there; then in any order, since rare ones come late. */
static int draw_distinct(addition *s, tn_rng rng)
{
    const config *c = s->m.config;
    int64_t n = all_examples(&c->made), got = 0;
    uint64_t room = 16;
    while (room < 2 * (uint64_t)n) room *= 2;
    pair *table = calloc(room, sizeof *table);
    s->pairs = calloc((size_t)n, sizeof *s->pairs);
    if (!table || !s->pairs) {
        free(table);
        return tn_fail(s->m.api, s->m.host, TN_ENOMEM, "no memory for %lld distinct questions", (long long)n);
    }
    draws d = { tn_random_fork((tn_rng){ c->made.data_seed ? (uint64_t)c->made.data_seed : rng.key, 0 }, GENERATOR_SPLITS), 0 };
    while (got < n) {
        pair q = draw_pair(&d, c->digits);
        if (add_distinct(table, room, q)) s->pairs[got++] = q;
    }
    for (int64_t i = n - 1; i > 0; i--) {
        int64_t k = draw_int(&d, 0, i);
        pair keep = s->pairs[i];
        s->pairs[i] = s->pairs[k], s->pairs[k] = keep;
    }
    free(table);
    return TN_OK;
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

/* A question of a split: from the list, or drawn until it belongs there. */
static int find_pair(addition *s, const char *split, int64_t index, tn_rng rng, pair *q)
{
    const config *c = s->m.config;
    int rc = c->distinct && !s->pairs ? draw_distinct(s, rng) : TN_OK;
    if (rc) return rc;
    if (c->distinct) {
        for (int i = 0; i < GENERATOR_SPLITS && strcmp(generator_splits[i], split); i++) index += c->made.examples[i];
        *q = s->pairs[index];
        return TN_OK;
    }
    draws d = draws_of(&s->m, &c->made, split, index, rng);
    for (int tries = 0; tries < 1000000; tries++) {
        *q = draw_pair(&d, c->digits);
        if (!strcmp(generator_splits[split_of(&c->made, q->a, q->b)], split)) return TN_OK;
    }
    return tn_fail(s->m.api, s->m.host, TN_EINVAL, "numbers of %lld digits leave no question to the %s split; give it more examples",
                   (long long)c->digits, split);
}

static int read_example(void *self, const char *split, int64_t lanes, int64_t index, tn_rng rng, const tn_sink *sink)
{
    const maker *m = self;
    const config *c = m->config;
    char *text = m->room;
    pair q = { 0, 0 };
    (void)lanes;
    int rc = find_pair(self, split, index, rng, &q);
    if (rc) return rc;
    snprintf(text, 64, "%lld+%lld", (long long)q.a, (long long)q.b);
    rc = put_made_text(sink, 0, text, write_padded(c, text, 2 * c->digits + 1, c->reverse));
    snprintf(text, 64, "%lld", (long long)(q.a + q.b));
    return rc ? rc : put_made_text(sink, 1, text, write_padded(c, text, c->digits + 1, 0));
}

/* A question as people write it. */
static int read_line(void *self, uint32_t i, const char *text, int64_t n, const tn_sink *sink)
{
    const maker *m = self;
    const config *c = m->config;
    int64_t longest = i ? c->digits + 1 : 2 * c->digits + 1;
    char *room = m->room;
    if (n > longest)
        return tn_fail(m->api, m->host, TN_EINVAL, "%lld characters; with numbers of up to %lld digits there are at most %lld",
                       (long long)n, (long long)c->digits, (long long)longest);
    memcpy(room, text, (size_t)n);
    room[n] = 0;
    return put_made_text(sink, 0, room, write_padded(c, room, longest, !i && c->reverse));
}

GENERATOR_FUNCTIONS(config)
static const tn_dataset table = { .size = sizeof table, .column = column, .load = load, .count = count, .read = read_example,
                                  .line = read_line, .renew = renew };
static const tn_desc desc = {
    sizeof desc, TN_DATASET, &table, "string_addition", "sums of two numbers as texts",
    "Columns `question` (\"52+7\") and `answer` (\"59\"), texts for the transform `characters`. A number has 1 to "
    "`digits` digits, equally likely, each 0 to 9, and is written without leading zeros. Spaces fill the question up "
    "to 2 `digits` + 1 characters and the answer up to `digits` + 1; then the question is reversed, a line of `predict`, too. A pair of numbers "
    "belongs to one split alone, in either order; within a split it may come again, unless the questions are `distinct`, "
    "as in Keras' example addition_rnn: then they are drawn as before, those left out that came already, and shuffled.",
    TN_OPTIONS(options), sizeof(config), sizeof(addition), NULL, open_addition, close_addition, NULL, NULL, NULL };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("string_addition", "1.0.0", "Tenon", "MIT", "", parts)
