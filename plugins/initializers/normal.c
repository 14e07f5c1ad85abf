/* normal.c -- normally distributed random numbers. */
#include <tenon/random.h>

typedef struct config { double mean, deviation; } config;
typedef struct initializer { const config *options; } initializer;

static const tn_option options[] = {
    TN_REAL(config, mean, 0, -1e6, 1e6, "mean"),
    TN_REAL(config, deviation, 0.05, 0, 1e6, "standard deviation"),
};

static int open(const tn_api *api, tn_host *host, const void *opts, void *self)
{
    (void)api, (void)host;
    ((initializer *)self)->options = opts;
    return TN_OK;
}

/* p_i = mean + deviation n_i */
static int fill(void *self, const tn_param *w, int64_t rows, int64_t width, tn_rng rng, float *p)
{
    const config *o = ((const initializer *)self)->options;
    (void)w;
    for (int64_t i = 0; i < rows * width; i++)
        p[i] = (float)(o->mean + o->deviation * tn_random_normal(rng, (uint64_t)i));
    return TN_OK;
}

static const tn_initializer table = { sizeof table, 0, fill };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_INITIALIZER, .table = &table, .name = "normal",
    .brief = "normally distributed numbers",
    .doc = "Independent numbers from the normal distribution with `mean` and `deviation`.\n",
    TN_OPTIONS(options), .config_size = sizeof(config), .self_size = sizeof(initializer), .open = open };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("normal", "1.0", "The Tenon authors", "MIT", "", parts)
