/* copy.c -- symbols to be repeated after a long delay: the copying memory problem. */
#include "generator.h"

typedef struct { generator made; int64_t length, delay, symbols; } config;
static const tn_option options[] = {
    TN_INT(config, length, 10, 1, 100000, "symbols that are to be repeated"),
    TN_INT(config, delay, 100, 1, 1000000, "T: steps from the last symbol to the sign to repeat them"),
    TN_INT(config, symbols, 8, 2, 26, "different symbols: a, b, c ..."), GENERATOR_OPTIONS(config) };

static int open_copy(const tn_api *api, tn_host *host, const void *config_, void *self)
{
    const config *c = config_;
    return maker_open(api, host, config_, self, 2 * (size_t)(c->delay + 2 * c->length));
}

static int column(void *self, uint32_t i, tn_column *out)
{
    (void)self;
    if (i > 1) return TN_END;
    *out = (tn_column){ sizeof *out, TN_TEXT, 0, 1, i ? "output" : "input", 0, 0 };
    return TN_OK;
}

/* Input: the symbols, T - 1 blanks, the sign, as many blanks. Output: T + length blanks, the symbols. */
static int read_example(void *self, const char *split, int64_t lanes, int64_t index, tn_rng rng, const tn_sink *sink)
{
    const maker *m = self;
    const config *c = m->config;
    draws d = draws_of(m, &c->made, split, index, rng);
    int64_t n = c->delay + 2 * c->length;
    char *in = m->room, *out = in + n;
    (void)lanes;
    memset(in, '_', (size_t)(2 * n));
    for (int64_t t = 0; t < c->length; t++) in[t] = out[c->delay + c->length + t] = (char)('a' + draw_int(&d, 0, c->symbols - 1));
    in[c->length + c->delay - 1] = ':';
    int rc = put_made_text(sink, 0, in, n);
    return rc ? rc : put_made_text(sink, 1, out, n);
}

GENERATOR_FUNCTIONS(config)
static const tn_dataset table = { .size = sizeof table, .column = column, .load = load, .count = count, .read = read_example,
                                  .renew = renew };
static const tn_desc desc = {
    sizeof desc, TN_DATASET, &table, "copy", "symbols to be repeated after a long delay",
    "Columns `input` and `output`, texts of one letter a symbol, for the transform `characters`, both T + 2 `length` "
    "long. The input has `length` symbols, equally likely, then T - 1 blanks `_`, the sign `:`, and `length` blanks; "
    "the output T + `length` blanks, then the symbols. Who forgets them cannot do better than a cross entropy of "
    "`length ln(symbols) / (T + 2 length)` a step. Hochreiter and Schmidhuber 1997; in this form Arjovsky, Shah and "
    "Bengio 2016, \"Unitary evolution recurrent neural networks\".",
    TN_OPTIONS(options), sizeof(config), sizeof(maker), NULL, open_copy, maker_close, NULL, NULL, NULL };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("copy", "1.0.0", "Tenon", "MIT", "", parts)
