/* l2.c -- a penalty on the square of the parameters. */
#include <tenon/tenon.h>

typedef struct config { double factor; } config;
typedef struct regularizer { const config *options; } regularizer;

static const tn_option options[] = {
    TN_REAL(config, factor, 1e-4, 0, 1e6, "weight of the sum of squares in the loss"),
};

static int open(const tn_api *api, tn_host *host, const void *opts, void *self)
{
    (void)api, (void)host;
    ((regularizer *)self)->options = opts;
    return TN_OK;
}

/* g += 2 factor p;  penalty = factor (sum of p^2) */
static int add(void *self, tn_be *be, int64_t n, const float *restrict p, float *restrict g, double *penalty)
{
    double factor = ((const regularizer *)self)->options->factor, lane[4] = { 0, 0, 0, 0 };
    const float twice = (float)(2 * factor);
    int64_t i = 0;
    (void)be;
    for (int64_t j = 0; j < n; j++) g[j] += twice * p[j];
    for (; i + 4 <= n; i += 4)
        for (int j = 0; j < 4; j++) lane[j] += (double)p[i + j] * (double)p[i + j];
    for (; i < n; i++) lane[0] += (double)p[i] * (double)p[i];
    *penalty = factor * ((lane[0] + lane[1]) + (lane[2] + lane[3]));
    return TN_OK;
}

static const tn_regularizer table = { sizeof table, 0, add };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_REGULARIZER, .table = &table, .name = "l2",
    .brief = "penalty on squared parameters",
    .doc = "Adds factor (p_1^2 + ... + p_n^2) to the loss and 2 factor p to the gradient.\n\n"
           "With `sgd` it does what weight_decay = 2 factor does. With `adam` that is the coupled form;\n"
           "its option `decoupled` with weight_decay is usually better (Loshchilov, Hutter, *Decoupled\n"
           "Weight Decay Regularization*, ICLR 2019).\n",
    TN_OPTIONS(options), .config_size = sizeof(config), .self_size = sizeof(regularizer), .open = open };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("l2", "1.0", "The Tenon authors", "MIT", "", parts)
