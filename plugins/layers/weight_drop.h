/* weight_drop.h -- a recurrent weight of which training may leave elements out: by one mask for all sequences and steps of a batch
 * an element is 0 with probability `rate`, else times 1 / (1 - rate). Forward packs W m into slots of the layer's own, which both
 * products with W read; dW = d(W m) m. Merity, Keskar and Socher 2017, after DropConnect, Wan et al. 2013.               */
#ifndef WEIGHT_DROP_H
#define WEIGHT_DROP_H
#include "mask.h"

typedef struct dropped_weight {
    double rate;                         /* 0: nothing is left out                                                    */
    int64_t rows, width;                 /* the product is x W', of `groups` matrices one below the other              */
    uint32_t groups;
    int param, pack, pack_back;          /* W as it is, packed for x W' and for x W                                   */
    int masked, own, own_back;           /* work: W m in forward, d(W m) in gradient; saved: W m packed, likewise      */
} dropped_weight;

/* The most that a backend packs a weight into. */
static inline int64_t panel_floats(int64_t k, int64_t units, uint32_t groups)
{
    return (k < 16 ? 16 : k) * groups * ((units + 15) / 16 * 16);
}

/* rate, rows, width, groups and param are set. */
static inline int plan_dropped(const tn_api *api, tn_plan *p, dropped_weight *w)
{
    tn_spec masked = { TN_F32, TN_VALUES, TN_FIXED, 0, w->rows, w->width, 0, 0, 0, 0 }, own = masked, back = masked;
    own.rows = back.rows = 1;
    own.width = panel_floats(w->width, w->rows / w->groups, w->groups), back.width = panel_floats(w->rows, w->width, 1);
    if ((w->pack = api->add_packed(p, w->param, 1, w->groups)) < 0 || (w->pack_back = api->add_packed(p, w->param, 0, 1)) < 0)
        return TN_EINVAL;
    return w->rate > 0 && ((w->masked = api->add_work(p, &masked)) < 0 || (w->own = api->add_saved(p, &own)) < 0
                           || (w->own_back = api->add_saved(p, &back)) < 0) ? TN_EINVAL : TN_OK;
}

static inline int is_dropped(const dropped_weight *w, const tn_call *c) { return w->rate > 0 && c->flags & TN_C_TRAINING; }

/* y = x m or y += x m over all elements of W */
static inline int apply_drop(const dropped_weight *w, const tn_call *c, const float *x, float *y, int add)
{
    return mask_apply(c->be, tn_random_fork(c->rng, 500 + (uint64_t)w->param), w->rate, w->rows * w->width, x, y, add);
}

/* Forward, before the first product with W. */
static inline int drop_elements(const dropped_weight *w, const tn_call *c)
{
    if (!is_dropped(w, c)) return TN_OK;
    const tn_ops *o = c->be->ops;
    const tn_tensor *own = c->saved[w->own], *back = c->saved[w->own_back];
    float *masked = c->work[w->masked]->data;
    int64_t units = w->rows / w->groups;
    if (o->pack_size(c->be, w->width, units, w->groups) > 4 * own->width || o->pack_size(c->be, w->rows, w->width, 1) > 4 * back->width)
        return c->api->fail(c->host, TN_EUNSUPPORTED, "weight_dropout: this backend packs weights into more memory than was asked for");
    int rc = apply_drop(w, c, c->param[w->param]->data, masked, 0);
    if (!rc) rc = o->pack(c->be, 1, w->width, units, w->groups, masked, w->width, own->data);
    return rc ? rc : o->pack(c->be, 0, w->rows, w->width, 1, masked, w->width, back->data);
}

/* What a product with W reads; back: that of backward. */
static inline const void *packed_weight(const dropped_weight *w, const tn_call *c, int back)
{
    if (is_dropped(w, c)) return c->saved[back ? w->own_back : w->own]->data;
    return c->packed[back ? w->pack_back : w->pack];
}

/* Where the gradient of W m is summed, NULL: it is not wanted; then what it gives to that of W. */
static inline float *begin_weight_gradient(const dropped_weight *w, const tn_call *c)
{
    if (!c->d_param[w->param]) return NULL;
    if (!is_dropped(w, c)) return c->d_param[w->param]->data;
    float *sums = c->work[w->masked]->data;
    c->be->ops->fill(c->be, sums, TN_F32, w->rows * w->width, 0);
    return sums;
}
static inline int end_weight_gradient(const dropped_weight *w, const tn_call *c)
{
    if (!c->d_param[w->param] || !is_dropped(w, c)) return TN_OK;
    return apply_drop(w, c, c->work[w->masked]->data, c->d_param[w->param]->data, 1);
}
#endif
