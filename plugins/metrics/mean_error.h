/* mean_error.h -- a metric that is the mean of one function of output and target, number by number. A file states term()
 * and figure() and ends in MEAN_ERROR(...). The target may be classes, as numbers.h takes them.                     */
#ifndef MEAN_ERROR_H
#define MEAN_ERROR_H
#include <math.h>
#include <tenon/tenon.h>
#include "numbers.h"

static double term(double output, double target);
static double figure(double mean);
enum { SUM, COUNT, SUMS };

static int plan(const tn_api *api, tn_host *host, const void *opts, void *self, uint32_t n_in,
                const tn_spec *const *in, uint32_t *sums)
{
    (void)opts;
    *sums = SUMS;
    return numbers_plan(self, api, host, n_in, in);
}

static int update(void *self, const tn_call *c, double *sum)
{
    const numbers *m = self;
    int64_t n = c->in[OUTPUT]->rows * m->width;
    for (int64_t i = 0; i < n; i++) sum[SUM] += term(numbers_output(c, i), numbers_target(m, c, i));
    sum[COUNT] += (double)n;
    return TN_OK;
}

static int result(void *self, const double *sum, uint32_t i, const char **name, double *value,
                  int32_t *higher_is_better)
{
    (void)self;
    if (i > 0) return TN_END;
    *name = NULL, *higher_is_better = 0;
    *value = sum[COUNT] > 0 ? figure(sum[SUM] / sum[COUNT]) : 0;
    return TN_OK;
}

#define MEAN_ERROR(NAME, BRIEF, DOC)                                                                                \
    static const tn_metric table = { sizeof table, 0, 2, 2, plan, update, result };                                 \
    static const tn_desc desc = { .size = sizeof desc, .kind = TN_METRIC, .table = &table, .name = NAME, .brief = BRIEF, \
                                  .doc = DOC, TN_NO_OPTIONS, .self_size = sizeof(numbers) };                        \
    static const tn_desc *const parts[] = { &desc, NULL };                                                          \
    TN_PLUGIN(NAME, "1.0", "The Tenon authors", "MIT", "", parts)
#endif
