/* matthews.c -- Matthews' correlation of said and true classes, for two classes or more. */
#include <math.h>
#include "decision.h"

typedef struct config { int64_t ignore; } config;
/* Sums: rows, hits, then of each class how often it was said and true. */
enum { ALL, HITS, CLASSES };

static const tn_option options[] = {
    TN_INT(config, ignore, -1, -1, 1e9, "a class whose rows are not counted; -1: none"),
};

static int plan(const tn_api *api, tn_host *host, const void *opts, void *self, uint32_t n_in,
                const tn_spec *const *in, uint32_t *sums)
{
    decision *d = self;
    int rc = decision_plan(d, api, host, "matthews", n_in, in, ((const config *)opts)->ignore);
    *sums = rc ? 0 : (uint32_t)(CLASSES + 2 * d->classes);
    return rc;
}

static int update(void *self, const tn_call *c, double *sum)
{
    const decision *d = self;
    const int32_t *target = c->in[TARGET]->data;
    for (int64_t r = 0; r < c->in[TARGET]->rows; r++) {
        int32_t t = target[r], said = decide_row(d, c->in[OUTPUT], r);
        if (t == d->ignore || t < 0 || t >= d->classes) continue;
        sum[ALL] += 1, sum[HITS] += t == said;
        sum[CLASSES + 2 * t + 1] += 1;
        if (said >= 0 && said < d->classes) sum[CLASSES + 2 * said] += 1; /* a decoder may say none */
    }
    return TN_OK;
}

/* (hits n - sum of said true) / sqrt((n^2 - sum of said^2) (n^2 - sum of true^2)); 0 where only one class occurs */
static int result(void *self, const double *sum, uint32_t i, const char **name, double *value,
                  int32_t *higher_is_better)
{
    const decision *d = self;
    double n = sum[ALL], both = 0, said = 0, meant = 0;
    if (i > 0) return TN_END;
    for (int64_t k = 0; k < d->classes; k++) {
        const double *s = sum + CLASSES + 2 * k;
        both += s[0] * s[1], said += s[0] * s[0], meant += s[1] * s[1];
    }
    double under = (n * n - said) * (n * n - meant);
    *name = NULL, *higher_is_better = 1;
    *value = under > 0 ? (sum[HITS] * n - both) / sqrt(under) : 0;
    return TN_OK;
}

static const tn_metric table = { sizeof table, 0, 2, 2, plan, update, result };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_METRIC, .table = &table, .name = "matthews",
    .brief = "Matthews' correlation of said and true classes",
    .doc = "For two classes (tp tn - fp fn) / sqrt((tp + fp) (tp + fn) (tn + fp) (tn + fn)), and for more its\n"
           "generalisation R_K, from counts over the whole split: 1 is perfect, 0 no better than chance.\n"
           "Where all rows are of one class, or all are said to be, it is 0.\n\n"
           "Sources: Matthews, *Comparison of the predicted and observed secondary structure of T4 phage\n"
           "lysozyme* (1975); Gorodkin, *Comparing two K-category assignments by a K-category correlation\n"
           "coefficient* (2004).\n",
    TN_OPTIONS(options), .config_size = sizeof(config), .self_size = sizeof(decision) };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("matthews", "1.0", "The Tenon authors", "MIT", "", parts)
