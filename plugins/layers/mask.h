/* mask.h -- the masks of dropout: of single numbers, of whole rows, of one row for all steps of a sequence. A mask is a
 * function of the step's random numbers and the element, so backward makes it again and nothing is saved. */
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

/* ---- all steps of a sequence alike -------------------------------------------------------------------------------- */
typedef struct mask_steps { mask_job of; const tn_layout *l; int64_t width; } mask_steps;

/* Sequences from .. end - 1. The mask of one is by its row in the parent, and its draws begin with a block of their own. */
static void mask_sequences_piece(void *to, int64_t from, int64_t end)
{
    const mask_steps *b = to;
    const tn_layout *l = b->l;
    uint32_t word[4 * MASK_BLOCKS];
    int64_t n = (b->width + 3) / 4;
    for (int64_t s = from; s < end; s++)
        for (int64_t q = 0; q < n && l->length[s] > 0; q += MASK_BLOCKS) {
            int64_t blocks = n - q < MASK_BLOCKS ? n - q : MASK_BLOCKS,
                    stop = 4 * (q + blocks) < b->width ? 4 * (q + blocks) : b->width;
            tn_random_words(b->of.rng, (uint64_t)(l->order[s] * n + q), blocks, word);
            for (int32_t t = 0; t < l->length[s]; t++)
                for (int64_t j = 4 * q, row = (l->first[t] + s) * b->width; j < stop; j += TN_VL)
                    mask_lanes(&b->of, word + (j - 4 * q), row + j, stop - j);
        }
}

/* The same over the rows of a layout, m the same at all steps of a sequence. */
static inline int mask_sequences(tn_be *be, tn_rng rng, double rate, const tn_layout *l, int64_t width, const float *x, float *y,
                                 int add)
{
    mask_steps b = { { rng, (uint32_t)(rate * 4294967296.0), (float)(1.0 / (1.0 - rate)), 0, x, y, add }, l, width };
    return be->ops->parallel_for(be, l->sequences, 8, mask_sequences_piece, &b);
}

/* ---- whole rows ------------------------------------------------------------------------------------------------------ */
typedef struct mask_whole { mask_job of; const int32_t *key; int64_t width; } mask_whole;

static void mask_rows_piece(void *to, int64_t from, int64_t end)
{
    const mask_whole *b = to;
    for (int64_t r = from; r < end; r++) {
        int drops = tn_random_u32(b->of.rng, (uint64_t)(b->key ? b->key[r] : r)) < b->of.limit;
        tn_vf by = tn_set(b->of.scale);
        for (int64_t j = 0, i = r * b->width; j < b->width; j += TN_VL, i += TN_VL) {
            int64_t left = b->width - j;
            tn_vf v = drops ? tn_set(0) : by * (left >= TN_VL ? tn_load(b->of.x + i) : tn_loadn(b->of.x + i, left));
            if (b->of.add) v += left >= TN_VL ? tn_load(b->of.y + i) : tn_loadn(b->of.y + i, left);
            if (left >= TN_VL) tn_store(b->of.y + i, v);
            else tn_storen(b->of.y + i, v, left);
        }
    }
}

/* The same over rows, m the same in all numbers of a row: that of key[r], or of r where key is NULL. */
static inline int mask_rows(tn_be *be, tn_rng rng, double rate, const int32_t *key, int64_t rows, int64_t width, const float *x,
                            float *y, int add)
{
    mask_whole b = { { rng, (uint32_t)(rate * 4294967296.0), (float)(1.0 / (1.0 - rate)), 0, x, y, add }, key, width };
    return be->ops->parallel_for(be, rows, 64, mask_rows_piece, &b);
}

/* ---- masks of states --------------------------------------------------------------------------------------------- */
/* mask [sequences, width], 0 or 1 / (1 - rate), by the parent's row: for what is masked again at each step. */
static inline void mask_states(tn_rng rng, double rate, const tn_layout *l, int64_t width, float *mask)
{
    float keep = (float)(1 / (1 - rate)), below = (float)rate;
    for (int64_t s = 0; s < l->sequences; s++)
        for (int64_t j = 0; j < width; j++)
            mask[s * width + j] = tn_random_uniform(rng, (uint64_t)(l->order[s] * width + j)) < below ? 0 : keep;
}
#endif
