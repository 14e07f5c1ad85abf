/* elastic_net.c -- a penalty on the size and on the square of the parameters. */
#include <math.h>
#include <tenon/tenon.h>

typedef struct config { double l1, l2; } config;
typedef struct regularizer { const config *options; } regularizer;

static const tn_option options[] = {
    TN_REAL(config, l1, 1e-4, 0, 1e6, "weight of the sum of absolute values in the loss"),
    TN_REAL(config, l2, 1e-4, 0, 1e6, "weight of the sum of squares in the loss"),
};

static int open(const tn_api *api, tn_host *host, const void *opts, void *self)
{
    (void)api, (void)host;
    ((regularizer *)self)->options = opts;
    return TN_OK;
}

/* g += l1 sign(p) + 2 l2 p;  penalty = l1 (sum of |p|) + l2 (sum of p^2) */
static int add(void *self, tn_be *be, int64_t n, const float *restrict p, float *restrict g, double *penalty)
{
    const config *o = ((const regularizer *)self)->options;
    const float by = (float)o->l1, twice = (float)(2 * o->l2);
    double lane[4] = { 0, 0, 0, 0 };
    int64_t i = 0;
    (void)be;
    for (int64_t j = 0; j < n; j++) g[j] += (p[j] > 0 ? by : p[j] < 0 ? -by : 0.0f) + twice * p[j];
    for (; i < n; i++) lane[i & 3] += o->l1 * fabs((double)p[i]) + o->l2 * ((double)p[i] * (double)p[i]);
    *penalty = (lane[0] + lane[1]) + (lane[2] + lane[3]);
    return TN_OK;
}

static const tn_regularizer table = { sizeof table, 0, add };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_REGULARIZER, .table = &table, .name = "elastic_net",
    .brief = "penalty on absolute and on squared parameters",
    .doc = "Adds l1 (|p_1| + ... + |p_n|) + l2 (p_1^2 + ... + p_n^2) to the loss: `l1` and `l2` in one, Keras' L1L2.\n\n"
           "Source: Zou, Hastie, *Regularization and Variable Selection via the Elastic Net* (2005).\n",
    TN_OPTIONS(options), .config_size = sizeof(config), .self_size = sizeof(regularizer), .open = open };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("elastic_net", "1.0", "The Tenon authors", "MIT", "", parts)
