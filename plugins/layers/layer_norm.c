/* layer_norm.c -- each row brought to mean 0 and deviation 1, then scaled and moved column by column. */
#include "rows.h"

typedef struct config { double epsilon; int32_t scale, center; } config;
typedef struct layer { int64_t width; float epsilon; int scale, bias, moments; } layer; /* parameters, saved slot; -1: none */
enum { MEAN, INVERSE };                    /* moments of a row: its mean, 1 / its deviation */

static const tn_option options[] = {
    TN_REAL_X(config, epsilon, TN_O_OPEN_MIN, 1e-5, 0, 1, "added to the variance, so that a constant row is not divided by zero"),
    TN_BOOL(config, scale, 1, "whether each column is multiplied by a number that is learned"),
    TN_BOOL(config, center, 1, "whether a learned number is added to each column"),
};

static int plan(const tn_api *api, tn_host *host, const void *opts, void *self, tn_plan *p, uint32_t n_in,
                const tn_spec *const *in)
{
    const config *o = opts;
    layer *l = self;
    int64_t w = in[0]->width;
    (void)n_in;
    int rc = rows_check(api, host, in[0], "layer_norm");
    if (rc) return rc;
    *l = (layer){ w, (float)o->epsilon, -1, -1, -1 };
    tn_spec y = { .dtype = TN_F32, .layout = in[0]->layout, .rows = in[0]->rows, .width = w }, moments = y;
    tn_param scale = { .size = sizeof scale, .flags = TN_P_NO_DECAY, .name = "weight", .init = "{ type = 'constant', value = 1.0 }",
                       .ndim = 1, .blocks = 1, .dim = { w, 1, 1, 1 }, .fan_in = w, .fan_out = w }, bias = scale;
    bias.name = "bias", bias.init = "{ type = 'constant', value = 0.0 }";
    moments.width = 2;
    rc = api->add_out(p, NULL, &y);
    if (rc >= 0) rc = l->moments = api->add_saved(p, &moments);
    if (rc >= 0 && o->scale) rc = l->scale = api->add_param(p, &scale);
    if (rc >= 0 && o->center) rc = l->bias = api->add_param(p, &bias);
    api->uses(p, TN_USES_IN);
    return rc < 0 ? rc : TN_OK;
}

typedef struct job { const layer *l; const tn_call *c; } job;

/* Row r of a tensor. */
static float *row_of(const tn_tensor *t, int64_t r) { return (float *)t->data + r * t->width; }

/* A learned number for each column, or NULL. */
static const float *column(const tn_call *c, int slot) { return slot >= 0 ? c->param[slot]->data : NULL; }

/* m = sum x_j / W;  v = sum (x_j - m)^2 / W;  y_j = (x_j - m) / sqrt(v + epsilon) g_j + b_j */
static void forward_piece(void *to, int64_t from, int64_t end)
{
    const job *b = to;
    int64_t w = b->l->width;
    const float *g = column(b->c, b->l->scale), *bias = column(b->c, b->l->bias);
    for (int64_t r = from; r < end; r++) {
        const float *x = row_of(b->c->in[0], r);
        float *y = row_of(b->c->out[0], r), *moments = row_of(b->c->saved[b->l->moments], r);
        float mean = lanes_sum(x, w) / (float)w;
        for (int64_t j = 0; j < w; j++) y[j] = x[j] - mean;
        float inverse = 1 / sqrtf(lanes_dot(y, y, w) / (float)w + b->l->epsilon);
        moments[MEAN] = mean, moments[INVERSE] = inverse;
        for (int64_t j = 0; j < w; j++) y[j] *= inverse;
        for (int64_t j = 0; g && j < w; j++) y[j] *= g[j];
        for (int64_t j = 0; bias && j < w; j++) y[j] += bias[j];
    }
}

/* With n_j = (x_j - m) i, i the inverse deviation, and d_j = dy_j g_j:
 * dx_j += i (d_j - sum d / W - n_j sum (d n) / W) */
