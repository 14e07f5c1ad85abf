/* elementwise.h -- an activation that is one function of one number. A file states value() and slope() and ends in
 * ELEMENTWISE(...): the loops over all elements, cut among the threads, are here.
 *
 * A file with options states its struct config and its options[] first and defines HAS_OPTIONS before it includes this;
 * value() and slope() then take a const config * as their last argument.                                       */
#ifndef ELEMENTWISE_H
#define ELEMENTWISE_H
#include <tenon/tenon.h>
#include <tenon/vec.h>

enum { ELEMENTS_A_PIECE = 4096 };          /* fewer are not worth another thread                               */

/* value: y.  slope: dy/dx, from whichever of x and y the table's flags name. */
#ifdef HAS_OPTIONS
static inline tn_vf value(tn_vf x, const config *o);
static inline tn_vf slope(tn_vf x, tn_vf y, const config *o);
#define VALUE(x)          value(x, &o)
#define SLOPE(x, y)       slope(x, y, &o)
#define ELEMENTWISE_TABLE TN_OPTIONS(options)
#else
typedef struct config { char none; } config;
static inline tn_vf value(tn_vf x);
static inline tn_vf slope(tn_vf x, tn_vf y);
#define VALUE(x)          ((void)o, value(x))
#define SLOPE(x, y)       ((void)o, slope(x, y))
#define ELEMENTWISE_TABLE TN_NO_OPTIONS
#endif

typedef struct activation { const config *options; } activation;
typedef struct elements { const float *x, *y, *dy; float *out; config options; } elements;

/* The options are copied, so that they stay in registers: a store to out could not reach them. */
static void forward_piece(void *to, int64_t from, int64_t end)
{
    const elements *e = to;
    const config o = e->options;
    int64_t i = from;
    for (; i + TN_VL <= end; i += TN_VL) tn_store(e->out + i, VALUE(tn_load(e->x + i)));
    if (i < end) tn_storen(e->out + i, VALUE(tn_loadn(e->x + i, end - i)), end - i);
}

/* Where x or y was not kept it is NULL, and dy stands in for a number that slope() does not read. */
static void backward_piece(void *to, int64_t from, int64_t end)
{
    const elements *e = to;
    const config o = e->options;
    const float *x = e->x ? e->x : e->dy, *y = e->y ? e->y : e->dy;
    int64_t i = from, n;
    for (; i + TN_VL <= end; i += TN_VL) tn_store(e->out + i, tn_load(e->dy + i) * SLOPE(tn_load(x + i), tn_load(y + i)));
    if ((n = end - i) > 0) tn_storen(e->out + i, tn_loadn(e->dy + i, n) * SLOPE(tn_loadn(x + i, n), tn_loadn(y + i, n)), n);
}

static int open(const tn_api *api, tn_host *host, const void *opts, void *self)
{
    (void)api, (void)host;
    ((activation *)self)->options = opts;
    return TN_OK;
}

static int forward(void *self, tn_be *be, int64_t rows, int64_t width, const float *x, float *y)
{
    elements e = { x, NULL, NULL, y, *((activation *)self)->options };
    return be->ops->parallel_for(be, rows * width, ELEMENTS_A_PIECE, forward_piece, &e);
}

static int backward(void *self, tn_be *be, int64_t rows, int64_t width, const float *x, const float *y,
                    const float *dy, float *dx)
{
    elements e = { x, y, dy, dx, *((activation *)self)->options };
    return be->ops->parallel_for(be, rows * width, ELEMENTS_A_PIECE, backward_piece, &e);
}

#define ELEMENTWISE(NAME, READS, MEANS, BRIEF, DOC)                                                      \
    static const tn_activation table = { sizeof table, READS, MEANS, 0, forward, backward };             \
    static const tn_desc desc = { .size = sizeof desc, .kind = TN_ACTIVATION, .table = &table,           \
                                  .name = NAME, .brief = BRIEF, .doc = DOC, ELEMENTWISE_TABLE,           \
                                  .config_size = sizeof(config), .self_size = sizeof(activation),        \
                                  .open = open };                                                        \
    static const tn_desc *const parts[] = { &desc, NULL };                                               \
    TN_PLUGIN(NAME, "1.0", "The Tenon authors", "MIT", "", parts)
#endif
