/* embedded_reber.c -- a Reber string between two equal symbols, the second of which can be told from the first alone. */
#include "reber_grammar.h"

static int read_example(void *self, const char *split, int64_t lanes, int64_t index, tn_rng rng, const tn_sink *sink)
{
    const maker *m = self;
    draws d = draws_of(m, &((const config *)m->config)->made, split, index, rng);
    string s;
    int fits;
    (void)lanes;
    do {
        const char *const side = draw_int(&d, 0, 1) ? "P" : "T";
        s = empty_string(m);
        fits = add_symbol(&s, 'B', "TP") && add_symbol(&s, *side, "B") && walk(&s, &d, side) && add_symbol(&s, *side, "E")
            && add_symbol(&s, 'E', "");
    } while (!fits);
    return put_string(&s, sink);
}

static const tn_dataset table = { .size = sizeof table, .column = column, .load = load, .count = count, .read = read_example,
                                  .renew = renew };
static const tn_desc desc = {
    sizeof desc, TN_DATASET, &table, "embedded_reber", "Reber strings between two symbols that must be equal",
    REBER_COLUMNS "A string is B, then T or P with probability 1/2, a whole string of `reber`, the same T or P, and E: what the "
    "symbol before the last is can only be told from the second. Hochreiter and Schmidhuber 1997, \"Long short-term "
    "memory\", experiment 1; the grammar as in Fahlman 1991, \"The recurrent cascade-correlation architecture\".",
    TN_OPTIONS(options), sizeof(config), sizeof(maker), NULL, open_reber, maker_close, NULL, NULL, NULL };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("embedded_reber", "1.0.0", "Tenon", "MIT", "", parts)
