/* multiplication.c -- the product X1 X2 of the two marked numbers of a long sequence. */
#include "marked_pairs.h"

static int read_example(void *self, const char *split, int64_t lanes, int64_t index, tn_rng rng, const tn_sink *sink)
{
    const maker *m = self;
    draws d = draws_of(m, &((const config *)m->config)->made, split, index, rng);
    float x1, x2;
    int64_t n = make_pairs(m, &d, 0, 1, &x1, &x2);
    (void)lanes;
    return put_pairs(m, n, x1 * x2, sink);
}

static const tn_dataset table = { .size = sizeof table, .column = column, .load = load, .count = count, .read = read_example,
                                  .renew = renew };
static const tn_desc desc = {
    sizeof desc, TN_DATASET, &table, "multiplication", "the product of two marked numbers of a long sequence",
    "As `adding`, with numbers uniform in [0, 1] and\n\n"
    "    target = X1 X2\n\n"
    "A first pair that is marked keeps its -1, and its number is 1. Hochreiter and Schmidhuber 1997, \"Long "
    "short-term memory\", experiment 5.",
    TN_OPTIONS(options), sizeof(config), sizeof(maker), NULL, open_pairs, maker_close, NULL, NULL, NULL };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("multiplication", "1.0.0", "Tenon", "MIT", "", parts)
