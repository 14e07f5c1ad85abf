/* self_attention.c -- each step looks at all steps of its sequence (or at those up to it), by several heads:
 *
 *     q, k, v = x W^T + b;  a = softmax(q k^T / sqrt(d)) for each head, d columns wide;  y = [a v, ...] U^T + c
 *
 * Inside, rows lie sequence by sequence, so that queries, keys and values of a sequence are matrices. Its rows begin at the
 * sum of the lengths before it, its T x T weights at the sum of their squares: a ragged slot has room for just those. */
#include "attend.h"
#include "mask.h"
#include "rows.h"
#include <tenon/random.h>

typedef struct config { int64_t heads, units; double dropout; int32_t causal, bias; } config;
typedef struct layer {
    int64_t in, units, heads, head;        /* units: of all heads; head: of one            */
    double dropout;
    int causal, bias;
    int order, place, qkv, mixed, d_qkv;   /* saved; order: packed row of an inner one, place: inner row of a packed one */
    int a, gathered, d_mixed, masked, da;  /* saved a of head k: a + k; work                */
} layer;
enum { WEIGHT, OUT_WEIGHT, BIAS, OUT_BIAS, MOST_HEADS = 32 };

static const tn_option options[] = {
    TN_INT(config, heads, 1, 1, MOST_HEADS, "how many times it attends, each on its own share of the units"),
    TN_INT(config, units, 0, 0, 1e6, "width of queries, keys and values of all heads together; 0: as wide as the input"),
    TN_REAL_X(config, dropout, TN_O_OPEN_MAX, 0, 0, 1, "probability that a weight is zeroed in a training step"),
    TN_BOOL(config, causal, 0, "whether a step sees itself and the steps before it only"),
    TN_BOOL(config, bias, 1, "whether biases are added"),
};

static int plan_params(const tn_api *api, tn_plan *p, const layer *l)
{
    tn_param weight = { .size = sizeof weight, .name = "weight", .init = "glorot_uniform", .ndim = 2, .blocks = 3,
                        .dim = { 3 * l->units, l->in, 1, 1 }, .fan_in = l->in, .fan_out = l->units };
    tn_param out = { .size = sizeof out, .name = "out_weight", .init = "glorot_uniform", .ndim = 2, .blocks = 1,
                     .dim = { l->in, l->units, 1, 1 }, .fan_in = l->units, .fan_out = l->in };
    tn_param bias = { .size = sizeof bias, .flags = TN_P_NO_DECAY, .name = "bias", .init = "{ type = 'constant', value = 0.0 }",
                      .ndim = 1, .blocks = 3, .dim = { 3 * l->units, 1, 1, 1 }, .fan_in = l->in, .fan_out = l->units };
    int rc = api->add_param(p, &weight);
    if (rc >= 0) rc = api->add_packed(p, rc, 1, 1);
    if (rc >= 0) rc = api->add_param(p, &out);
    if (rc >= 0) rc = api->add_packed(p, rc, 1, 1);
    if (rc >= 0 && l->bias) rc = api->add_param(p, &bias);
    bias.name = "out_bias", bias.blocks = 1, bias.dim[0] = l->in;
    if (rc >= 0 && l->bias) rc = api->add_param(p, &bias);
    return rc < 0 ? rc : TN_OK;
}

