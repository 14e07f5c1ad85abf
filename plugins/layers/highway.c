/* highway.c -- a layer that may let its input pass: y = t h + (1 - t) x, h = act(x W^T + b), t = sigmoid(x V^T + c). */
#include "activated.h"
#include "rows.h"

typedef struct config { tn_part *activation; double gate_bias; } config;
typedef struct layer {
    int64_t width;
    float gate_bias;
    int h, t, dt;                          /* saved: h, t, the gradient of t before its sigmoid */
    activated act;
} layer;
enum { WEIGHT, BIAS, GATE_WEIGHT, GATE_BIAS };

static const tn_option options[] = {
    TN_SUBPART(config, activation, TN_ACTIVATION, "tanh", "function of the transformed row"),
    TN_REAL(config, gate_bias, -1, -100, 100, "first value of the gate's bias; below zero, the input passes at first"),
};

static int plan_params(const tn_api *api, tn_plan *p, int64_t w)
{
    static const char *const names[] = { "weight", "bias", "gate_weight", "gate_bias" };
    int rc = TN_OK;
    for (int k = 0; k < 4 && rc >= 0; k++) {
        int matrix = k == WEIGHT || k == GATE_WEIGHT;
        tn_param q = { .size = sizeof q, .flags = matrix ? 0 : TN_P_NO_DECAY, .name = names[k],
                       .init = matrix ? "glorot_uniform" : "{ type = 'constant', value = 0.0 }", .ndim = matrix ? 2 : 1, .blocks = 1,
                       .dim = { w, matrix ? w : 1, 1, 1 }, .fan_in = w, .fan_out = w };
        rc = api->add_param(p, &q);
        if (rc >= 0 && matrix) rc = api->add_packed(p, rc, 1, 1);
    }
    return rc < 0 ? rc : TN_OK;
}

static int plan(const tn_api *api, tn_host *host, const void *opts, void *self, tn_plan *p, uint32_t n_in,
                const tn_spec *const *in)
{
    const config *o = opts;
    layer *l = self;
    (void)n_in;
    int rc = rows_check(api, host, in[0], "highway");
    if (rc) return rc;
    *l = (layer){ .width = in[0]->width, .gate_bias = (float)o->gate_bias };
    tn_spec y = { .dtype = TN_F32, .layout = in[0]->layout, .rows = in[0]->rows, .width = l->width };
    rc = activated_plan(api, host, p, "highway", o->activation, &y, &l->act);
    y.means = TN_VALUES;
    if (!rc) rc = api->add_out(p, NULL, &y);
    if (rc >= 0) rc = l->h = api->add_saved(p, &y);
    if (rc >= 0) rc = l->t = api->add_saved(p, &y);
    if (rc >= 0) rc = l->dt = api->add_saved(p, &y);
    api->uses(p, TN_USES_IN);
    return rc < 0 ? rc : plan_params(api, p, l->width);
}

typedef struct job { const layer *l; const tn_call *c; float *dh; } job;

/* t = sigmoid(t);  y = t h + (1 - t) x */
static void mix_piece(void *to, int64_t from, int64_t end)
{
    const job *b = to;
    const float *x = b->c->in[0]->data, *h = b->c->saved[b->l->h]->data;
    float *t = b->c->saved[b->l->t]->data, *y = b->c->out[0]->data;
    for (int64_t i = from; i < end; i += TN_VL) {
        int64_t n = end - i < TN_VL ? end - i : TN_VL;
        tn_vf gate = tn_sigmoid(tn_loadn(t + i, n)), through = tn_loadn(x + i, n);
        tn_storen(t + i, gate, n);
        tn_storen(y + i, tn_fma(gate, tn_loadn(h + i, n) - through, through), n);
    }
}

/* dh = dy t;  dt, before the sigmoid, = dy (h - x) t (1 - t);  dx += dy (1 - t) */
static void unmix_piece(void *to, int64_t from, int64_t end)
{
    const job *b = to;
    const float *x = b->c->in[0]->data, *h = b->c->saved[b->l->h]->data, *t = b->c->saved[b->l->t]->data;
    const float *dy = b->c->d_out[0]->data;
    float *dt = b->c->saved[b->l->dt]->data, *dx = b->c->d_in[0] ? b->c->d_in[0]->data : NULL;
    for (int64_t i = from; i < end; i += TN_VL) {
        int64_t n = end - i < TN_VL ? end - i : TN_VL;
        tn_vf gate = tn_loadn(t + i, n), d = tn_loadn(dy + i, n), carry = tn_set(1) - gate;
        tn_storen(b->dh + i, d * gate, n);
        tn_storen(dt + i, d * (tn_loadn(h + i, n) - tn_loadn(x + i, n)) * gate * carry, n);
        if (dx) tn_storen(dx + i, tn_fma(d, carry, tn_loadn(dx + i, n)), n);
    }
}

