/* temporal_order.c -- two or three symbols X or Y far apart among others: their order is the class. */
#include "generator.h"

typedef struct { generator made; int64_t marks; } config;
static const tn_option options[] = {
    TN_INT(config, marks, 2, 2, 3, "symbols X or Y: 2 make four classes (experiment 6a), 3 make eight (6b)"),
    GENERATOR_OPTIONS(config) };
enum { SHORTEST = 100, LONGEST = 110 };
/* First position of each mark, counted from 0 at the first symbol, E; the last one is ten further. */
static const int64_t places[2][3] = { { 10, 50, 0 }, { 10, 33, 66 } };

static int open_order(const tn_api *api, tn_host *host, const void *config_, void *self)
{
    return maker_open(api, host, config_, self, LONGEST);
}

static int column(void *self, uint32_t i, tn_column *out)
{
    (void)self;
    if (i > 1) return TN_END;
    *out = (tn_column){ sizeof *out, TN_TEXT, 0, 1, i ? "label" : "symbols", 0, 0 };
    return TN_OK;
}

static int read_example(void *self, const char *split, int64_t lanes, int64_t index, tn_rng rng, const tn_sink *sink)
{
    const maker *m = self;
    const config *c = m->config;
    draws d = draws_of(m, &c->made, split, index, rng);
    char *text = m->room;
    int64_t n = draw_int(&d, SHORTEST, LONGEST), order = 0;
    (void)lanes;
    for (int64_t t = 0; t < n; t++) text[t] = "abcd"[draw_int(&d, 0, 3)];
    text[0] = 'E', text[n - 1] = 'B';
    for (int64_t k = 0; k < c->marks; k++) {
        int64_t first = places[c->marks - 2][k], is_y = draw_int(&d, 0, 1);
        text[draw_int(&d, first, first + 10)] = is_y ? 'Y' : 'X';
        order = 2 * order + is_y;
    }
    int rc = put_made_text(sink, 0, text, n);
    return rc ? rc : put_made_text(sink, 1, &"QRSUVABC"[order], 1);
}

GENERATOR_FUNCTIONS(config)
static const tn_dataset table = { .size = sizeof table, .column = column, .load = load, .count = count, .read = read_example,
                                  .renew = renew };
static const tn_desc desc = {
    sizeof desc, TN_DATASET, &table, "temporal_order", "the order of symbols far apart among others",
    "Columns `symbols` (a text of one letter a symbol, for the transform `characters`) and `label`. A sequence of 100 "
    "to 110 symbols begins with E, ends with B and has a, b, c, d at random between them, but for X or Y at positions "
    "t1 and t2. With two marks (6a) t1 is in 10 .. 20 and t2 in 50 .. 60, and XX, XY, YX, YY are the classes Q, R, S, "
    "U; with three (6b) they are in 10 .. 20, 33 .. 43 and 66 .. 76, and XXX, XXY, ..., YYY are Q, R, S, U, V, A, B, "
    "C. E is at position 0. Hochreiter and Schmidhuber 1997, \"Long short-term memory\", experiments 6a and 6b.",
    TN_OPTIONS(options), sizeof(config), sizeof(maker), NULL, open_order, maker_close, NULL, NULL, NULL };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("temporal_order", "1.0.0", "Tenon", "MIT", "", parts)
