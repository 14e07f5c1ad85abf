/* reber.c -- strings of the Reber grammar, whose next symbol is to be predicted. */
#include "reber_grammar.h"

static int read_example(void *self, const char *split, int64_t lanes, int64_t index, tn_rng rng, const tn_sink *sink)
{
    const maker *m = self;
    draws d = draws_of(m, &((const config *)m->config)->made, split, index, rng);
    string s;
    (void)lanes;
    do s = empty_string(m);
    while (!walk(&s, &d, ""));
    return put_string(&s, sink);
}

static const tn_dataset table = { .size = sizeof table, .column = column, .load = load, .count = count, .read = read_example,
                                  .renew = renew };
static const tn_desc desc = {
    sizeof desc, TN_DATASET, &table, "reber", "strings of the Reber grammar",
    REBER_COLUMNS "A string is a walk from B to E; of the two ways out of a node each is taken with probability 1/2:\n\n"
    "    B 0    0: T 1, P 2    1: S 1, X 3    2: T 2, V 4    3: X 2, S 5    4: P 3, V 5    5: E\n\n"
    "Reber 1967, \"Implicit learning of artificial grammars\"; Cleeremans, Servan-Schreiber and McClelland 1989, "
    "\"Finite state automata and simple recurrent networks\".",
    TN_OPTIONS(options), sizeof(config), sizeof(maker), NULL, open_reber, maker_close, NULL, NULL, NULL };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("reber", "1.0.0", "Tenon", "MIT", "", parts)
