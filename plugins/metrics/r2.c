/* r2.c -- the coefficient of determination: the share of the target's variance that the output explains. */
#include <math.h>
#include "numbers.h"

/* Sums: one count, then of each column the first target, and of d = target - first: d, d^2, and the squared errors. */
enum { COUNT, COLUMNS };
enum { FIRST, D, SQUARES, ERRORS, A_COLUMN };

static int plan(const tn_api *api, tn_host *host, const void *opts, void *self, uint32_t n_in,
                const tn_spec *const *in, uint32_t *sums)
{
    numbers *m = self;
    (void)opts;
    int rc = numbers_plan(m, api, host, n_in, in);
    if (!rc && m->width > 100000)
        return tn_fail(api, host, TN_ESHAPE, "the output has %lld values a row, 100000 is the most", (long long)m->width);
    *sums = rc ? 0 : (uint32_t)(COLUMNS + A_COLUMN * m->width);
    return rc;
}

static int update(void *self, const tn_call *c, double *sum)
{
    const numbers *m = self;
    for (int64_t r = 0; r < c->in[OUTPUT]->rows; r++, sum[COUNT] += 1)
        for (int64_t j = 0; j < m->width; j++) {
            double *s = sum + COLUMNS + A_COLUMN * j, t = numbers_target(m, c, r * m->width + j);
            if (sum[COUNT] == 0) s[FIRST] = t; /* sums of differences lose no digits to a large mean */
            double d = t - s[FIRST], e = t - numbers_output(c, r * m->width + j);
            s[D] += d, s[SQUARES] += d * d, s[ERRORS] += e * e;
        }
    return TN_OK;
}

/* 1 - errors / variance; a target that never changes: 1 if every output is right, else 0; NaN where an output or a target is */
static double of_column(const double *s, double n)
{
    double variance = s[SQUARES] - s[D] * s[D] / n;
    if (variance > 0 || isnan(s[ERRORS])) return 1 - s[ERRORS] / variance;
    return s[ERRORS] > 0 ? 0 : 1;
}

static int result(void *self, const double *sum, uint32_t i, const char **name, double *value,
                  int32_t *higher_is_better)
{
    const numbers *m = self;
    double all = 0;
    if (i > 0) return TN_END;
    *name = NULL, *higher_is_better = 1, *value = 0;
    if (sum[COUNT] < 1) return TN_OK;
    for (int64_t j = 0; j < m->width; j++) all += of_column(sum + COLUMNS + A_COLUMN * j, sum[COUNT]);
    *value = all / (double)m->width;
    return TN_OK;
}

static const tn_metric table = { sizeof table, 0, 2, 2, plan, update, result };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_METRIC, .table = &table, .name = "r2",
    .brief = "share of the target's variance that the output explains",
    .doc = "R2 = 1 - sum (target - output)^2 / sum (target - mean target)^2 for each value of a row, over all\n"
           "rows of the split; the figure is the mean over the values of a row. 1 is perfect, 0 as good as\n"
           "always saying the mean, and below 0 is worse than that. Where a target never changes: 1 if\n"
           "every output is right, else 0, as in scikit-learn.\n",
    TN_NO_OPTIONS, .self_size = sizeof(numbers) };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("r2", "1.0", "The Tenon authors", "MIT", "", parts)