static void backward_piece(void *to, int64_t from, int64_t end)
{
    const job *b = to;
    int64_t w = b->l->width;
    const float *g = column(b->c, b->l->scale);
    for (int64_t r = from; r < end; r++) {
        const float *x = row_of(b->c->in[0], r), *dy = row_of(b->c->d_out[0], r), *m = row_of(b->c->saved[b->l->moments], r);
        float *dx = row_of(b->c->d_in[0], r), sum, dot, inverse = m[INVERSE];
        tn_vf s[LANE_VECTORS], t[LANE_VECTORS], mean = tn_set(m[MEAN]);
        for (int k = 0; k < LANE_VECTORS; k++) s[k] = t[k] = tn_set(0);
        for (int64_t i = 0; i < w; i += LANE_COUNT)
            for (int k = 0; k < LANE_VECTORS; k++) {
                int64_t j = i + k * TN_VL;
                tn_vf d = lanes_load(dy, j, w);
                if (g) d *= lanes_load(g, j, w);
                s[k] += d, t[k] = tn_fma(d, (lanes_load(x, j, w) - mean) * tn_set(inverse), t[k]);
            }
        sum = lanes_total(s) / (float)w, dot = lanes_total(t) / (float)w;
        for (int64_t j = 0; j < w; j++) {
            float d = g ? dy[j] * g[j] : dy[j];
            dx[j] += inverse * (d - sum - (x[j] - m[MEAN]) * inverse * dot);
        }
    }
}

/* dg_j += sum over rows of dy_j n_j;  db_j += sum of dy_j. Threads take columns. */
static void gradient_piece(void *to, int64_t from, int64_t end)
{
    const job *b = to;
    int scale = b->l->scale;
    float *dg = scale >= 0 && b->c->d_param[scale] ? b->c->d_param[scale]->data : NULL;
    for (int64_t r = 0; dg && r < b->c->in[0]->rows; r++) {
        const float *x = row_of(b->c->in[0], r), *dy = row_of(b->c->d_out[0], r), *m = row_of(b->c->saved[b->l->moments], r);
        for (int64_t j = from; j < end; j++) dg[j] += dy[j] * ((x[j] - m[MEAN]) * m[INVERSE]);
    }
}

static int forward(void *self, const tn_call *c)
{
    job b = { self, c };
    return c->be->ops->parallel_for(c->be, c->in[0]->rows, ROWS_GRAIN, forward_piece, &b);
}

static int backward(void *self, const tn_call *c)
{
    job b = { self, c };
    if (!c->d_in[0] || !c->d_out[0]) return TN_OK;
    return c->be->ops->parallel_for(c->be, c->in[0]->rows, ROWS_GRAIN, backward_piece, &b);
}

static int gradient(void *self, const tn_call *c)
{
    job b = { self, c };
    const layer *l = self;
    if (!c->d_out[0]) return TN_OK;
    int rc = c->be->ops->parallel_for(c->be, l->width, 2 * LANE_COUNT, gradient_piece, &b);
    if (!rc && l->bias >= 0 && c->d_param[l->bias])
        rc = c->be->ops->sum_rows(c->be, c->in[0]->rows, l->width, c->d_out[0]->data, l->width, c->d_param[l->bias]->data);
    return rc;
}

static const tn_impl on_cpu = { sizeof on_cpu, 0, "cpu", forward, backward, gradient };
static const tn_impl *const impls[] = { &on_cpu, NULL };
static const tn_layer table = { .size = sizeof table, .min_in = 1, .max_in = 1, .plan = plan, .impls = impls,
                                .port_size = sizeof(tn_port) };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_LAYER, .table = &table, .name = "layer_norm",
    .brief = "each row brought to mean 0 and deviation 1",
    .doc = "y_j = (x_j - m) / sqrt(v + epsilon) g_j + b_j, with the mean m and the variance v (divided by the width)\n"
           "of the row's own numbers: a row does not depend on others, in training as little as afterwards.\n\n"
           "A row of one column, or of equal numbers, becomes b.\n\n"
           "Parameters: `weight` (g, at first 1) and `bias` (b, at first 0), unless `scale` or `center` is false;\n"
           "weight decay leaves both alone. `epsilon` is PyTorch's; Keras has 0.001.\n\n"
           "Source: Ba, Kiros, Hinton, *Layer Normalization* (arXiv:1607.06450, 2016).\n",
    TN_OPTIONS(options), .config_size = sizeof(config), .self_size = sizeof(layer) };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("layer_norm", "1.0", "The Tenon authors", "MIT", "", parts)
