/* likelihood.h -- minus the logarithm of the probability that an output gives to the target's class, summed over rows.
 * A file defines METRIC_NAME, states figure() of the mean and ends in LIKELIHOOD(...).                             */
#ifndef LIKELIHOOD_H
#define LIKELIHOOD_H
#include <math.h>
#include "decision.h"

typedef struct config { int64_t ignore; } config;
enum { SUM, COUNT, SUMS };
static double figure(double mean);

static const tn_option options[] = {
    TN_INT(config, ignore, -1, -1, 1e9, "a class whose rows are not counted; -1: none"),
};

static int plan(const tn_api *api, tn_host *host, const void *opts, void *self, uint32_t n_in,
                const tn_spec *const *in, uint32_t *sums)
{
    *sums = SUMS;
    if (in[OUTPUT]->means == TN_IDS)
        return tn_fail(api, host, TN_ESHAPE, "the output is classes; their probabilities are needed");
    return decision_plan(self, api, host, METRIC_NAME, n_in, in, ((const config *)opts)->ignore);
}

/* ln(1 + e^x), without overflow */
static inline double softplus(double x) { return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x)); }

/* One value for two classes: class 1's. */
static inline double loss_of_two(uint32_t means, double x, int32_t target)
{
    if (means == TN_PROBABILITIES) return -log(target ? x : 1 - x);
    if (means == TN_LOG_PROBABILITIES) return target ? -x : -log(-expm1(x));
    return softplus(target ? -x : x);
}

/* -ln p = ln(sum of e^x) - x_target, the largest x taken out of the sum */
static inline double loss_of_row(const decision *d, const float *x, int32_t target)
{
    if (d->width == 1) return loss_of_two(d->means, (double)x[0], target);
    if (d->means == TN_PROBABILITIES) return -log((double)x[target]);
    if (d->means == TN_LOG_PROBABILITIES) return -(double)x[target];
    float most = x[0];
    for (int64_t j = 1; j < d->width; j++) most = x[j] > most ? x[j] : most;
    double sum = exp((double)(x[0] - most));
    for (int64_t j = 1; j < d->width; j++) sum += exp((double)(x[j] - most));
    return log(sum) - (double)x[target] + (double)most;
}

static int update(void *self, const tn_call *c, double *sum)
{
    const decision *d = self;
    const int32_t *target = c->in[TARGET]->data;
    const float *x = c->in[OUTPUT]->data;
    for (int64_t r = 0; r < c->in[TARGET]->rows; r++) {
        if (target[r] == d->ignore) continue;
        sum[SUM] += loss_of_row(d, x + r * d->width, target[r]);
        sum[COUNT] += 1;
    }
    return TN_OK;
}

static int result(void *self, const double *sum, uint32_t i, const char **name, double *value,
                  int32_t *higher_is_better)
{
    (void)self;
    if (i > 0) return TN_END;
    *name = NULL, *higher_is_better = 0;
    *value = figure(sum[COUNT] > 0 ? sum[SUM] / sum[COUNT] : 0);
    return TN_OK;
}

#define LIKELIHOOD(BRIEF, DOC)                                                                                      \
    static const tn_metric table = { sizeof table, 0, 2, 2, plan, update, result };                                 \
    static const tn_desc desc = { .size = sizeof desc, .kind = TN_METRIC, .table = &table, .name = METRIC_NAME, .brief = BRIEF, \
                                  .doc = DOC, TN_OPTIONS(options), .config_size = sizeof(config),                   \
                                  .self_size = sizeof(decision) };                                                  \
    static const tn_desc *const parts[] = { &desc, NULL };                                                          \
    TN_PLUGIN(METRIC_NAME, "1.0", "The Tenon authors", "MIT", "", parts)
#endif
