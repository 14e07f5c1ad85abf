/* pool.h -- what first, last, max, mean and sum share: each sequence of a layout becomes one row of the layout's parent. */
#ifndef POOL_H
#define POOL_H
#include <tenon/tenon.h>

enum { POOL_GRAIN = 4 };                   /* sequences that are worth another thread */

/* Adds the output: as the input, with one row for each row of the parent. `name` is for messages. */
static inline int pool_plan(const tn_api *api, tn_host *host, tn_plan *p, const tn_spec *in, const char *name)
{
    int32_t parent = in->layout > TN_FIXED ? api->parent(p, in->layout) : 0;
    if (in->means == TN_IDS)
        return tn_fail(api, host, TN_ESHAPE,
                       "%s: the input is ids (words or classes), not numbers; embed them first", name);
    if (in->across) return tn_fail(api, host, TN_ESHAPE, "%s: the input is ragged", name);
    if (parent <= 0)
        return tn_fail(api, host, TN_ESHAPE,
                       "%s: the input has one row an example already, there are no steps to pool", name);
    tn_spec y = *in;
    y.layout = parent, y.rows = 0, y.index_of = 0;
    int slot = api->add_out(p, NULL, &y);
    return slot < 0 ? slot : TN_OK;
}

typedef void pool_sequences(void *call, int64_t from, int64_t end);    /* does sequences from .. end - 1 */

static inline int pool_forward(const tn_call *c, pool_sequences *piece)
{
    return c->be->ops->parallel_for(c->be, c->in[0]->lay->sequences, POOL_GRAIN, piece, (void *)(uintptr_t)c);
}

static inline int pool_backward(const tn_call *c, pool_sequences *piece)
{
    tn_tensor *dx = c->d_in[0];
    if (dx && !c->d_out[0] && c->flags & TN_C_SET) return c->be->ops->fill(c->be, dx->data, TN_F32, dx->rows * dx->width, 0);
    return dx && c->d_out[0] ? pool_forward(c, piece) : TN_OK;
}
#endif