static int plan_slots(const tn_api *api, tn_plan *p, layer *l, int32_t layout)
{
    tn_spec index = { .dtype = TN_I32, .layout = layout, .width = 1 }, rows = { .dtype = TN_F32, .layout = layout, .width = l->units };
    tn_spec wide = rows, narrow = rows, ragged = { .dtype = TN_F32, .layout = layout, .across = layout, .width = 1 };
    wide.width = 3 * l->units, narrow.width = l->in;
    int rc = l->order = api->add_saved(p, &index);
    if (rc >= 0) rc = l->place = api->add_saved(p, &index);
    if (rc >= 0) rc = l->qkv = api->add_saved(p, &wide);
    if (rc >= 0) rc = l->d_qkv = api->add_saved(p, &wide);
    if (rc >= 0) rc = l->mixed = api->add_saved(p, &rows);
    for (int64_t k = 0; k < l->heads && rc >= 0; k++) {
        rc = api->add_saved(p, &ragged);
        if (k == 0) l->a = rc;
    }
    if (rc >= 0) rc = l->gathered = api->add_work(p, &narrow);
    if (rc >= 0) rc = l->d_mixed = api->add_work(p, &rows);
    if (rc >= 0) rc = l->da = api->add_work(p, &ragged);
    if (rc >= 0 && l->dropout > 0) rc = l->masked = api->add_work(p, &ragged);
    return rc < 0 ? rc : TN_OK;
}

static int plan(const tn_api *api, tn_host *host, const void *opts, void *self, tn_plan *p, uint32_t n_in,
                const tn_spec *const *in)
{
    const config *o = opts;
    layer *l = self;
    (void)n_in;
    int rc = rows_check(api, host, in[0], "self_attention");
    if (rc) return rc;
    if (in[0]->layout <= TN_FIXED || api->parent(p, in[0]->layout) <= 0)
        return tn_fail(api, host, TN_ESHAPE, "self_attention: the input has one row an example, there are no steps to look at");
    *l = (layer){ .in = in[0]->width, .units = o->units ? o->units : in[0]->width, .heads = o->heads, .dropout = o->dropout,
                  .causal = o->causal, .bias = o->bias };
    l->head = l->units / l->heads;
    if (l->head * l->heads != l->units)
        return tn_fail(api, host, TN_EINVAL, "self_attention: %lld units cannot be shared by %lld heads equally", (long long)l->units,
                       (long long)l->heads);
    tn_spec y = { .dtype = TN_F32, .layout = in[0]->layout, .width = l->in };
    rc = api->add_out(p, NULL, &y);
    if (rc >= 0) rc = plan_slots(api, p, l, in[0]->layout);
    api->uses(p, TN_USES_IN);
    return rc < 0 ? rc : plan_params(api, p, l);
}

/* ---- sequence by sequence ------------------------------------------------------------------------------ */
typedef struct job { const layer *l; const tn_call *c; int64_t head; } job;
static float *saved(const job *b, int slot) { return b->c->saved[slot]->data; }
static float *work(const job *b, int slot) { return b->c->work[slot]->data; }

/* Where sequence s begins: its rows, its weights. */
typedef struct spot { int64_t row, weight; } spot;
static spot spot_of(const tn_layout *l, int64_t s)
{
    spot at = { 0, 0 };
    for (int64_t k = 0; k < s; k++) at.row += l->length[k], at.weight += (int64_t)l->length[k] * l->length[k];
    return at;
}
static void go_on(const tn_layout *l, int64_t s, spot *at) { at->row += l->length[s], at->weight += (int64_t)l->length[s] * l->length[s]; }

static void order_piece(void *to, int64_t from, int64_t end)
{
    const job *b = to;
    const tn_layout *l = b->c->in[0]->lay;
    int32_t *order = b->c->saved[b->l->order]->data, *place = b->c->saved[b->l->place]->data;
    spot at = spot_of(l, from);
    for (int64_t s = from; s < end; go_on(l, s++, &at))
        for (int32_t t = 0; t < l->length[s]; t++) {
            int32_t packed = l->first[t] + (int32_t)s, inner = (int32_t)at.row + t;
            order[inner] = packed, place[packed] = inner;
        }
}

