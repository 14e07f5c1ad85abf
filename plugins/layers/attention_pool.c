/* attention_pool.c -- the mean of each sequence's rows by weights that are learned: u_t = tanh(W x_t + b),
 * a = softmax over t of u_t c, y = sum of a_t x_t. */
#include "attend.h"
#include "pool.h"
#include "rows.h"

typedef struct config { int64_t units; int32_t bias; } config;
typedef struct layer { int64_t in, units; int bias, u, de, du; } layer; /* saved: u, gradients of the scores and of u */
enum { WEIGHT, CONTEXT, BIAS };
enum { WEIGHTS = 1 };                      /* output: a_t; while they are computed, the scores */

static const tn_option options[] = {
    TN_INT(config, units, 0, 0, 1e6, "width of what is compared with the context vector; 0: as wide as the input"),
    TN_BOOL(config, bias, 1, "whether a bias is added before tanh"),
};

static int plan_params(const tn_api *api, tn_plan *p, const layer *l)
{
    tn_param weight = { .size = sizeof weight, .name = "weight", .init = "glorot_uniform", .ndim = 2, .blocks = 1,
                        .dim = { l->units, l->in, 1, 1 }, .fan_in = l->in, .fan_out = l->units };
    tn_param context = { .size = sizeof context, .name = "context", .init = "glorot_uniform", .ndim = 1, .blocks = 1,
                         .dim = { l->units, 1, 1, 1 }, .fan_in = l->units, .fan_out = 1 };
    tn_param bias = { .size = sizeof bias, .flags = TN_P_NO_DECAY, .name = "bias", .init = "{ type = 'constant', value = 0.0 }",
                      .ndim = 1, .blocks = 1, .dim = { l->units, 1, 1, 1 }, .fan_in = l->in, .fan_out = l->units };
    int rc = api->add_param(p, &weight);
    if (rc >= 0) rc = api->add_packed(p, rc, 1, 1);
    if (rc >= 0) rc = api->add_param(p, &context);
    if (rc >= 0 && l->bias) rc = api->add_param(p, &bias);
    return rc < 0 ? rc : TN_OK;
}

static int plan(const tn_api *api, tn_host *host, const void *opts, void *self, tn_plan *p, uint32_t n_in,
                const tn_spec *const *in)
{
    const config *o = opts;
    layer *l = self;
    (void)n_in;
    *l = (layer){ .in = in[0]->width, .units = o->units ? o->units : in[0]->width, .bias = o->bias };
    int rc = pool_plan(api, host, p, in[0], "attention_pool");
    if (rc) return rc;
    tn_spec steps = { .dtype = TN_F32, .layout = in[0]->layout, .width = 1 }, u = steps;
    u.width = l->units;
    rc = api->add_out(p, "weights", &steps);
    if (rc >= 0) rc = l->u = api->add_saved(p, &u);
    if (rc >= 0) rc = l->de = api->add_saved(p, &steps);
    if (rc >= 0) rc = l->du = api->add_saved(p, &u);
    api->uses(p, TN_USES_IN | TN_USES_OUT);
    return rc < 0 ? rc : plan_params(api, p, l);
}

typedef struct job { const layer *l; const tn_call *c; } job;
static float *saved(const job *b, int slot) { return b->c->saved[slot]->data; }

/* u = tanh(u);  e = u c */
static void score_piece(void *to, int64_t from, int64_t end)
{
    const job *b = to;
    const float *context = b->c->param[CONTEXT]->data;
    float *e = b->c->out[WEIGHTS]->data;
    int64_t n = b->l->units;
    for (int64_t r = from; r < end; r++) {
        float *u = saved(b, b->l->u) + r * n;
        for (int64_t j = 0; j < n; j += TN_VL) {
            int64_t k = n - j < TN_VL ? n - j : TN_VL;
            tn_storen(u + j, tn_tanh(tn_loadn(u + j, k)), k);
        }
        e[r] = lanes_dot(u, context, n);
    }
}

/* a = softmax(e), where e was;  y = sum of a_t x_t, 0 where the sequence is empty */
static void pool_piece(void *to, int64_t from, int64_t end)
{
    const job *b = to;
    const tn_layout *l = b->c->in[0]->lay;
    const float *x = b->c->in[0]->data;
    int64_t w = b->l->in;
    for (int64_t s = from; s < end; s++) {
        float *a = (float *)b->c->out[WEIGHTS]->data + s, *y = (float *)b->c->out[0]->data + l->order[s] * w;
        float top = -INFINITY, sum = 0;
        memset(y, 0, sizeof *y * (size_t)w);
        for (int32_t t = 0; t < l->length[s]; t++)
            if (a[l->first[t]] > top) top = a[l->first[t]];
        for (int32_t t = 0; t < l->length[s]; t++) sum += a[l->first[t]] = attend_exp(a[l->first[t]] - top);
        for (int32_t t = 0; t < l->length[s]; t++) {
            a[l->first[t]] /= sum;
            lanes_add(y, a[l->first[t]], x + (l->first[t] + s) * w, w);
        }
    }
}

