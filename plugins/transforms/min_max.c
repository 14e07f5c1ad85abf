/* min_max.c -- numbers within a range, column by column:  y = low + (x - least) (high - low) / (most - least). */
#include "scale.h"

typedef struct { double low, high; } config;
static const tn_option options[] = {
    TN_REAL(config, low, 0, -1e9, 1e9, "what the least number becomes"),
    TN_REAL(config, high, 1, -1e9, 1e9, "what the largest number becomes") };

static int check(const tn_api *api, tn_host *host, const void *config_)
{
    const config *c = config_;
    return c->low < c->high ? TN_OK : tn_fail(api, host, TN_EINVAL, "low = %g must be less than high = %g", c->low, c->high);
}

/* a: the least so far, b: the largest. */
static int learn(void *self, const tn_value *in)
{
    scale *s = self;
    const float *x = scale_numbers(s, in);
    if (!x) return TN_EINVAL;
    for (int64_t r = 0; r < in->leaves; r++, s->n++)
        for (int64_t k = 0; k < s->width; k++) {
            double v = (double)x[r * s->width + k];
            if (!s->n || v < s->a[k]) s->a[k] = v;
            if (!s->n || v > s->b[k]) s->b[k] = v;
        }
    return TN_OK;
}

/* (x - shift) / factor  with  factor = (most - least) / (high - low),  shift = least - low factor. */
static int finish(void *self)
{
    scale *s = self;
    const config *c = s->config;
    if (!s->n) return s->api->fail(s->host, TN_EINVAL, "there are no numbers to learn a range from");
    for (int64_t k = 0; k < s->width; k++) {
        double range = s->b[k] - s->a[k], factor = (range > 0 ? range : 1) / (c->high - c->low);
        s->a[k] -= c->low * factor;
        s->b[k] = factor;
    }
    return TN_OK;
}

static const tn_transform table = { sizeof table, 0, scale_plan, scale_apply, learn, finish, scale_undo };
static const tn_desc desc = {
    sizeof desc, TN_TRANSFORM, &table, "min_max", "numbers within a range",
    "    y = low + (x - least) (high - low) / (most - least)\n\n"
    "Least and largest number of each column are those of the training split, so a later number may lie outside the "
    "range; `fit = \"all\"` takes all splits, which lets the model see what it is tested on. A constant column "
    "becomes `low`, as in scikit-learn's MinMaxScaler. Of a series every row counts once. Predictions are given back "
    "in the original scale, metrics with `space = \"original\"`.",
    TN_OPTIONS(options), sizeof(config), sizeof(scale), check, scale_open, scale_close, scale_save, scale_load, NULL };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("min_max", "1.0.0", "Tenon", "MIT", "", parts)
