/* batch_norm.c -- each column brought to mean 0 and deviation 1 over the rows of the batch, then scaled and moved. What
 * evaluation uses instead, means and variances that run along in training, is kept in checkpoints by save and load. */
#include <stdlib.h>
#include "rows.h"

typedef struct config { double epsilon, momentum; int32_t scale, center; } config;
typedef struct layer {
    int64_t width;
    double epsilon, momentum;
    int scale, bias, moments;              /* parameters, saved slot; -1: none         */
    double *running;                       /* [2][width]: means, variances             */
} layer;
enum { MEAN, INVERSE, COLUMNS = 16 };      /* moments of a column; columns that a thread takes at a time */

static const tn_option options[] = {
    TN_REAL_X(config, epsilon, TN_O_OPEN_MIN, 1e-5, 0, 1, "added to the variance, so that a constant column is not divided by zero"),
    TN_REAL(config, momentum, 0.1, 0, 1, "share of a new batch in the running mean and variance"),
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
    int rc = rows_check(api, host, in[0], "batch_norm");
    if (rc) return rc;
    free(l->running);
    *l = (layer){ w, o->epsilon, o->momentum, -1, -1, -1, calloc((size_t)(2 * w), sizeof *l->running) };
    if (!l->running) return tn_fail(api, host, TN_ENOMEM, "batch_norm: no memory for the moments of %lld columns", (long long)w);
    for (int64_t j = 0; j < w; j++) l->running[w + j] = 1;
    tn_spec y = { .dtype = TN_F32, .layout = in[0]->layout, .rows = in[0]->rows, .width = w };
    tn_spec moments = { .dtype = TN_F32, .rows = 2, .width = w };
    tn_param scale = { .size = sizeof scale, .flags = TN_P_NO_DECAY, .name = "weight", .init = "{ type = 'constant', value = 1.0 }",
                       .ndim = 1, .blocks = 1, .dim = { w, 1, 1, 1 }, .fan_in = w, .fan_out = w }, bias = scale;
    bias.name = "bias", bias.init = "{ type = 'constant', value = 0.0 }";
    rc = api->add_out(p, NULL, &y);
    if (rc >= 0) rc = l->moments = api->add_saved(p, &moments);
    if (rc >= 0 && o->scale) rc = l->scale = api->add_param(p, &scale);
    if (rc >= 0 && o->center) rc = l->bias = api->add_param(p, &bias);
    api->uses(p, TN_USES_IN);
    return rc < 0 ? rc : TN_OK;
}

static void close_layer(void *self) { free(((layer *)self)->running); }

/* The width, then the means and variances. */
static int save(void *self, int (*put)(void *to, const void *, size_t), void *to)
{
    const layer *l = self;
    int rc = put(to, &l->width, sizeof l->width);
    return rc || !l->running ? rc : put(to, l->running, sizeof *l->running * (size_t)(2 * l->width));
}

static int load(void *self, int (*get)(void *from, void *, size_t), void *from)
{
    layer *l = self;
    int64_t width = 0;
    int rc = get(from, &width, sizeof width);
    if (!rc && width != l->width) rc = TN_EINVAL;
    return rc || !l->running ? rc : get(from, l->running, sizeof *l->running * (size_t)(2 * width));
}

/* ---- moments: threads take columns, each runs through all rows in order -------------------------------- */
typedef struct job { layer *l; const tn_call *c; float *moments; int64_t n; } job;

/* m = sum x / N;  v = sum (x - m)^2 / N;  running += momentum (new - running), of v N / (N - 1) */
static void batch_moments(const job *b, const float *x, int64_t j, int64_t k)
{
    int64_t w = b->l->width;
    double mean[COLUMNS] = { 0 }, variance[COLUMNS] = { 0 }, n = (double)b->n;
    for (int64_t r = 0; r < b->n; r++)
        for (int64_t i = 0; i < k; i++) mean[i] += (double)x[r * w + j + i];
    for (int64_t i = 0; i < k; i++) mean[i] /= n;
    for (int64_t r = 0; r < b->n; r++)
        for (int64_t i = 0; i < k; i++) {
            double d = (double)x[r * w + j + i] - mean[i];
            variance[i] += d * d;
        }
    for (int64_t i = 0; i < k; i++) {
        double *m = &b->l->running[j + i], *v = &b->l->running[w + j + i];
        b->moments[MEAN * w + j + i] = (float)mean[i];
        b->moments[INVERSE * w + j + i] = (float)(1 / sqrt(variance[i] / n + b->l->epsilon));
        if (b->n < 2) continue;
        *m += b->l->momentum * (mean[i] - *m), *v += b->l->momentum * (variance[i] / (n - 1) - *v);
    }
}