/* da_t = dy x_t, and what comes by the port;  de = a (da - sum of a da);  dx_t += a_t dy */
static void unpool_piece(void *to, int64_t from, int64_t end)
{
    const job *b = to;
    const tn_layout *l = b->c->in[0]->lay;
    const float *x = b->c->in[0]->data, *port = b->c->d_out[WEIGHTS] ? b->c->d_out[WEIGHTS]->data : NULL;
    int64_t w = b->l->in;
    float *dx = b->c->d_in[0] ? b->c->d_in[0]->data : NULL;
    for (int64_t s = from; s < end; s++) {
        const float *a = b->c->out[WEIGHTS]->data, *dy = b->c->d_out[0] ? (const float *)b->c->d_out[0]->data + l->order[s] * w : NULL;
        float *de = saved(b, b->l->de), mean = 0;
        for (int32_t t = 0; t < l->length[s]; t++) {
            int64_t r = l->first[t] + s;
            de[r] = (dy ? lanes_dot(dy, x + r * w, w) : 0) + (port ? port[r] : 0);
            mean += a[r] * de[r];
            if (dx && dy) lanes_add(dx + r * w, a[r], dy, w);
        }
        for (int32_t t = 0; t < l->length[s]; t++) {
            int64_t r = l->first[t] + s;
            de[r] = a[r] * (de[r] - mean);
        }
    }
}

/* du = de c (1 - u^2) */
static void unscore_piece(void *to, int64_t from, int64_t end)
{
    const job *b = to;
    const float *context = b->c->param[CONTEXT]->data;
    int64_t n = b->l->units;
    for (int64_t r = from; r < end; r++) {
        const float *u = saved(b, b->l->u) + r * n;
        float *du = saved(b, b->l->du) + r * n, de = saved(b, b->l->de)[r];
        for (int64_t j = 0; j < n; j++) du[j] = de * context[j] * (1 - u[j] * u[j]);
    }
}

/* u = x W^T + b, before its tanh: [N, units] = [N, inputs] [inputs, units] */
static int forward(void *self, const tn_call *c)
{
    const layer *l = self;
    job b = { l, c };
    tn_product p = { .size = sizeof p, .groups = 1, .rows = c->in[0]->rows, .k = l->in, .units = l->units, .x = c->in[0]->data,
                     .ldx = l->in, .init = l->bias ? c->param[BIAS]->data : NULL, .packed = c->packed[0],
                     .y = c->saved[l->u]->data, .ldy = l->units };
    int rc = c->be->ops->product(c->be, &p);
    if (!rc) rc = c->be->ops->parallel_for(c->be, c->in[0]->rows, ROWS_GRAIN, score_piece, &b);
    return rc ? rc : c->be->ops->parallel_for(c->be, c->in[0]->lay->sequences, 1, pool_piece, &b);
}

/* dx += a dy + du W */
static int backward(void *self, const tn_call *c)
{
    const layer *l = self;
    job b = { l, c };
    int64_t n = c->in[0]->rows;
    if (!c->d_out[0] && !c->d_out[WEIGHTS]) return TN_OK;
    int rc = c->be->ops->parallel_for(c->be, c->in[0]->lay->sequences, 1, unpool_piece, &b);
    if (!rc) rc = c->be->ops->parallel_for(c->be, n, ROWS_GRAIN, unscore_piece, &b);
    if (rc || !c->d_in[0]) return rc;
    return c->be->ops->gemm(c->be, 0, 0, n, l->in, l->units, c->saved[l->du]->data, l->units, c->param[WEIGHT]->data, l->in, 1,
                            c->d_in[0]->data, l->in);
}

/* dW += du^T x;  db += sum of du;  dc += sum of de u */
static int gradient(void *self, const tn_call *c)
{
    const layer *l = self;
    const tn_ops *ops = c->be->ops;
    int64_t n = c->in[0]->rows;
    int rc = TN_OK;
    if (!c->d_out[0] && !c->d_out[WEIGHTS]) return TN_OK;
    const float *du = c->saved[l->du]->data;
    if (c->d_param[WEIGHT])
        rc = ops->outer_add(c->be, n, l->units, du, l->units, l->in, c->in[0]->data, l->in, NULL, c->d_param[WEIGHT]->data, l->in, NULL);
    if (!rc && l->bias && c->d_param[BIAS]) rc = ops->sum_rows(c->be, n, l->units, du, l->units, c->d_param[BIAS]->data);
    if (!rc && c->d_param[CONTEXT])
        rc = ops->outer_add(c->be, n, 1, c->saved[l->de]->data, 1, l->units, c->saved[l->u]->data, l->units, NULL,
                            c->d_param[CONTEXT]->data, l->units, NULL);
    return rc;
}

static const tn_impl on_cpu = { sizeof on_cpu, 0, "cpu", forward, backward, gradient };
static const tn_impl *const impls[] = { &on_cpu, NULL };
static const tn_layer table = { .size = sizeof table, .min_in = 1, .max_in = 1, .plan = plan, .impls = impls,
                                .port_size = sizeof(tn_port) };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_LAYER, .table = &table, .name = "attention_pool",
    .brief = "the mean of each sequence's rows, by weights that are learned",
    .doc = "u_t = tanh(W x_t + b), a = softmax over the sequence's steps of u_t c, y = sum of a_t x_t: a step counts\n"
           "by how close it is to the context vector c. An empty sequence gives zeros. Two of them make the\n"
           "hierarchical network of the source: one over the words of each sentence, one over the sentences.\n\n"
           "The port `.weights` has a_t, one row a step.\n\n"
           "Parameters: `weight` (W, units x inputs), `context` (c), and `bias` (b) unless `bias = false`. First\n"
           "values: `glorot_uniform`, 0.\n\n"
           "Source: Yang, Yang, Dyer, He, Smola, Hovy, *Hierarchical Attention Networks for Document\n"
           "Classification* (NAACL 2016).\n",
    TN_OPTIONS(options), .config_size = sizeof(config), .self_size = sizeof(layer) };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("attention_pool", "1.0", "The Tenon authors", "MIT", "", parts)
