/* elementwise.h -- an activation that is one function of one number. A file states value() and slope() and ends in
 * ELEMENTWISE(...): the loops over all elements, cut among the threads, are here.                              */
#ifndef ELEMENTWISE_H
#define ELEMENTWISE_H
#include <tenon/tenon.h>
#include <tenon/vec.h>

enum { ELEMENTS_A_PIECE = 4096 };          /* fewer are not worth another thread                               */

static tn_vf value(tn_vf x);               /* y                                                                */
static tn_vf slope(tn_vf x, tn_vf y);      /* dy/dx, from whichever of the two the table's flags name           */

typedef struct elements { const float *x, *y, *dy; float *out; } elements;

static void forward_piece(void *to, int64_t from, int64_t end)
{
    const elements *e = to;
    int64_t i = from;
    for (; i + TN_VL <= end; i += TN_VL) tn_store(e->out + i, value(tn_load(e->x + i)));
    if (i < end) tn_storen(e->out + i, value(tn_loadn(e->x + i, end - i)), end - i);
}

/* Where x or y was not kept it is NULL, and dy stands in for a number that slope() does not read. */
static void backward_piece(void *to, int64_t from, int64_t end)
{
    const elements *e = to;
    const float *x = e->x ? e->x : e->dy, *y = e->y ? e->y : e->dy;
    int64_t i = from, n;
    for (; i + TN_VL <= end; i += TN_VL) tn_store(e->out + i, tn_load(e->dy + i) * slope(tn_load(x + i), tn_load(y + i)));
    if ((n = end - i) > 0) tn_storen(e->out + i, tn_loadn(e->dy + i, n) * slope(tn_loadn(x + i, n), tn_loadn(y + i, n)), n);
}

static int forward(void *self, tn_be *be, int64_t rows, int64_t width, const float *x, float *y)
{
    elements e = { x, NULL, NULL, y };
    (void)self;
    return be->ops->parallel_for(be, rows * width, ELEMENTS_A_PIECE, forward_piece, &e);
}

static int backward(void *self, tn_be *be, int64_t rows, int64_t width, const float *x, const float *y,
                    const float *dy, float *dx)
{
    elements e = { x, y, dy, dx };
    (void)self;
    return be->ops->parallel_for(be, rows * width, ELEMENTS_A_PIECE, backward_piece, &e);
}

#define ELEMENTWISE(NAME, READS, MEANS, BRIEF, DOC)                                                      \
    static const tn_activation table = { sizeof table, READS, MEANS, 0, forward, backward };             \
    static const tn_desc desc = { .size = sizeof desc, .kind = TN_ACTIVATION, .table = &table,           \
                                  .name = NAME, .brief = BRIEF, .doc = DOC, .option_size = sizeof(tn_option) }; \
    static const tn_desc *const parts[] = { &desc, NULL };                                               \
    TN_PLUGIN(NAME, "1.0", "The Tenon authors", "MIT", "", parts)
#endif
