/* classes.h -- what losses on class ids share: the ids of a batch are checked once, before any thread reads by them; class
 * weights; functions of one number by the same steps as in a vector. */
#ifndef CLASSES_H
#define CLASSES_H
#include <stdlib.h>
#include <tenon/tenon.h>
#include <tenon/vec.h>

#define LOSS_INLINE static inline __attribute__((unused))

LOSS_INLINE float log_of(float x) { return tn_log(tn_set(x))[0]; }
LOSS_INLINE float exp_of(float x) { return tn_exp(tn_set(x))[0]; }
LOSS_INLINE float expm1_of(float x) { return tn_expm1(tn_set(x))[0]; }
LOSS_INLINE float log1p_of(float x) { return tn_log1p(tn_set(x))[0]; }
LOSS_INLINE float sigmoid_of(float x) { return tn_sigmoid(tn_set(x))[0]; }
/* log(1 + e^x) */
LOSS_INLINE float softplus_of(float x) { return (x > 0 ? x : 0) + log1p_of(exp_of(-fabsf(x))); }

/* 0, or < 0 after a message: every id must lie in 0 .. classes-1, or be `ignore`. */
LOSS_INLINE int check_ids(const tn_call *c, const char *loss, const tn_tensor *target, int64_t classes, int64_t ignore)
{
    const int32_t *id = target->data;
    for (int64_t r = 0; r < target->rows; r++)
        if ((id[r] < 0 || id[r] >= classes) && id[r] != ignore)
            return tn_fail(c->api, c->host, TN_EINVAL,
                           "%s: row %lld of the target is class %d; there are classes 0 to %lld", loss,
                           (long long)r, id[r], (long long)classes - 1);
    return TN_OK;
}

/* A loss has one value a row, on the rows of its output; counts: another one, what the row counts for. */
LOSS_INLINE int add_row_loss(const tn_api *api, tn_plan *p, const tn_spec *in, int counts)
{
    tn_spec y = { .dtype = TN_F32, .layout = in->layout, .rows = in->rows, .width = 1 };
    int rc = api->add_out(p, NULL, &y);
    if (rc >= 0 && counts) rc = api->add_out(p, "count", &y);
    return rc < 0 ? rc : TN_OK;
}
enum { LOSS, COUNT };                      /* outputs */

/* The input of a loss is numbers on the rows of its target. */
LOSS_INLINE int check_rows(const tn_api *api, tn_host *host, const char *loss, const tn_spec *x, const tn_spec *t)
{
    if (x->means == TN_IDS)
        return tn_fail(api, host, TN_ESHAPE, "%s: the input is ids, not numbers", loss);
    if (x->layout != t->layout)
        return tn_fail(api, host, TN_ESHAPE,
                       "%s: input and target do not have the same rows (one is by step, the other by example, or they are "
                       "steps of two sequences)", loss);
    return TN_OK;
}

/* A list of weights from options, as many as `wanted` (0: not known yet), in *w, which is the part's to free; an empty list
 * is NULL. */
LOSS_INLINE int read_weights(const tn_api *api, tn_host *host, const char *loss, const char *option, const tn_list *list,
                             int64_t wanted, const char *of, float **w)
{
    const double *v = list->v;
    free(*w);
    *w = NULL;
    if (!list->n) return TN_OK;
    if (wanted && list->n != wanted)
        return tn_fail(api, host, TN_EINVAL, "%s: %s has %lld numbers, but there are %lld %s", loss, option, (long long)list->n,
                       (long long)wanted, of);
    *w = malloc(sizeof **w * (size_t)list->n);
    if (!*w) return tn_fail(api, host, TN_ENOMEM, "%s: no memory for %lld numbers", loss, (long long)list->n);
    for (int64_t i = 0; i < list->n; i++) {
        if (!(v[i] >= 0 && v[i] <= 1e6))
            return tn_fail(api, host, TN_EINVAL, "%s: %s: %g is not between 0 and 1e6", loss, option, v[i]);
        (*w)[i] = (float)v[i];
    }
    return TN_OK;
}
#endif
