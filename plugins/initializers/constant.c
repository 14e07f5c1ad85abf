/* constant.c -- the same number everywhere. */
#include <tenon/tenon.h>

typedef struct config { double value; } config;
typedef struct initializer { const config *options; } initializer;

static const tn_option options[] = {
    TN_REAL(config, value, 0, -1e30, 1e30, "the number"),
};

static int open(const tn_api *api, tn_host *host, const void *opts, void *self)
{
    (void)api, (void)host;
    ((initializer *)self)->options = opts;
    return TN_OK;
}

static int fill(void *self, const tn_param *w, int64_t rows, int64_t width, tn_rng rng, float *p)
{
    const config *o = ((const initializer *)self)->options;
    (void)w, (void)rng;
    for (int64_t i = 0; i < rows * width; i++) p[i] = (float)o->value;
    return TN_OK;
}

static const tn_initializer table = { sizeof table, 0, fill };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_INITIALIZER, .table = &table, .name = "constant",
    .brief = "the same number everywhere",
    .doc = "p = value. The usual first value of a bias is 0.\n",
    TN_OPTIONS(options), .config_size = sizeof(config), .self_size = sizeof(initializer), .open = open };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("constant", "1.0", "The Tenon authors", "MIT", "", parts)
