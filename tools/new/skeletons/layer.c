/* skeleton.c -- a gated layer. For each row x of the input
 *
 *     a = W x + b        a has two halves of `units` numbers, the gate's and the value's
 *     y = sigmoid(a_gate) * tanh(a_value)
 *
 * To make it yours: change `gate` and `gate_backward`, which hold the arithmetic of one row; then the options, the
 * doc, and what plan() asks for.                                                                             */
#include <math.h>
#include <tenon/tenon.h>

typedef struct config { int64_t units; double gate_bias; } config;
typedef struct self { int64_t in, units; double gate_bias; } self;

/* The numbers that plan() gets for what it asks for, in its order. */
enum { WEIGHT, BIAS };                     /* parameters                                                       */
enum { GATES, D_GATES };                   /* kept from forward to gradient: rows x 2 units                    */

static const tn_option options[] = {
    TN_INT(config, units, 64, 1, 65536, "width of the output"),
    TN_REAL(config, gate_bias, 1.0, -10, 10, "first value of the gate's bias; above 0 the gate begins open"),
};

/* ---- the arithmetic of one row ---------------------------------------------------------------------------- */

/* a [2 units] holds W x + b and is left holding sigmoid and tanh; y [units] is set. */
static void gate(int64_t units, float *a, float *y)
{
    for (int64_t j = 0; j < units; j++) {
        a[j] = 1.0f / (1.0f + expf(-a[j]));
        a[units + j] = tanhf(a[units + j]);
        y[j] = a[j] * a[units + j];
    }
}

/* a as gate() left it, dy [units] the gradient of y; sets da [2 units], the gradient of W x + b:
 *     da_gate = dy * v * g (1 - g)      da_value = dy * g * (1 - v v)      with g and v the two halves of a   */
static void gate_backward(int64_t units, const float *a, const float *dy, float *da)
{
    for (int64_t j = 0; j < units; j++) {
        float g = a[j], v = a[units + j];
        da[j] = dy[j] * v * g * (1.0f - g);
        da[units + j] = dy[j] * g * (1.0f - v * v);
    }
}

/* ---- shapes ------------------------------------------------------------------------------------------------- */

/* What comes out and what memory is needed. Called before there is any data, perhaps more than once. */
static int plan(const tn_api *api, tn_host *host, const void *options_, void *self_, tn_plan *p, uint32_t n_in,
                const tn_spec *const *in)
{
    const config *c = options_;
    self *s = self_;
    (void)n_in;
    if (in[0]->dtype != TN_F32 || in[0]->across)
        return tn_fail(api, host, TN_ESHAPE, "the input must be rows of numbers");
    s->in = in[0]->width, s->units = c->units, s->gate_bias = c->gate_bias;

    tn_spec y = { .dtype = TN_F32, .layout = in[0]->layout, .rows = in[0]->rows, .width = s->units };
    tn_spec gates = y;                     /* as many rows as the input, whatever its layout                   */
    gates.width = 2 * s->units;
    tn_param weight = { .size = sizeof weight, .name = "weight", .init = "glorot_uniform", .ndim = 2, .blocks = 2,
                        .dim = { 2 * s->units, s->in }, .fan_in = s->in, .fan_out = s->units };
    tn_param bias = { .size = sizeof bias, .flags = TN_P_NO_DECAY, .name = "bias",
                      .init = "{ type = 'constant', value = 0.0 }", .ndim = 1, .blocks = 2,
                      .dim = { 2 * s->units }, .fan_in = s->in, .fan_out = s->units };
    if (api->add_out(p, NULL, &y) < 0 || api->add_param(p, &weight) < 0 || api->add_param(p, &bias) < 0
        || api->add_saved(p, &gates) < 0 || api->add_saved(p, &gates) < 0) return TN_EINVAL;
    api->uses(p, TN_USES_IN);              /* gradient() reads the input again, nothing reads the output       */
    return TN_OK;
}

/* First values of the bias, which an option of this layer decides; the weight's are left to its initializer. */
static int initialize(void *self_, const tn_api *api, tn_host *host, uint32_t param, tn_rng rng, float *p)
{
    const self *s = self_;
    (void)api, (void)host, (void)rng;
    if (param != BIAS) return 0;
    for (int64_t j = 0; j < 2 * s->units; j++) p[j] = j < s->units ? (float)s->gate_bias : 0.0f;
    return 1;
}

