/* persistence.c -- the forecast that nothing changes: the last number seen, for every step ahead. */
#include "naive_forecast.h"

typedef struct { const char *column; } config;
static const tn_option options[] = {
    TN_STR(config, column, NULL, "column of the past that is repeated; not given: the one that the target is called by") };

static int plan(const tn_api *api, tn_host *host, const void *config_, void *self, uint32_t n_in, const tn_spec *const *in,
                tn_spec *out)
{
    naive *s = self;
    s->period = 1;
    return naive_plan(api, host, s, ((const config *)config_)->column, n_in, in, out);
}

static const tn_baseline table = { sizeof table, 0, 2, 2, plan, naive_learn, naive_finish, naive_predict };
static const tn_desc desc = {
    sizeof desc, TN_BASELINE, &table, "persistence", "the last number seen, for every step ahead",
    "    y[h] = x[n - 1]\n\n"
    "Inputs are the past, steps of numbers, and the target. Both are taken as they were before any scaling.",
    TN_OPTIONS(options), sizeof(config), sizeof(naive), NULL, NULL, naive_close, NULL, NULL, NULL };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("persistence", "1.0.0", "Tenon", "MIT", "", parts)