static int forward(void *self, const tn_call *c)
{
    const layer *l = self;
    int64_t n = c->in[0]->rows, w = l->width;
    job b = { l, c, NULL };
    float *h = c->saved[l->h]->data;
    tn_product p = { .size = sizeof p, .groups = 1, .rows = n, .k = w, .units = w, .x = c->in[0]->data, .ldx = w,
                     .init = c->param[BIAS]->data, .packed = c->packed[0], .y = activated_z(&l->act, c, h), .ldy = w };
    int rc = c->be->ops->product(c->be, &p);
    if (!rc) rc = activated_forward(&l->act, c, n, w, h);
    p.init = c->param[GATE_BIAS]->data, p.packed = c->packed[1], p.y = c->saved[l->t]->data;
    if (!rc) rc = c->be->ops->product(c->be, &p);
    return rc ? rc : c->be->ops->parallel_for(c->be, n * w, 4096, mix_piece, &b);
}

/* dx += dz W + dt V */
static int backward(void *self, const tn_call *c)
{
    const layer *l = self;
    const tn_ops *ops = c->be->ops;
    int64_t n = c->in[0]->rows, w = l->width;
    if (!c->d_out[0]) return TN_OK;
    job b = { l, c, c->saved[l->act.dz]->data }; /* dh lies where dz will */
    int rc = ops->parallel_for(c->be, n * w, 4096, unmix_piece, &b);
    if (!rc) rc = activated_backward(&l->act, c, n, w, c->saved[l->h]->data, b.dh);
    if (rc || !c->d_in[0]) return rc;
    rc = ops->gemm(c->be, 0, 0, n, w, w, b.dh, w, c->param[WEIGHT]->data, w, 1, c->d_in[0]->data, w);
    return rc ? rc : ops->gemm(c->be, 0, 0, n, w, w, c->saved[l->dt]->data, w, c->param[GATE_WEIGHT]->data, w, 1, c->d_in[0]->data, w);
}

/* dW += dz^T x, db += sums of dz;  dV += dt^T x, dc += sums of dt */
static int gradient(void *self, const tn_call *c)
{
    const layer *l = self;
    int64_t w = l->width;
    int rc = TN_OK;
    for (int k = 0; k < 2 && !rc && c->d_out[0]; k++) {
        const float *dz = c->saved[k ? l->dt : l->act.dz]->data;
        tn_tensor *dw = c->d_param[k ? GATE_WEIGHT : WEIGHT], *db = c->d_param[k ? GATE_BIAS : BIAS];
        if (dw)
            rc = c->be->ops->outer_add(c->be, c->in[0]->rows, w, dz, w, w, c->in[0]->data, w, NULL, dw->data, w, db ? db->data : NULL);
        else if (db) rc = c->be->ops->sum_rows(c->be, c->in[0]->rows, w, dz, w, db->data);
    }
    return rc;
}

static int initialize(void *self, const tn_api *api, tn_host *host, uint32_t slot, tn_rng rng, float *p)
{
    const layer *l = self;
    (void)api, (void)host, (void)rng;
    if (slot != GATE_BIAS) return 0;
    for (int64_t j = 0; j < l->width; j++) p[j] = l->gate_bias;
    return 1;
}

static const tn_impl on_cpu = { sizeof on_cpu, 0, "cpu", forward, backward, gradient };
static const tn_impl *const impls[] = { &on_cpu, NULL };
static const tn_layer table = { .size = sizeof table, .min_in = 1, .max_in = 1, .plan = plan, .impls = impls,
                                .port_size = sizeof(tn_port), .initialize = initialize };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_LAYER, .table = &table, .name = "highway",
    .brief = "a fully connected layer with a gate that lets its input pass",
    .doc = "y = t h + (1 - t) x for each row x, with h = act(x W^T + b) and the gate t = sigmoid(x V^T + c). The\n"
           "output is as wide as the input. Character networks take `activation = \"relu\"` (Kim and others,\n"
           "*Character-Aware Neural Language Models*, AAAI 2016).\n\n"
           "Parameters: `weight` (W), `bias` (b, at first 0), `gate_weight` (V), `gate_bias` (c, at first the option\n"
           "`gate_bias`: below zero, so that the layer begins close to letting everything pass).\n\n"
           "Source: Srivastava, Greff, Schmidhuber, *Highway Networks* (arXiv:1505.00387, 2015).\n",
    TN_OPTIONS(options), .config_size = sizeof(config), .self_size = sizeof(layer) };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("highway", "1.0", "The Tenon authors", "MIT", "", parts)
