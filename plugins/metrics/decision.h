/* decision.h -- which class an output stands for. Shared by the metrics that compare classes. */
#ifndef DECISION_H
#define DECISION_H
#include <tenon/tenon.h>

typedef struct decision { uint32_t means; int64_t width, classes, ignore; } decision;
enum { OUTPUT, TARGET };

/* From the specs of output and target. 0, or < 0 after a message. classes is 0 before the data are known. */
static inline int decision_plan(decision *d, const tn_api *api, tn_host *host, const char *metric,
                                uint32_t n_in, const tn_spec *const *in, int64_t ignore)
{
    const tn_spec *x = in[OUTPUT], *t = n_in > TARGET ? in[TARGET] : NULL;
    if (!t) return tn_fail(api, host, TN_EINVAL, "%s: needs a target", metric);
    if (t->means != TN_IDS)
        return tn_fail(api, host, TN_ESHAPE, "%s: the target is numbers, not classes", metric);
    if (x->layout != t->layout)
        return tn_fail(api, host, TN_ESHAPE, "%s: output and target do not have the same rows", metric);
    if (x->means != TN_IDS && t->classes > 0 && x->width != t->classes && !(x->width == 1 && t->classes == 2))
        return tn_fail(api, host, TN_ESHAPE,
                       "%s: the output has %lld values a row but the target has %lld classes", metric,
                       (long long)x->width, (long long)t->classes);
    *d = (decision){ x->means, x->width, t->classes, ignore };
    return TN_OK;
}

/* What a yes is above: 0, of a probability 1/2. */
static inline float decision_threshold(const decision *d)
{
    return d->means == TN_PROBABILITIES ? 0.5f : d->means == TN_LOG_PROBABILITIES ? -0.69314718f : 0.0f;
}

/* The class of row r: an id as it is, the largest of several values (the first where some are equal), or for one value
 * class 1 where it is a yes. */
static inline int32_t decide_row(const decision *d, const tn_tensor *output, int64_t r)
{
    if (d->means == TN_IDS) return ((const int32_t *)output->data)[r];
    const float *x = (const float *)output->data + r * d->width;
    if (d->width == 1) return x[0] > decision_threshold(d);
    int32_t best = 0;
    for (int32_t j = 1; j < d->width; j++) best = x[j] > x[best] ? j : best;
    return best;
}
#endif
