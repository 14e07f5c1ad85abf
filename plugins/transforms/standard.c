/* standard.c -- numbers of mean 0 and standard deviation 1, column by column:  y = (x - mean) / deviation. */
#include "scale.h"

typedef struct { int32_t center, deviation; } config;
static const tn_option options[] = {
    TN_BOOL(config, center, 1, "subtract the mean"),
    TN_BOOL(config, deviation, 1, "divide by the standard deviation") };

/* Welford 1962:  mean_n = mean + (x - mean) / n,  m_n = m + (x - mean) (x - mean_n). a: mean, b: m. */
static int learn(void *self, const tn_value *in)
{
    scale *s = self;
    const float *x = scale_numbers(s, in);
    if (!x) return TN_EINVAL;
    for (int64_t r = 0; r < in->leaves; r++) {
        s->n++;
        for (int64_t k = 0; k < s->width; k++) {
            double v = (double)x[r * s->width + k], away = v - s->a[k];
            s->a[k] += away / (double)s->n;
            s->b[k] += away * (v - s->a[k]);
        }
    }
    return TN_OK;
}

static int finish(void *self)
{
    scale *s = self;
    const config *c = s->config;
    if (!s->n) return s->api->fail(s->host, TN_EINVAL, "there are no numbers to learn a mean from");
    for (int64_t k = 0; k < s->width; k++) {
        double deviation = sqrt(s->b[k] / (double)s->n);
        s->b[k] = c->deviation && deviation > 0 ? deviation : 1;
        if (!c->center) s->a[k] = 0;
    }
    return TN_OK;
}

static const tn_transform table = { sizeof table, 0, scale_plan, scale_apply, learn, finish, scale_undo };
static const tn_desc desc = {
    sizeof desc, TN_TRANSFORM, &table, "standard", "numbers of mean 0 and standard deviation 1",
    "    y = (x - mean) / deviation\n\n"
    "Mean and standard deviation (divided by n, as scikit-learn's StandardScaler does) of each column are those of "
    "the training split; `fit = \"all\"` takes all splits, which lets the model see what it is tested on. A constant "
    "column is not divided, so it becomes 0. Of a series every row counts once, however many windows it is in. "
    "Predictions are given back in the original scale, metrics with `space = \"original\"`.\n\n"
    "    [[field]]\n"
    "    name = \"past\"\n"
    "    kind = \"numbers\"\n"
    "    columns = [\"HUFL\", \"OT\"]\n"
    "    scale = { type = \"standard\", fit = \"train\" }",
    TN_OPTIONS(options), sizeof(config), sizeof(scale), NULL, scale_open, scale_close, scale_save, scale_load, NULL };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("standard", "1.0.0", "Tenon", "MIT", "", parts)