static void moments_piece(void *to, int64_t from, int64_t end)
{
    const job *b = to;
    int64_t w = b->l->width;
    for (int64_t j = from; j < end; j += COLUMNS) {
        int64_t k = end - j < COLUMNS ? end - j : COLUMNS;
        if (b->c->flags & TN_C_TRAINING) batch_moments(b, b->c->in[0]->data, j, k);
        else
            for (int64_t i = j; i < j + k; i++) {
                b->moments[MEAN * w + i] = (float)b->l->running[i];
                b->moments[INVERSE * w + i] = (float)(1 / sqrt(b->l->running[w + i] + b->l->epsilon));
            }
    }
}

/* y_j = (x_j - m_j) i_j g_j + b_j, i the inverse deviation */
static void forward_piece(void *to, int64_t from, int64_t end)
{
    const job *b = to;
    int64_t w = b->l->width;
    const float *m = b->moments, *inverse = m + INVERSE * w;
    const float *g = b->l->scale >= 0 ? b->c->param[b->l->scale]->data : NULL;
    const float *bias = b->l->bias >= 0 ? b->c->param[b->l->bias]->data : NULL;
    for (int64_t r = from; r < end; r++) {
        const float *x = (const float *)b->c->in[0]->data + r * w;
        float *y = (float *)b->c->out[0]->data + r * w;
        for (int64_t j = 0; j < w; j++) y[j] = (x[j] - m[j]) * inverse[j];
        for (int64_t j = 0; g && j < w; j++) y[j] *= g[j];
        for (int64_t j = 0; bias && j < w; j++) y[j] += bias[j];
    }
}

static int forward(void *self, const tn_call *c)
{
    layer *l = self;
    job b = { l, c, c->saved[l->moments]->data, c->in[0]->rows };
    if (b.n == 0) return TN_OK;
    int rc = c->be->ops->parallel_for(c->be, l->width, COLUMNS, moments_piece, &b);
    return rc ? rc : c->be->ops->parallel_for(c->be, b.n, ROWS_GRAIN, forward_piece, &b);
}

/* ---- gradients ----------------------------------------------------------------------------------------- */
/* Of k columns from j on: the sums over rows of dy and of dy n, n = (x - m) i. */
static void column_sums(const job *b, int64_t j, int64_t k, double *sum, double *dot)
{
    int64_t w = b->l->width;
    const float *x = b->c->in[0]->data, *dy = b->c->d_out[0]->data, *m = b->moments;
    for (int64_t i = 0; i < k; i++) sum[i] = dot[i] = 0;
    for (int64_t r = 0; r < b->n; r++)
        for (int64_t i = 0; i < k; i++) {
            int64_t at = r * w + j + i;
            sum[i] += (double)dy[at];
            dot[i] += (double)dy[at] * (double)((x[at] - m[j + i]) * m[INVERSE * w + j + i]);
        }
}

/* In training dx += i g (dy - sum dy / N - n sum (dy n) / N), else dx += i g dy */
static void backward_piece(void *to, int64_t from, int64_t end)
{
    const job *b = to;
    int64_t w = b->l->width;
    const float *x = b->c->in[0]->data, *dy = b->c->d_out[0]->data, *m = b->moments;
    const float *g = b->l->scale >= 0 ? b->c->param[b->l->scale]->data : NULL;
    float *dx = b->c->d_in[0]->data;
    double sum[COLUMNS] = { 0 }, dot[COLUMNS] = { 0 };
    for (int64_t j = from; j < end; j += COLUMNS) {
        int64_t k = end - j < COLUMNS ? end - j : COLUMNS;
        if (b->c->flags & TN_C_TRAINING) column_sums(b, j, k, sum, dot);
        for (int64_t r = 0; r < b->n; r++)
            for (int64_t i = 0; i < k; i++) {
                int64_t at = r * w + j + i;
                float inverse = m[INVERSE * w + j + i], normal = (x[at] - m[j + i]) * inverse;
                float d = dy[at] - (float)(sum[i] / (double)b->n) - normal * (float)(dot[i] / (double)b->n);
                dx[at] += inverse * (g ? g[j + i] : 1.0f) * d;
            }
    }
}

