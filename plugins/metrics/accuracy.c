/* accuracy.c -- the share of rows whose class is right. */
#include "decision.h"

typedef struct config { int64_t ignore; } config;
enum { RIGHT, ALL, SUMS };

static const tn_option options[] = {
    TN_INT(config, ignore, -1, -1, 1e9, "a class whose rows are not counted; -1: none"),
};

static int plan(const tn_api *api, tn_host *host, const void *opts, void *self, uint32_t n_in,
                const tn_spec *const *in, uint32_t *sums)
{
    *sums = SUMS;
    return decision_plan(self, api, host, "accuracy", n_in, in, ((const config *)opts)->ignore);
}

static int update(void *self, const tn_call *c, double *sum)
{
    const decision *d = self;
    const int32_t *target = c->in[TARGET]->data;
    for (int64_t r = 0; r < c->in[TARGET]->rows; r++) {
        if (target[r] == d->ignore) continue;
        sum[ALL] += 1;
        sum[RIGHT] += decide_row(d, c->in[OUTPUT], r) == target[r];
    }
    return TN_OK;
}

static int result(void *self, const double *sum, uint32_t i, const char **name, double *value,
                  int32_t *higher_is_better)
{
    (void)self;
    if (i > 0) return TN_END;
    *name = NULL, *higher_is_better = 1;
    *value = sum[ALL] > 0 ? sum[RIGHT] / sum[ALL] : 0;
    return TN_OK;
}

static const tn_metric table = { sizeof table, 0, 2, 2, plan, update, result };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_METRIC, .table = &table, .name = "accuracy",
    .brief = "share of rows whose class is right",
    .doc = "accuracy = right / all, counted over the whole split. The class of a row is the largest of\n"
           "its values; where there is one value for two classes, class 1 if it is above 0 (a\n"
           "probability: above 1/2).\n",
    TN_OPTIONS(options), .config_size = sizeof(config), .self_size = sizeof(decision) };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("accuracy", "1.0", "The Tenon authors", "MIT", "", parts)
