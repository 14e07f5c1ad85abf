/* marked_pairs.h -- sequences of pairs (number, mark), two of them marked: the input of `adding` and `multiplication`
 * (Hochreiter and Schmidhuber 1997, "Long short-term memory", experiments 4 and 5).                                */
#ifndef MARKED_PAIRS_H
#define MARKED_PAIRS_H
#include "generator.h"

typedef struct { generator made; int64_t length; } config;
static const tn_option options[] = {
    TN_INT(config, length, 100, 12, 1000000, "T: sequences have T to T + T / 10 pairs"), GENERATOR_OPTIONS(config) };

static int open_pairs(const tn_api *api, tn_host *host, const void *config_, void *self)
{
    int64_t most = ((const config *)config_)->length;
    return maker_open(api, host, config_, self, sizeof(float) * 2 * (size_t)(most + most / 10));
}

static int column(void *self, uint32_t i, tn_column *out)
{
    (void)self;
    if (i > 1) return TN_END;
    *out = i ? (tn_column){ sizeof *out, TN_F32, 0, 1, "target", 0, 0 } : (tn_column){ sizeof *out, TN_F32, 1, 2, "pairs", 0, 0 };
    return TN_OK;
}

/* Pairs with numbers uniform in [low, 1]. One of the first ten is marked by 1, then another one of the first T / 2 - 1 (of the
 * first two, where T is so small); the first and the last pair carry -1. A marked first pair keeps its -1 and its number
 * becomes `neutral`. x1, x2: the numbers of the marked pairs. Gives how many pairs there are.                        */
static int64_t make_pairs(const maker *m, draws *d, double low, float neutral, float *x1, float *x2)
{
    float *pair = (float *)m->room;
    int64_t T = ((const config *)m->config)->length, n = draw_int(d, T, T + T / 10), half = T / 2 - 1;
    for (int64_t t = 0; t < n; t++) pair[2 * t] = (float)(low + draw_real(d) * (1 - low)), pair[2 * t + 1] = 0;
    int64_t first = draw_int(d, 0, 9), second = draw_int(d, 0, half - (first < half ? 2 : 1));
    if (second >= first) second++;
    pair[2 * first + 1] = pair[2 * second + 1] = 1;
    pair[1] = pair[2 * n - 1] = -1;
    if (first == 0 || second == 0) pair[0] = neutral;
    *x1 = pair[2 * first], *x2 = pair[2 * second];
    return n;
}

static int put_pairs(const maker *m, int64_t n, float target, const tn_sink *sink)
{
    tn_value v = { sizeof v, TN_F32, 1, 2, n, n, NULL, m->room, NULL }, y = { sizeof y, TN_F32, 0, 1, 1, 1, NULL, &target, NULL };
    int rc = sink->put(sink->to, 0, &v);
    return rc ? rc : sink->put(sink->to, 1, &y);
}

GENERATOR_FUNCTIONS(config)
#endif
