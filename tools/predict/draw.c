/* draw.c -- the next word of a text, drawn from the probabilities p_1 .. p_n of all words:
 *
 *     w_i = p_i^(1 / temperature)
 *     of these the top_k largest (Fan, Lewis, Dauphin 2018), of equal ones those of the smaller numbers
 *     of these the fewest, largest first, whose sum reaches top_p of the sum of all that are left (Holtzman et al. 2020)
 *     the first word, in the order of their numbers, at which w_1 + ... + w_i > u (w_1 + ... + w_n)
 * In double; no sum depends on threads.                                                                          */
#include <math.h>
#include <stdlib.h>
#include "../../host/memory.h"
#include "draw.h"

static int64_t most_probable(const float *p, int64_t n)
{
    int64_t best = 0;
    for (int64_t i = 1; i < n; i++)
        if (p[i] > p[best]) best = i;
    return best;
}

static void make_room(draw_room *r, int64_t n)
{
    if (n <= r->n) return;
    draw_free(r);
    r->weight = memory_new(sizeof *r->weight * (size_t)n), r->order = memory_new(sizeof *r->order * (size_t)n), r->n = n;
}

static int by_weight(const void *a_, const void *b_, void *weight)
{
    int32_t a = *(const int32_t *)a_, b = *(const int32_t *)b_;
    double x = ((double *)weight)[a], y = ((double *)weight)[b];
    return x > y ? -1 : x < y ? 1 : a < b ? -1 : 1;
}

/* The weights of words that are not among the best become 0. */
static void keep_best(const draw_rules *d, int64_t n, draw_room *r)
{
    int64_t most = d->top_k && d->top_k < n ? d->top_k : n, kept = 0;
    double all = 0, sum = 0;
    for (int64_t i = 0; i < n; i++) r->order[i] = (int32_t)i;
    qsort_r(r->order, (size_t)n, sizeof *r->order, by_weight, r->weight);
    for (int64_t i = 0; i < most; i++) all += r->weight[r->order[i]];
    for (; kept < most && (!kept || sum < d->top_p * all); kept++) sum += r->weight[r->order[kept]];
    for (int64_t i = kept; i < n; i++) r->weight[r->order[i]] = 0;
}

int64_t draw_word(const draw_rules *d, const float *p, int64_t n, double u, draw_room *r)
{
    double sum = 0, at = 0;
    int64_t best = most_probable(p, n), last = best;
    for (int64_t i = 0; i < n; i++) sum += (double)p[i];
    if (!(sum > 0 && sum < HUGE_VAL)) return -1; /* not a number, too */
    if (d->temperature == 0) return best;
    make_room(r, n);
    for (int64_t i = 0; i < n; i++) /* relative to the best, so that low temperatures leave something */
        r->weight[i] = d->temperature == 1 ? (double)p[i] : pow((double)p[i] / (double)p[best], 1 / d->temperature);
    if (d->top_k || d->top_p < 1) keep_best(d, n, r);
    sum = 0;
    for (int64_t i = 0; i < n; i++) sum += r->weight[i];
    for (int64_t i = 0; i < n; i++) {
        if (!(r->weight[i] > 0)) continue;
        at += r->weight[i], last = i;
        if (at > u * sum) return i;
    }
    return last;
}

void draw_free(draw_room *r)
{
    memory_free(r->weight);
    memory_free(r->order);
    r->weight = NULL, r->order = NULL, r->n = 0;
}
