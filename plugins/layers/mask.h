/* mask.h -- the mask of dropout. It is a function of the step's random numbers and the element, so backward makes it
 * again and nothing is saved.                                                                                  */
#ifndef MASK_H
#define MASK_H
#include <tenon/random.h>

typedef struct mask_job { tn_rng rng; uint32_t limit; float scale; int64_t n; const float *x; float *y; int add; } mask_job;

/* Pieces are counted in fours: four elements share one draw of random numbers. */
static void mask_piece(void *to, int64_t from, int64_t end)
{
    const mask_job *b = to;
    for (int64_t q = from; q < end; q++) {
        uint32_t word[4];
        tn_random4(b->rng, (uint64_t)q, word);
        for (int64_t i = 4 * q, k = 0; k < 4 && i < b->n; i++, k++) {
            float v = word[k] < b->limit ? 0.0f : b->x[i] * b->scale;
            b->y[i] = b->add ? b->y[i] + v : v;
        }
    }
}

/* y = x m (add: y += x m) over n elements, where m is 0 with probability `rate`, else 1 / (1 - rate). x == y allowed. */
static inline int mask_apply(tn_be *be, tn_rng rng, double rate, int64_t n, const float *x, float *y, int add)
{
    mask_job b = { rng, (uint32_t)(rate * 4294967296.0), (float)(1.0 / (1.0 - rate)), n, x, y, add };
    return be->ops->parallel_for(be, (n + 3) / 4, 1024, mask_piece, &b);
}
#endif
