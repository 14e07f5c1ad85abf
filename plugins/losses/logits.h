/* logits.h -- the logarithm of the sum of e^x over a row, for losses over classes. */
#ifndef LOGITS_H
#define LOGITS_H
#include "../activations/softmax.h"
#include "classes.h"

/* log sum_k e^(x_k), with the largest taken out so that nothing overflows */
static float log_sum_exp(const float *x, int64_t n)
{
    float top = row_max(x, n);
    return top + log_of((float)row_exps(x, top, n, NULL));
}

/* Whether the numbers of an input are logits: neither probabilities nor their logarithms. */
LOSS_INLINE int are_logits(uint32_t means) { return means != TN_PROBABILITIES && means != TN_LOG_PROBABILITIES; }

/* The output has a number for each class of the target. */
LOSS_INLINE int check_classes(const tn_api *api, tn_host *host, const char *loss, const tn_spec *x, const tn_spec *t)
{
    if (t->means != TN_IDS)
        return tn_fail(api, host, TN_ESHAPE, "%s: the target is numbers, not classes; mse compares numbers", loss);
    if (x->means == TN_IDS)
        return tn_fail(api, host, TN_ESHAPE, "%s: the input is ids, not a number for each class", loss);
    int rc = check_rows(api, host, loss, x, t);
    if (rc) return rc;
    if (t->classes == 1)
        return tn_fail(api, host, TN_ESHAPE, "%s: the target has one class only, there is nothing to learn", loss);
    if (t->classes > 0 && x->width != t->classes)
        return tn_fail(api, host, TN_ESHAPE, "%s: the input has %lld values a row but the target has %lld classes%s", loss,
                       (long long)x->width, (long long)t->classes,
                       x->width == 1 && t->classes == 2 ? "; binary_cross_entropy takes one value a row" : "");
    return TN_OK;
}

/* p_j = e^(x_j - log sum_k e^(x_k)) from logits; otherwise the output is the probability, or its logarithm */
LOSS_INLINE void class_probabilities(const float *x, uint32_t means, int64_t rows, int64_t classes, float *probability)
{
    for (int64_t r = 0; r < rows; r++, x += classes, probability += classes) {
        float log_sum = are_logits(means) ? log_sum_exp(x, classes) : 0;
        for (int64_t j = 0; j < classes; j++) probability[j] = means == TN_PROBABILITIES ? x[j] : exp_of(x[j] - log_sum);
    }
}
#endif
