/* attention_decoder.h -- what attention_decoder.c shares with its search: the plan, and one step's attention and features.
 *
 * T steps, B sequences, N rows of the target, M rows of the source; V words, E width of an embedding, C of a row of the source,
 * Q of the state that asks, U of what it is compared by, F of what the output reads.                                   */
#ifndef ATTENTION_DECODER_H
#define ATTENTION_DECODER_H
#include <stdlib.h>
#include <string.h>
#include <tenon/tenon.h>
#include "attend.h"

enum { TARGET, SOURCE };                   /* inputs                                                                     */
enum { ADDITIVE, DOT, GENERAL, NONE };     /* attention.type                                                             */
enum { STATE, CONTEXT, EMBEDDING, READS }; /* output.reads                                                               */
enum { MOST_STATES = 8 };

typedef struct config {
    struct { int64_t width; double dropout; } embedding;
    tn_part *cell;
    struct { int32_t type, scale; int64_t units; } attention;
    struct { int64_t units; tn_list reads; } output;
    double teacher_forcing;
    const char *begin, *end;
    int64_t max_length;
} config;
typedef struct decoder {
    const config *o;
    int64_t words, embedding, source, query, state, units, features; /* V E C Q, of the cell's output, U F; C 0: NONE   */
    int64_t state_width[MOST_STATES], at[READS];       /* at: first column among the features; -1: not read              */
    uint32_t states;
    int attention, child;
    int32_t begin, end;                                /* ids; end -1: there is none                                     */
    float scale;
    int w_embedding, w_output, b_output, w_key, w_query, w_context, b_query;            /* parameters; -1: not there     */
    int pack_output, pack_key, pack_query, pack_query_back;
    int fed, mask, asks, p, r, a, read, dp, dr, dc, d_embedding, d_read;                /* saved; see plan_slots         */
    int da;                                                                             /* work                          */
} decoder;

static inline float *floats(const tn_tensor *t) { return t ? t->data : NULL; }
static inline float *saved(const tn_call *c, int slot) { return slot < 0 ? NULL : c->saved[slot]->data; }
static inline const float *weights(const tn_call *c, int slot) { return slot < 0 ? NULL : c->param[slot]->data; }

/* Words that a decoded sequence has at most: a length function, of the steps of its source. */
static int32_t most_words(void *self, const int32_t *source_steps)
{
    int64_t most = ((const decoder *)self)->o->max_length;
    return (int32_t)(most ? most : 2 * (int64_t)source_steps[0] + 10);
}

/* y [rows, units] = x [rows, k] times packed weights, and `init` where there is one: a row for all, or with ld_init one each */
static inline int multiply(const tn_call *c, int64_t rows, int64_t k, const float *x, int64_t ldx, int packed, int64_t units,
                           const float *init, int64_t ld_init, float *y)
{
    tn_product q = { .size = sizeof q, .groups = 1, .rows = rows, .k = k, .units = units, .x = x, .ldx = ldx, .init = init,
                     .ld_init = ld_init, .packed = c->packed[packed], .y = y, .ldy = units };
    return c->be->ops->product(c->be, &q);
}

/* The keys that queries are compared with: the source itself, or its projections. */
static inline const float *keys_of(const decoder *d, const tn_call *c)
{
    return d->r < 0 ? c->in[SOURCE]->data : c->saved[d->r]->data;
}

/* What a query p sees of sequence s of the source: a = softmax(score(p, r_t)), y = sum of a_t v_t; 0 of an empty one. Nothing
 * where attention is NONE.                                                                                              */
static inline void attend(const decoder *d, const tn_call *c, int32_t s, const float *p, float *a, float *y)
{
    const tn_layout *steps = c->in[SOURCE]->lay;
    const float *v = c->in[SOURCE]->data, *r = keys_of(d, c), *context = weights(c, d->w_context);
    int32_t n = steps->length[s];
    if (d->attention == NONE) return;
    memset(y, 0, sizeof *y * (size_t)d->source);
    for (int32_t t = 0; t < n; t++) {
        const float *key = r + (steps->first[t] + s) * d->units;
        a[t] = context ? additive_score(p, key, context, d->units) : d->scale * lanes_dot(p, key, d->units);
    }
    if (n) softmax_row(a, n);
    for (int32_t t = 0; t < n; t++) lanes_add(y, a[t], v + (steps->first[t] + s) * d->source, d->source);
}

/* The numbers that the output reads of one row; x is the input of the cell, embedding and context side by side. */
static inline void read_row(const decoder *d, const float *state, const float *x, float *y)
{
    if (d->at[STATE] >= 0) memcpy(y + d->at[STATE], state, sizeof *y * (size_t)d->state);
    if (d->at[CONTEXT] >= 0) memcpy(y + d->at[CONTEXT], x + d->embedding, sizeof *y * (size_t)d->source);
    if (d->at[EMBEDDING] >= 0) memcpy(y + d->at[EMBEDDING], x, sizeof *y * (size_t)d->embedding);
}
#endif
