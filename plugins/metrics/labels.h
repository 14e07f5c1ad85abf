/* labels.h -- several yes or no a row: a target of numbers, each column a label of its own. Shared by the metrics that take
 * such targets beside classes. */
#ifndef LABELS_H
#define LABELS_H
#include "decision.h"

static inline int has_labels(uint32_t n_in, const tn_spec *const *in) { return n_in > TARGET && in[TARGET]->means != TN_IDS; }

/* As decision_plan; the classes of *d are then the labels. */
static inline int labels_plan(decision *d, const tn_api *api, tn_host *host, const char *metric, const tn_spec *const *in,
                              int64_t ignore)
{
    const tn_spec *x = in[OUTPUT], *t = in[TARGET];
    if (x->means == TN_IDS) return tn_fail(api, host, TN_ESHAPE, "%s: the output is classes, the target numbers", metric);
    if (x->layout != t->layout)
        return tn_fail(api, host, TN_ESHAPE, "%s: output and target do not have the same rows", metric);
    if (t->width > 0 && x->width != t->width)
        return tn_fail(api, host, TN_ESHAPE, "%s: the output has %lld values a row but the target has %lld labels", metric,
                       (long long)x->width, (long long)t->width);
    if (ignore >= 0)
        return tn_fail(api, host, TN_EINVAL, "%s: ignore is about a class, but the target is numbers, each column a label", metric);
    *d = (decision){ x->means, x->width, x->width, -1 };
    return TN_OK;
}

/* Every number of the target must lie between 0 and 1, or it is no label. */
static inline int labels_check(const decision *d, const tn_call *c, const char *metric)
{
    const float *t = c->in[TARGET]->data;
    for (int64_t i = 0; i < c->in[TARGET]->rows * d->width; i++)
        if (!(t[i] >= 0 && t[i] <= 1))
            return tn_fail(c->api, c->host, TN_EINVAL, "%s: the target is numbers, and %g is no label, which is 0 or 1", metric,
                           (double)t[i]);
    return TN_OK;
}

/* Of a number of the target that is neither 0 nor 1: what it is nearer to. */
static inline int label_is_yes(float t) { return t > 0.5f; }
#endif