/* dg += sum over rows of dy n;  db += sum of dy */
static void gradient_piece(void *to, int64_t from, int64_t end)
{
    const job *b = to;
    const layer *l = b->l;
    double sum[COLUMNS], dot[COLUMNS];
    float *dg = l->scale >= 0 && b->c->d_param[l->scale] ? b->c->d_param[l->scale]->data : NULL;
    float *db = l->bias >= 0 && b->c->d_param[l->bias] ? b->c->d_param[l->bias]->data : NULL;
    for (int64_t j = from; j < end && (dg || db); j += COLUMNS) {
        int64_t k = end - j < COLUMNS ? end - j : COLUMNS;
        column_sums(b, j, k, sum, dot);
        for (int64_t i = 0; dg && i < k; i++) dg[j + i] += (float)dot[i];
        for (int64_t i = 0; db && i < k; i++) db[j + i] += (float)sum[i];
    }
}

static int backward(void *self, const tn_call *c)
{
    layer *l = self;
    job b = { l, c, c->saved[l->moments]->data, c->in[0]->rows };
    if (!c->d_in[0] || !c->d_out[0] || b.n == 0) return TN_OK;
    return c->be->ops->parallel_for(c->be, l->width, COLUMNS, backward_piece, &b);
}

static int gradient(void *self, const tn_call *c)
{
    layer *l = self;
    job b = { l, c, c->saved[l->moments]->data, c->in[0]->rows };
    if (!c->d_out[0] || b.n == 0) return TN_OK;
    return c->be->ops->parallel_for(c->be, l->width, COLUMNS, gradient_piece, &b);
}

static const tn_impl on_cpu = { sizeof on_cpu, 0, "cpu", forward, backward, gradient };
static const tn_impl *const impls[] = { &on_cpu, NULL };
static const tn_layer table = { .size = sizeof table, .min_in = 1, .max_in = 1, .plan = plan, .impls = impls,
                                .port_size = sizeof(tn_port) };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_LAYER, .table = &table, .name = "batch_norm",
    .brief = "each column brought to mean 0 and deviation 1 over the batch",
    .doc = "y_j = (x_j - m_j) / sqrt(v_j + epsilon) g_j + b_j. In a training step m and v are mean and variance of\n"
           "column j over all N rows of the batch, be they examples or steps, of which there are only real ones. In\n"
           "evaluation and prediction they are what ran along in training: after each step they move by\n"
           "`momentum` towards the batch's mean and its variance times N / (N - 1), from 0 and 1. A batch of one\n"
           "row moves neither, and one without rows gives none.\n\n"
           "This layer is the exception to the rule that a row does not depend on who else is in the batch, in\n"
           "training only: there a batch that is put together otherwise gives other numbers. Sums run through the\n"
           "rows in one order, so the number of threads changes no bit; running means and variances are part of\n"
           "every checkpoint, so a resume does not either. Over sequences, `layer_norm` is mostly what is wanted.\n\n"
           "Parameters: `weight` (g, at first 1) and `bias` (b, at first 0), unless `scale` or `center` is false;\n"
           "weight decay leaves both alone. `epsilon` and `momentum` are PyTorch's; Keras has 0.001, and 0.99 for\n"
           "what is 1 - 0.01 here.\n\n"
           "Source: Ioffe, Szegedy, *Batch Normalization: Accelerating Deep Network Training by Reducing Internal\n"
           "Covariate Shift* (ICML 2015).\n",
    TN_OPTIONS(options), .config_size = sizeof(config), .self_size = sizeof(layer), .close = close_layer, .save = save,
    .load = load };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("batch_norm", "1.0", "The Tenon authors", "MIT", "", parts)