/* a = softmax(q k^T / sqrt(d)), row by row; of later steps 0 where they are not seen */
static void weigh_piece(void *to, int64_t from, int64_t end)
{
    const job *b = to;
    const tn_layout *l = b->c->in[0]->lay;
    int64_t ld = 3 * b->l->units, d = b->l->head;
    float scale = 1 / sqrtf((float)d);
    spot at = spot_of(l, from);
    for (int64_t s = from; s < end; go_on(l, s++, &at)) {
        int64_t steps = l->length[s];
        const float *q = saved(b, b->l->qkv) + at.row * ld + b->head * d;
        float *a = saved(b, b->l->a + (int)b->head) + at.weight;
        b->c->be->ops->gemm(b->c->be, 0, 1, steps, steps, d, q, ld, q + b->l->units, ld, 0, a, steps);
        for (int64_t t = 0; t < steps; t++) {
            int64_t seen = b->l->causal ? t + 1 : steps;
            for (int64_t i = 0; i < seen; i++) a[t * steps + i] *= scale;
            softmax_row(a + t * steps, seen);
            memset(a + t * steps + seen, 0, sizeof *a * (size_t)(steps - seen));
        }
    }
}

static int drops(const job *b) { return b->c->flags & TN_C_TRAINING && b->l->dropout > 0; }

/* The weights of a head as they are used: under the mask, where there is one. */
static int mask_weights(const job *b, const float *a, float *masked)
{
    int64_t n = b->c->saved[b->l->a]->pairs->total;
    return mask_apply(b->c->be, tn_random_fork(b->c->rng, (uint64_t)b->head + 1), b->l->dropout, n, a, masked, 0);
}

static const float *used_weights(const job *b)
{
    return drops(b) ? work(b, b->l->masked) : saved(b, b->l->a + (int)b->head);
}

/* m = a v */
static void mix_piece(void *to, int64_t from, int64_t end)
{
    const job *b = to;
    const tn_layout *l = b->c->in[0]->lay;
    int64_t ld = 3 * b->l->units, d = b->l->head;
    spot at = spot_of(l, from);
    for (int64_t s = from; s < end; go_on(l, s++, &at)) {
        const float *v = saved(b, b->l->qkv) + at.row * ld + 2 * b->l->units + b->head * d;
        float *m = saved(b, b->l->mixed) + at.row * b->l->units + b->head * d;
        b->c->be->ops->gemm(b->c->be, 0, 0, l->length[s], d, l->length[s], used_weights(b) + at.weight, l->length[s], v, ld, 0, m,
                            b->l->units);
    }
}

/* dv = a^T dm;  da = dm v^T */
static void unmix_piece(void *to, int64_t from, int64_t end)
{
    const job *b = to;
    const tn_layout *l = b->c->in[0]->lay;
    const tn_ops *ops = b->c->be->ops;
    int64_t n = b->l->units, ld = 3 * n, d = b->l->head;
    spot at = spot_of(l, from);
    for (int64_t s = from; s < end; go_on(l, s++, &at)) {
        int64_t steps = l->length[s];
        const float *dm = work(b, b->l->d_mixed) + at.row * n + b->head * d;
        const float *v = saved(b, b->l->qkv) + at.row * ld + 2 * n + b->head * d;
        float *dv = saved(b, b->l->d_qkv) + at.row * ld + 2 * n + b->head * d;
        ops->gemm(b->c->be, 1, 0, steps, d, steps, used_weights(b) + at.weight, steps, dm, n, 0, dv, ld);
        ops->gemm(b->c->be, 0, 1, steps, steps, d, dm, n, v, ld, 0, work(b, b->l->da) + at.weight, steps);
    }
}

