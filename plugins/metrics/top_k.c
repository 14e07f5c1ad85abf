/* top_k.c -- the share of rows whose class is among the k that the output prefers. */
#include "decision.h"

typedef struct config { int64_t k, ignore; } config;
typedef struct metric { decision d; int64_t k; } metric;
enum { RIGHT, ALL, SUMS };

static const tn_option options[] = {
    TN_INT(config, k, 5, 1, 1e9, "how many of the classes may be said"),
    TN_INT(config, ignore, -1, -1, 1e9, "a class whose rows are not counted; -1: none"),
};

static int plan(const tn_api *api, tn_host *host, const void *opts, void *self, uint32_t n_in,
                const tn_spec *const *in, uint32_t *sums)
{
    metric *m = self;
    const config *o = opts;
    *sums = SUMS, m->k = o->k;
    int rc = decision_plan(&m->d, api, host, "top_k", n_in, in, o->ignore);
    if (rc) return rc;
    if (m->d.means == TN_IDS || m->d.width == 1)
        return tn_fail(api, host, TN_ESHAPE, "top_k: the output must have a value for each class");
    return TN_OK;
}

/* Classes that come before the target's: a larger value, or the same one and a smaller number. */
static int64_t before(const float *x, int64_t width, int32_t target)
{
    int64_t n = 0;
    for (int64_t j = 0; j < width; j++) n += x[j] > x[target] || (j < target && x[j] == x[target]);
    return n;
}

static int update(void *self, const tn_call *c, double *sum)
{
    const metric *m = self;
    const int32_t *target = c->in[TARGET]->data;
    const float *x = c->in[OUTPUT]->data;
    for (int64_t r = 0; r < c->in[TARGET]->rows; r++) {
        if (target[r] == m->d.ignore) continue;
        sum[ALL] += 1;
        sum[RIGHT] += before(x + r * m->d.width, m->d.width, target[r]) < m->k;
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
    .size = sizeof desc, .kind = TN_METRIC, .table = &table, .name = "top_k",
    .brief = "share of rows whose class is among the k largest values",
    .doc = "The share of rows whose class has one of the k largest values, counted over the whole split. Of\n"
           "equal values those of smaller classes come first, so that k = 1 is accuracy.\n",
    TN_OPTIONS(options), .config_size = sizeof(config), .self_size = sizeof(metric) };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("top_k", "1.0", "The Tenon authors", "MIT", "", parts)
