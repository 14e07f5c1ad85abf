/* adding.c -- the adding problem: 0.5 + (X1 + X2) / 4 of the two marked numbers of a long sequence. */
#include "marked_pairs.h"

static int read_example(void *self, const char *split, int64_t lanes, int64_t index, tn_rng rng, const tn_sink *sink)
{
    const maker *m = self;
    draws d = draws_of(m, &((const config *)m->config)->made, split, index, rng);
    float x1, x2;
    int64_t n = make_pairs(m, &d, -1, 0, &x1, &x2);
    (void)lanes;
    return put_pairs(m, n, 0.5f + (x1 + x2) / 4, sink);
}

static const tn_dataset table = { .size = sizeof table, .column = column, .load = load, .count = count, .read = read_example,
                                  .renew = renew };
static const tn_desc desc = {
    sizeof desc, TN_DATASET, &table, "adding", "the adding problem: two marked numbers of a long sequence",
    "Columns `pairs` (steps of two numbers) and `target` (one number). A sequence has T to T + T / 10 pairs of a "
    "number, uniform in [-1, 1], and a mark: 1 at one of the first ten pairs and at another one of the first T / 2 - "
    "1, -1 at the first and the last pair, else 0. With X1 and X2 the marked numbers,\n\n"
    "    target = 0.5 + (X1 + X2) / 4\n\n"
    "A first pair that is marked keeps its -1, and its number is 0. The paper calls an error below 0.04 correct. "
    "Hochreiter and Schmidhuber 1997, \"Long short-term memory\", experiment 4.",
    TN_OPTIONS(options), sizeof(config), sizeof(maker), NULL, open_pairs, maker_close, NULL, NULL, NULL };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("adding", "1.0.0", "Tenon", "MIT", "", parts)