/* ds = a (da - sum of a da) / sqrt(d);  dq = ds k;  dk = ds^T q */
static void unweigh_piece(void *to, int64_t from, int64_t end)
{
    const job *b = to;
    const tn_layout *l = b->c->in[0]->lay;
    const tn_ops *ops = b->c->be->ops;
    int64_t ld = 3 * b->l->units, d = b->l->head;
    float scale = 1 / sqrtf((float)d);
    spot at = spot_of(l, from);
    for (int64_t s = from; s < end; go_on(l, s++, &at)) {
        int64_t steps = l->length[s];
        const float *q = saved(b, b->l->qkv) + at.row * ld + b->head * d, *a = saved(b, b->l->a + (int)b->head) + at.weight;
        float *dq = saved(b, b->l->d_qkv) + at.row * ld + b->head * d, *ds = work(b, b->l->da) + at.weight;
        for (int64_t t = 0; t < steps; t++) softmax_row_back(a + t * steps, ds + t * steps, steps);
        for (int64_t i = 0; i < steps * steps; i++) ds[i] *= scale;
        ops->gemm(b->c->be, 0, 0, steps, d, steps, ds, steps, q + b->l->units, ld, 0, dq, ld);
        ops->gemm(b->c->be, 1, 0, steps, d, steps, ds, steps, q, ld, 0, dq + b->l->units, ld);
    }
}

/* ---- phases -------------------------------------------------------------------------------------------- */
static int forward(void *self, const tn_call *c)
{
    const layer *l = self;
    const tn_ops *ops = c->be->ops;
    int64_t n = c->in[0]->rows, sequences = c->in[0]->lay->sequences;
    job b = { l, c, 0 };
    int rc = ops->parallel_for(c->be, sequences, 8, order_piece, &b);
    tn_product p = { .size = sizeof p, .groups = 1, .rows = n, .k = l->in, .units = 3 * l->units, .x = c->in[0]->data, .ldx = l->in,
                     .x_row = c->saved[l->order]->data, .init = l->bias ? c->param[BIAS]->data : NULL, .packed = c->packed[0],
                     .y = saved(&b, l->qkv), .ldy = 3 * l->units };
    if (!rc) rc = ops->product(c->be, &p);
    for (; b.head < l->heads && !rc; b.head++) {
        rc = ops->parallel_for(c->be, sequences, 1, weigh_piece, &b);
        if (!rc && drops(&b)) rc = mask_weights(&b, saved(&b, l->a + (int)b.head), work(&b, l->masked));
        if (!rc) rc = ops->parallel_for(c->be, sequences, 1, mix_piece, &b);
    }
    tn_product out = { .size = sizeof out, .groups = 1, .rows = n, .k = l->units, .units = l->in, .x = saved(&b, l->mixed),
                       .ldx = l->units, .x_row = c->saved[l->place]->data, .init = l->bias ? c->param[OUT_BIAS]->data : NULL,
                       .packed = c->packed[1], .y = c->out[0]->data, .ldy = l->in };
    return rc ? rc : ops->product(c->be, &out);
}

/* dm = dy U;  then back through each head;  dx += d[q, k, v] W */
static int backward(void *self, const tn_call *c)
{
    const layer *l = self;
    const tn_ops *ops = c->be->ops;
    int64_t n = c->in[0]->rows, sequences = c->in[0]->lay->sequences;
    job b = { l, c, 0 };
    if (!c->d_out[0]) return TN_OK;
    float *rows = work(&b, l->gathered), *da = work(&b, l->da);
    int rc = ops->gather(c->be, n, l->in, c->d_out[0]->data, l->in, c->saved[l->order]->data, rows, l->in);
    if (!rc) rc = ops->gemm(c->be, 0, 0, n, l->units, l->in, rows, l->in, c->param[OUT_WEIGHT]->data, l->units, 0,
                            work(&b, l->d_mixed), l->units);
    for (; b.head < l->heads && !rc; b.head++) {
        if (drops(&b)) rc = mask_weights(&b, saved(&b, l->a + (int)b.head), work(&b, l->masked));
        if (!rc) rc = ops->parallel_for(c->be, sequences, 1, unmix_piece, &b);
        if (!rc && drops(&b)) rc = mask_weights(&b, da, da);
        if (!rc) rc = ops->parallel_for(c->be, sequences, 1, unweigh_piece, &b);
    }
    if (rc || !c->d_in[0]) return rc;
    rc = ops->gemm(c->be, 0, 0, n, l->in, 3 * l->units, saved(&b, l->d_qkv), 3 * l->units, c->param[WEIGHT]->data, l->in, 0, rows, l->in);
    return rc ? rc : ops->scatter_add(c->be, n, l->in, rows, l->in, c->saved[l->order]->data, c->d_in[0]->data, l->in);
}

