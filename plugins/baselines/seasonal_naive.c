/* seasonal_naive.c -- the forecast that each season is like the last: the number of one period ago. */
#include "naive_forecast.h"

typedef struct { int64_t period; const char *column; } config;
static const tn_option options[] = {
    TN_INT_X(config, period, TN_O_REQUIRED, 0, 1, 1000000, "steps of a season: 24 for hours of a day"),
    TN_STR(config, column, NULL, "column of the past that is repeated; not given: the one that the target is called by") };

static int plan(const tn_api *api, tn_host *host, const void *config_, void *self, uint32_t n_in, const tn_spec *const *in,
                tn_spec *out)
{
    const config *c = config_;
    naive *s = self;
    s->period = c->period;
    return naive_plan(api, host, s, c->column, n_in, in, out);
}

static const tn_baseline table = { sizeof table, 0, 2, 2, plan, naive_learn, naive_finish, naive_predict };
static const tn_desc desc = {
    sizeof desc, TN_BASELINE, &table, "seasonal_naive", "the number of one season ago",
    "    y[h] = x[n - period + h mod period],  h = 0, 1, ...\n\n"
    "Inputs are the past, steps of numbers, and the target. Both are taken as they were before any scaling. A past that is "
    "shorter than a season is an error. Hyndman and Athanasopoulos 2021, \"Forecasting: principles and practice\", 5.2.",
    TN_OPTIONS(options), sizeof(config), sizeof(naive), NULL, NULL, naive_close, NULL, NULL, NULL };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("seasonal_naive", "1.0.0", "Tenon", "MIT", "", parts)