/* ---- the three phases --------------------------------------------------------------------------------------- */

typedef struct rows { const self *s; float *a, *y; const float *dy; float *da; } rows;

static void forward_rows(void *ctx, int64_t from, int64_t to)
{
    const rows *r = ctx;
    for (int64_t i = from; i < to; i++) gate(r->s->units, r->a + 2 * r->s->units * i, r->y + r->s->units * i);
}

static void backward_rows(void *ctx, int64_t from, int64_t to)
{
    const rows *r = ctx;
    for (int64_t i = from; i < to; i++)
        gate_backward(r->s->units, r->a + 2 * r->s->units * i, r->dy + r->s->units * i,
                      r->da + 2 * r->s->units * i);
}

/* N rows, I inputs, U units: a [N x 2U] = x [N x I] W^T [I x 2U] + b, then the gate. */
static int forward(void *self_, const tn_call *c)
{
    const self *s = self_;
    const tn_ops *ops = c->be->ops;
    int64_t n = c->in[0]->rows, wide = 2 * s->units;
    rows r = { s, c->saved[GATES]->data, c->out[0]->data, NULL, NULL };
    const float *x = c->in[0]->data, *w = c->param[WEIGHT]->data;
    int rc = ops->gemm(c->be, 0, 1, n, wide, s->in, x, s->in, w, s->in, 0, r.a, wide);
    if (!rc) rc = ops->add_bias(c->be, n, wide, c->param[BIAS]->data, r.a, wide);
    if (!rc) rc = ops->parallel_for(c->be, n, 16, forward_rows, &r);
    return rc;
}

/* Adds to the gradient of the input: dx [N x I] += da [N x 2U] W [2U x I]. Where a gradient is NULL it is not wanted
 * (of an input) or zero (of an output). */
static int backward(void *self_, const tn_call *c)
{
    const self *s = self_;
    const tn_ops *ops = c->be->ops;
    int64_t n = c->in[0]->rows, wide = 2 * s->units;
    const float *w = c->param[WEIGHT]->data, *dy = c->d_out[0] ? c->d_out[0]->data : NULL;
    rows r = { s, c->saved[GATES]->data, NULL, dy, c->saved[D_GATES]->data };
    int rc = dy ? ops->parallel_for(c->be, n, 16, backward_rows, &r) : ops->fill(c->be, r.da, TN_F32, n * wide, 0);
    if (rc || !c->d_in[0]) return rc;
    return ops->gemm(c->be, 0, 0, n, s->in, wide, r.da, wide, w, s->in, 1, c->d_in[0]->data, s->in);
}

/* Adds to the gradients of the parameters, over all rows at once: dW [2U x I] += da^T [2U x N] x [N x I]. */
static int gradient(void *self_, const tn_call *c)
{
    const self *s = self_;
    const tn_ops *ops = c->be->ops;
    int64_t n = c->in[0]->rows, wide = 2 * s->units;
    const float *da = c->saved[D_GATES]->data, *x = c->in[0]->data;
    int rc = TN_OK;
    if (c->d_param[WEIGHT])
        rc = ops->gemm(c->be, 1, 0, wide, s->in, n, da, wide, x, s->in, 1, c->d_param[WEIGHT]->data, s->in);
    if (!rc && c->d_param[BIAS]) rc = ops->sum_rows(c->be, n, wide, da, wide, c->d_param[BIAS]->data);
    return rc;
}

/* ---- what the host gets to see ------------------------------------------------------------------------------ */

static const tn_impl cpu = { .size = sizeof cpu, .backend = "cpu", .forward = forward, .backward = backward,
                             .gradient = gradient };
static const tn_impl *const impls[] = { &cpu, NULL };
static const tn_layer layer = { .size = sizeof layer, .min_in = 1, .max_in = 1, .plan = plan, .impls = impls,
                                .initialize = initialize };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_LAYER, .table = &layer, .name = "skeleton",
    .brief = "a gated layer: sigmoid of one half times tanh of the other",
    .doc = "    y = sigmoid(W_g x + b_g) * tanh(W_v x + b_v)\n",
    .options = options, .n_options = sizeof options / sizeof *options, .option_size = sizeof *options,
    .config_size = sizeof(config), .self_size = sizeof(self),
};
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("skeleton", "0.1", "", "", "", parts)