/* dW += d[q, k, v]^T x, db += sums;  dU += dy^T m, dc += sums */
static int gradient(void *self, const tn_call *c)
{
    const layer *l = self;
    const tn_ops *ops = c->be->ops;
    int64_t n = c->in[0]->rows, wide = 3 * l->units;
    job b = { l, c, 0 };
    int rc = TN_OK;
    if (!c->d_out[0]) return TN_OK;
    const float *d_qkv = saved(&b, l->d_qkv), *dy = c->d_out[0]->data;
    if (c->d_param[WEIGHT])
        rc = ops->outer_add(c->be, n, wide, d_qkv, wide, l->in, c->in[0]->data, l->in, c->saved[l->order]->data,
                            c->d_param[WEIGHT]->data, l->in, NULL);
    if (!rc && c->d_param[OUT_WEIGHT])
        rc = ops->outer_add(c->be, n, l->in, dy, l->in, l->units, saved(&b, l->mixed), l->units, c->saved[l->place]->data,
                            c->d_param[OUT_WEIGHT]->data, l->units, NULL);
    if (!rc && l->bias && c->d_param[BIAS]) rc = ops->sum_rows(c->be, n, wide, d_qkv, wide, c->d_param[BIAS]->data);
    if (!rc && l->bias && c->d_param[OUT_BIAS]) rc = ops->sum_rows(c->be, n, l->in, dy, l->in, c->d_param[OUT_BIAS]->data);
    return rc;
}

static const tn_impl on_cpu = { sizeof on_cpu, 0, "cpu", forward, backward, gradient };
static const tn_impl *const impls[] = { &on_cpu, NULL };
static const tn_layer table = { .size = sizeof table, .min_in = 1, .max_in = 1, .plan = plan, .impls = impls,
                                .port_size = sizeof(tn_port) };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_LAYER, .table = &table, .name = "self_attention",
    .brief = "each step looks at all steps of its sequence, by several heads",
    .doc = "[q, k, v] = x W^T + b; for each head, on its d = units / heads columns of each, a = softmax(q k^T / sqrt(d))\n"
           "over the steps of the sequence and m = a v; y = m U^T + c, as wide as the input. With `causal` a step sees\n"
           "itself and those before it. With `dropout` weights are zeroed while training and the others divided by\n"
           "1 - dropout.\n\n"
           "It does not see the order of steps: put `positions` in front. One block of a transformer's encoder:\n\n"
           "    [[layer]]\n"
           "    name = \"attention\"\n"
           "    type = \"self_attention\"\n"
           "    inputs = \"positions\"\n"
           "    heads = 4\n"
           "    [[layer]]\n"
           "    name = \"residual\"\n"
           "    type = \"add\"\n"
           "    inputs = [\"positions\", \"attention\"]\n"
           "    [[layer]]\n"
           "    type = \"layer_norm\"\n\n"
           "Memory and time grow with the square of the length. Parameters: `weight` (W, 3 units x inputs, in the\n"
           "order q k v) and `bias`, `out_weight` (U, inputs x units) and `out_bias`, as in PyTorch's\n"
           "`nn.MultiheadAttention`. First values: `glorot_uniform`, each of q, k, v on its own; biases 0.\n\n"
           "Source: Vaswani and others, *Attention Is All You Need* (NIPS 2017).\n",
    TN_OPTIONS(options), .config_size = sizeof(config), .self_size = sizeof(layer) };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("self_attention", "1.0", "The Tenon authors", "MIT", "", parts)
