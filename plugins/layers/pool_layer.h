/* pool_layer.h -- what first, last, max, mean and sum share beside their plan: each sequence by itself, forwards and backwards. A
 * file states pool_forward and pool_backward, which do the sequences from .. end - 1 of a call.                     */
#ifndef POOL_LAYER_H
#define POOL_LAYER_H
#include "pool.h"

enum { POOL_GRAIN = 4 };                   /* sequences that are worth another thread */
static void pool_forward(void *to, int64_t from, int64_t end);
static void pool_backward(void *to, int64_t from, int64_t end);

static int forward(void *self, const tn_call *c)
{
    (void)self;
    return c->be->ops->parallel_for(c->be, c->in[0]->lay->sequences, POOL_GRAIN, pool_forward, (void *)(uintptr_t)c);
}

static int backward(void *self, const tn_call *c)
{
    tn_tensor *dx = c->d_in[0];
    (void)self;
    if (dx && !c->d_out[0] && c->flags & TN_C_SET) return c->be->ops->fill(c->be, dx->data, TN_F32, dx->rows * dx->width, 0);
    if (!dx || !c->d_out[0]) return TN_OK;
    return c->be->ops->parallel_for(c->be, c->in[0]->lay->sequences, POOL_GRAIN, pool_backward, (void *)(uintptr_t)c);
}

static const tn_impl on_cpu = { sizeof on_cpu, 0, "cpu", forward, backward, NULL };
static const tn_impl *const impls[] = { &on_cpu, NULL };
#endif
