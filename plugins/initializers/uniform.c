/* uniform.c -- random numbers between two bounds. */
#include <tenon/random.h>

typedef struct config { double low, high; } config;
typedef struct initializer { const config *options; } initializer;

static const tn_option options[] = {
    TN_REAL(config, low, -0.05, -1e6, 1e6, "lower bound"),
    TN_REAL(config, high, 0.05, -1e6, 1e6, "upper bound"),
};

static int check(const tn_api *api, tn_host *host, const void *opts)
{
    const config *o = opts;
    if (o->low <= o->high) return TN_OK;
    return tn_fail(api, host, TN_EINVAL, "low (%g) must not lie above high (%g)", o->low, o->high);
}

static int open(const tn_api *api, tn_host *host, const void *opts, void *self)
{
    (void)api, (void)host;
    ((initializer *)self)->options = opts;
    return TN_OK;
}

/* p_i = low + (high - low) u_i, u_i in [0, 1) */
static int fill(void *self, const tn_param *w, int64_t rows, int64_t width, tn_rng rng, float *p)
{
    const config *o = ((const initializer *)self)->options;
    (void)w;
    for (int64_t i = 0; i < rows * width; i++)
        p[i] = (float)(o->low + (o->high - o->low) * tn_random_real(rng, (uint64_t)i));
    return TN_OK;
}

static const tn_initializer table = { sizeof table, 0, fill };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_INITIALIZER, .table = &table, .name = "uniform",
    .brief = "random numbers between two bounds",
    .doc = "Independent numbers, each as likely as any other between `low` and `high`.\n",
    TN_OPTIONS(options), .config_size = sizeof(config), .self_size = sizeof(initializer), .check = check, .open = open };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("uniform", "1.0", "The Tenon authors", "MIT", "", parts)
