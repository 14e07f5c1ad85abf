/* l1.c -- a penalty on the size of the parameters (Lasso). */
#include <math.h>
#include <tenon/tenon.h>

typedef struct config { double factor; } config;
typedef struct regularizer { const config *options; } regularizer;

static const tn_option options[] = {
    TN_REAL(config, factor, 1e-4, 0, 1e6, "weight of the sum of absolute values in the loss"),
};

static int open(const tn_api *api, tn_host *host, const void *opts, void *self)
{
    (void)api, (void)host;
    ((regularizer *)self)->options = opts;
    return TN_OK;
}

/* g += factor sign(p), 0 where p is 0;  penalty = factor (sum of |p|) */
static int add(void *self, tn_be *be, int64_t n, const float *restrict p, float *restrict g, double *penalty)
{
    double factor = ((const regularizer *)self)->options->factor, lane[4] = { 0, 0, 0, 0 };
    const float by = (float)factor;
    int64_t i = 0;
    (void)be;
    for (int64_t j = 0; j < n; j++) g[j] += p[j] > 0 ? by : p[j] < 0 ? -by : 0.0f;
    for (; i + 4 <= n; i += 4)
        for (int j = 0; j < 4; j++) lane[j] += (double)fabsf(p[i + j]);
    for (; i < n; i++) lane[0] += (double)fabsf(p[i]);
    *penalty = factor * ((lane[0] + lane[1]) + (lane[2] + lane[3]));
    return TN_OK;
}

static const tn_regularizer table = { sizeof table, 0, add };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_REGULARIZER, .table = &table, .name = "l1",
    .brief = "penalty on absolute parameters (Lasso)",
    .doc = "Adds factor (|p_1| + ... + |p_n|) to the loss and factor sign(p) to the gradient, 0 where p is 0.\n"
           "Parameters come near 0 and change their sign from step to step, but are seldom 0 exactly.\n\n"
           "Source: Tibshirani, *Regression Shrinkage and Selection via the Lasso* (1996).\n",
    TN_OPTIONS(options), .config_size = sizeof(config), .self_size = sizeof(regularizer), .open = open };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("l1", "1.0", "The Tenon authors", "MIT", "", parts)
