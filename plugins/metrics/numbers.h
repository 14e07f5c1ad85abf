/* numbers.h -- output and target number by number. Shared by the metrics that compare numbers. */
#ifndef NUMBERS_H
#define NUMBERS_H
#include <tenon/tenon.h>

/* classes: the target is ids, for one number a row taken as the number, for several as a one in its column. */
typedef struct numbers { int64_t width; int32_t classes; } numbers;
enum { OUTPUT, TARGET };

/* From the specs of output and target. 0, or < 0 after a message. */
static inline int numbers_plan(numbers *m, const tn_api *api, tn_host *host, uint32_t n_in, const tn_spec *const *in)
{
    if (n_in <= TARGET) return tn_fail(api, host, TN_EINVAL, "needs a target");
    const tn_spec *x = in[OUTPUT], *t = in[TARGET];
    if (x->means == TN_IDS)
        return tn_fail(api, host, TN_ESHAPE, "the output is classes, not numbers; accuracy compares classes");
    if (x->layout != t->layout) return tn_fail(api, host, TN_ESHAPE, "output and target do not have the same rows");
    int one_hot = t->means == TN_IDS && x->width > 1;
    int64_t width = one_hot ? t->classes : t->width;
    if (x->width != width && !(one_hot && !t->classes))
        return tn_fail(api, host, TN_ESHAPE, "the output has %lld values a row, the target %lld%s", (long long)x->width,
                       (long long)width, one_hot ? " classes" : "");
    *m = (numbers){ x->width, t->means == TN_IDS };
    return TN_OK;
}

static inline double numbers_output(const tn_call *c, int64_t i) { return (double)((const float *)c->in[OUTPUT]->data)[i]; }
static inline double numbers_target(const numbers *m, const tn_call *c, int64_t i)
{
    const void *t = c->in[TARGET]->data;
    if (!m->classes) return (double)((const float *)t)[i];
    return m->width > 1 ? ((const int32_t *)t)[i / m->width] == i % m->width : (double)((const int32_t *)t)[i];
}
#endif
