/* mask.h -- the mask of dropout. It is a function of the step's random numbers and the element, so backward makes it
 * again and nothing is saved. */
#ifndef MASK_H
#define MASK_H
#include <tenon/random.h>
#include <tenon/vec.h>

enum { MASK_BLOCKS = 64 };                 /* a block is four elements, which share one draw of random numbers */

typedef struct mask_job { tn_rng rng; uint32_t limit; float scale; int64_t n; const float *x; float *y; int add; } mask_job;

/* m or fewer elements from i on: x m where the word is not below the limit, else 0 */
static inline void mask_lanes(const mask_job *b, const uint32_t *word, int64_t i, int64_t m)
{
    tn_vi w, limit = { 0 }, top = (tn_vi)tn_set(-0.0f); /* unsigned words are compared by turning their highest bit */
    memcpy(&w, word, sizeof w);
    limit += (int32_t)b->limit;
    tn_vi drops = (w ^ top) < (limit ^ top);
    tn_vf x = m >= TN_VL ? tn_load(b->x + i) : tn_loadn(b->x + i, m);
    tn_vf v = tn_select(drops, tn_set(0), x * tn_set(b->scale));
    if (b->add) v += m >= TN_VL ? tn_load(b->y + i) : tn_loadn(b->y + i, m);
    if (m >= TN_VL) tn_store(b->y + i, v);
    else tn_storen(b->y + i, v, m);
}

static void mask_piece(void *to, int64_t from, int64_t end)
{
    const mask_job *b = to;
    uint32_t word[4 * MASK_BLOCKS];
    for (int64_t q = from; q < end; q += MASK_BLOCKS) {
        int64_t blocks = end - q < MASK_BLOCKS ? end - q : MASK_BLOCKS,
                stop = 4 * (q + blocks) < b->n ? 4 * (q + blocks) : b->n;
        tn_random_words(b->rng, (uint64_t)q, blocks, word);
        for (int64_t i = 4 * q; i < stop; i += TN_VL) mask_lanes(b, word + (i - 4 * q), i, stop - i);
    }
}

/* y = x m (add: y += x m) over n elements, where m is 0 with probability `rate`, else 1 / (1 - rate). x == y allowed. */
static inline int mask_apply(tn_be *be, tn_rng rng, double rate, int64_t n, const float *x, float *y, int add)
{
    mask_job b = { rng, (uint32_t)(rate * 4294967296.0), (float)(1.0 / (1.0 - rate)), n, x, y, add };
    return be->ops->parallel_for(be, (n + 3) / 4, 1024, mask_piece, &b);
}
#endif
