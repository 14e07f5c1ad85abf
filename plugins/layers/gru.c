/* gru.c -- gated recurrent unit. Gates in the order r z n; s is the sigmoid; h' of the step before.
 *
 *     r = s(P_r + h' W_hr')   z = s(P_z + h' W_hz')   P = x W_ih' + bias
 *     n = tanh(P_n + r (h' W_hn' + bias_hn))          reset after the product: cuDNN, PyTorch, Keras from 2.1 on
 *     n = tanh(P_n + (r h') W_hn')                    reset before it: Cho et al. 2014
 *     h = (1 - z) n + z h'
 *
 * N rows, S sequences, I input width, H units.                                                                       */
#include "cell_math.h"
#include "recurrent.h"
#include "weight_drop.h"

typedef struct config {
    int64_t units;
    tn_part *activation, *recurrent_activation;
    double recurrent_dropout, weight_dropout;
    int32_t reset_after, recurrent_bias, reverse, carry_state;
} config;
typedef struct gru {
    frame f;                                 /* dz: r z n forwards, the gradients of P backwards                       */
    int64_t h;
    function gate, candidate;
    dropped_weight w_hh, w_hn;               /* w_hn: with the reset before alone                                      */
    int bias_hh;                             /* parameter, or -1                                                       */
    int recurrent, reset;                    /* saved. After: the same for h' W' [N, 3H], forwards h' W_hn' in its last
                                                third. Before: r h' [N, H]                                             */
    int pre;                                 /* saved: what the functions are taken of [N, 3H], or -1                  */
    int d_reset;                             /* work, before: gradients of r h' [S, H]                                 */
} gru;

static const tn_option options[] = {
    TN_INT(config, units, 128, 1, 65536, "size of the hidden state"),
    TN_BOOL(config, reset_after, 1, "the reset gate acts on the product with h', not on h' before it"),
    TN_BOOL(config, recurrent_bias, 1, "a second bias, as PyTorch's bias_hh; with reset_after it lies within the reset"),
    TN_SUBPART(config, activation, TN_ACTIVATION, NULL, "of the candidate n; tanh where nothing is given"),
    TN_SUBPART(config, recurrent_activation, TN_ACTIVATION, NULL, "of the gates r and z; sigmoid where nothing is given"),
    TN_REAL_X(config, recurrent_dropout, TN_O_OPEN_MAX, 0, 0, 1, "dropout of the state that weights read, one mask for all steps"),
    TN_REAL_X(config, weight_dropout, TN_O_OPEN_MAX, 0, 0, 1, "dropout of the elements of the recurrent weights, one mask for a batch"),
    TN_BOOL(config, reverse, 0, "walk from the end of each sequence to its first step"),
    TN_BOOL(config, carry_state, 0, "the state goes on from batch to batch, for data sets of lanes")
};

static const gru *gru_of(const run *r) { return (const gru *)(const void *)r->f; }
static const float *second_bias(const run *r, int64_t at)
{
    return gru_of(r)->bias_hh < 0 ? NULL : (const float *)r->c->param[gru_of(r)->bias_hh]->data + at;
}

/* What the epilogues of one row of a tile read and write, from the tile's first unit on. */
typedef struct row { const float *p, *z, *h_before; float *gate, *y, *pre; int64_t gs, h, at; } row;
static row row_of_tile(const step *s, const tn_tile *q, int64_t i)
{
    const run *r = s->r;
    int64_t h = gru_of(r)->h, seq = s->seq0 + q->row + i, at = s->row0 + q->row + i;
    const float *before = state_before(s, 0, seq);
    row w = { projected_of(s, seq) + q->unit, q->v + i * q->ld, before ? before + q->unit : NULL, r->dz + at * 3 * h + q->unit,
              r->state[0].rows + at * h + q->unit, saved_row(r, gru_of(r)->pre, at * 3 * h + q->unit), q->gs, h, at };
    return w;
}

/* ---- forward ------------------------------------------------------------------------------------------------------------ */
/* Reset after the product. */
static void done_after(void *ctx, const tn_tile *q)
{
    const step *s = ctx;
    const gru *l = gru_of(s->r);
    tn_be *be = s->r->c->be;
    for (int64_t i = 0; i < q->rows; i++) {
        row w = row_of_tile(s, q, i);
        float *product = saved_row(s->r, l->recurrent, w.at * 3 * w.h) + 2 * w.h + q->unit;
#define AFTER(j, n) {                                                                                                      \
    tn_vf r_in = tn_load(w.z + (j)) + take(w.p + (j), (n)), z_in = tn_load(w.z + w.gs + (j)) + take(w.p + w.h + (j), (n)); \
    tn_vf r = cell_value(be, &l->gate, r_in, (n)), z = cell_value(be, &l->gate, z_in, (n)), hn = tn_load(w.z + 2 * w.gs + (j)); \
    tn_vf c_in = tn_fma(r, hn, take(w.p + 2 * w.h + (j), (n))), c = cell_value(be, &l->candidate, c_in, (n));              \
    give(w.gate + (j), r, (n)), give(w.gate + w.h + (j), z, (n)), give(w.gate + 2 * w.h + (j), c, (n));                    \
    if (w.pre) give(w.pre + (j), r_in, (n)), give(w.pre + w.h + (j), z_in, (n)), give(w.pre + 2 * w.h + (j), c_in, (n));   \
    give(product + (j), hn, (n)), give(w.y + (j), tn_fma(z, take_or_zero(w.h_before, (j), (n)) - c, c), (n)); }
        FOR_VECTORS(q->units, AFTER);
    }
}

/* Reset before the product: r, z and r h' first, then the candidate. */
static void done_gates(void *ctx, const tn_tile *q)
{
    const step *s = ctx;
    const gru *l = gru_of(s->r);
    tn_be *be = s->r->c->be;
    for (int64_t i = 0; i < q->rows; i++) {
        row w = row_of_tile(s, q, i);
        float *reset = saved_row(s->r, l->reset, w.at * w.h) + q->unit;
        const float *read = state_read(s, 0, s->seq0 + q->row + i);
        if (read) read += q->unit;
#define GATES(j, n) {                                                                                                      \
    tn_vf r_in = tn_load(w.z + (j)) + take(w.p + (j), (n)), z_in = tn_load(w.z + w.gs + (j)) + take(w.p + w.h + (j), (n)); \
    tn_vf r = cell_value(be, &l->gate, r_in, (n)), z = cell_value(be, &l->gate, z_in, (n));                                \
    give(w.gate + (j), r, (n)), give(w.gate + w.h + (j), z, (n));                                                          \
    if (w.pre) give(w.pre + (j), r_in, (n)), give(w.pre + w.h + (j), z_in, (n));                                           \
    give(reset + (j), r * take_or_zero(read, (j), (n)), (n)); }
        FOR_VECTORS(q->units, GATES);
    }
}
static void done_candidate(void *ctx, const tn_tile *q)
{
    const step *s = ctx;
    const gru *l = gru_of(s->r);
    tn_be *be = s->r->c->be;
    for (int64_t i = 0; i < q->rows; i++) {
        row w = row_of_tile(s, q, i);
#define CANDIDATE(j, n) {                                                                                                  \
    tn_vf c_in = tn_load(w.z + (j)) + take(w.p + 2 * w.h + (j), (n)), c = cell_value(be, &l->candidate, c_in, (n));        \
    give(w.gate + 2 * w.h + (j), c, (n));                                                                                  \
    if (w.pre) give(w.pre + 2 * w.h + (j), c_in, (n));                                                                     \
    give(w.y + (j), tn_fma(take(w.gate + w.h + (j), (n)), take_or_zero(w.h_before, (j), (n)) - c, c), (n)); }
        FOR_VECTORS(q->units, CANDIDATE);
    }
}

static void forward_after(step *s, int64_t from, int64_t to)
{
    const gru *l = gru_of(s->r);
    tn_product p = { .groups = 3, .units = l->h, .init = second_bias(s->r, 0), .done = done_after,
                     .packed = packed_weight(&l->w_hh, s->r->c, 0) };
    multiply_state(s, 0, from, to, &p);
}

static void forward_before(step *s, int64_t from, int64_t to)
{
    const run *r = s->r;
    const gru *l = gru_of(r);
    tn_product p = { .groups = 2, .units = l->h, .init = second_bias(r, 0), .done = done_gates,
                     .packed = packed_weight(&l->w_hh, r->c, 0) };
    multiply_state(s, 0, from, to, &p);
    begin_at(s, from);
    tn_product n = { sizeof n, 1, to - from, l->h, l->h, saved_row(r, l->reset, s->row0 * l->h), l->h, NULL, second_bias(r, 2 * l->h),
                     0, NULL, packed_weight(&l->w_hn, r->c, 0), done_candidate, s, NULL, 0 };
    r->c->be->ops->product(r->c->be, &n);
}

/* ---- backward ----------------------------------------------------------------------------------------------------------- */
/* dP_n = dh (1 - z) f'(n),  dP_z = dh (h' - n) s'(z),  dP_r = dP_n hn s'(r),  d(hn) = dP_n r,  dh' = dh z + ... */
static void backward_after(step *s, int64_t from, int64_t to)
{
    const run *r = s->r;
    const gru *l = gru_of(r);
    tn_be *be = r->c->be;
    int64_t h = l->h;
    for (int64_t seq = from; seq < to; seq++) {
        int64_t at = row_of(s, seq);
        float *dh = r->state[0].carry + seq * h, *gate = r->dz + at * 3 * h, *rec = saved_row(r, l->recurrent, at * 3 * h);
        const float *before = state_before(s, 0, seq), *dy = r->dy ? r->dy + at * h : NULL, *pre = saved_row(r, l->pre, at * 3 * h);
#define BACK_AFTER(j, n) {                                                                                                 \
    tn_vf d = take(dh + (j), (n)) + take_or_zero(dy, (j), (n)), one = tn_set(1);                                           \
    tn_vf reset = take(gate + (j), (n)), z = take(gate + h + (j), (n)), c = take(gate + 2 * h + (j), (n));                 \
    tn_vf dn = d * (one - z) * cell_slope(be, &l->candidate, take_or_zero(pre, 2 * h + (j), (n)), c, (n));                 \
    tn_vf dz = d * (take_or_zero(before, (j), (n)) - c) * cell_slope(be, &l->gate, take_or_zero(pre, h + (j), (n)), z, (n)); \
    tn_vf dr = dn * take(rec + 2 * h + (j), (n)) * cell_slope(be, &l->gate, take_or_zero(pre, (j), (n)), reset, (n));      \
    give(gate + (j), dr, (n)), give(gate + h + (j), dz, (n)), give(gate + 2 * h + (j), dn, (n));                           \
    give(rec + (j), dr, (n)), give(rec + h + (j), dz, (n)), give(rec + 2 * h + (j), dn * reset, (n));                      \
    give(dh + (j), d * z, (n)); }
        FOR_VECTORS(h, BACK_AFTER);
    }
    add_to_carry(s, 0, from, 3 * h, saved_row(r, l->recurrent, row_of(s, from) * 3 * h), 3 * h, packed_weight(&l->w_hh, r->c, 1));
}

/* dP_n, dP_z as above,  d(r h') = dP_n W_hn,  dP_r = d(r h') h' s'(r),  dh' = dh z + d(r h') r + ... */
static void backward_candidate(const step *s, int64_t seq)
{
    const run *r = s->r;
    const gru *l = gru_of(r);
    tn_be *be = r->c->be;
    int64_t h = l->h, at = row_of(s, seq);
    float *dh = r->state[0].carry + seq * h, *gate = r->dz + at * 3 * h;
    const float *before = state_before(s, 0, seq), *dy = r->dy ? r->dy + at * h : NULL, *pre = saved_row(r, l->pre, at * 3 * h);
#define BACK_CANDIDATE(j, n) {                                                                                             \
    tn_vf d = take(dh + (j), (n)) + take_or_zero(dy, (j), (n)), z = take(gate + h + (j), (n)), c = take(gate + 2 * h + (j), (n)); \
    tn_vf slope = cell_slope(be, &l->candidate, take_or_zero(pre, 2 * h + (j), (n)), c, (n));                              \
    tn_vf slope_z = cell_slope(be, &l->gate, take_or_zero(pre, h + (j), (n)), z, (n));                                     \
    give(gate + 2 * h + (j), d * (tn_set(1) - z) * slope, (n));                                                            \
    give(gate + h + (j), d * (take_or_zero(before, (j), (n)) - c) * slope_z, (n)), give(dh + (j), d * z, (n)); }
    FOR_VECTORS(h, BACK_CANDIDATE);
}
static void backward_reset(const step *s, int64_t seq, const float *d_reset)
{
    const run *r = s->r;
    const gru *l = gru_of(r);
    tn_be *be = r->c->be;
    int64_t h = l->h;
    float *dh = r->state[0].carry + seq * h, *gate = r->dz + row_of(s, seq) * 3 * h;
    const float *read = state_read(s, 0, seq), *pre = saved_row(r, l->pre, row_of(s, seq) * 3 * h);
    const float *mask = r->state[0].mask ? r->state[0].mask + seq * h : NULL;
#define BACK_RESET(j, n) {                                                                                                 \
    tn_vf reset = take(gate + (j), (n)), d = take(d_reset + (j), (n));                                                     \
    tn_vf slope = cell_slope(be, &l->gate, take_or_zero(pre, (j), (n)), reset, (n));                                       \
    give(gate + (j), d * take_or_zero(read, (j), (n)) * slope, (n));                                                       \
    if (mask) d = d * take(mask + (j), (n));                                                                               \
    give(dh + (j), tn_fma(d, reset, take(dh + (j), (n))), (n)); }
    FOR_VECTORS(h, BACK_RESET);
}
static void backward_before(step *s, int64_t from, int64_t to)
{
    const run *r = s->r;
    const gru *l = gru_of(r);
    int64_t h = l->h;
    float *d_reset = r->c->work[l->d_reset]->data, *first = r->dz + row_of(s, from) * 3 * h;
    for (int64_t seq = from; seq < to; seq++) backward_candidate(s, seq);
    tn_product p = { sizeof p, 1, to - from, h, h, first + 2 * h, 3 * h, NULL, NULL, 0, NULL, packed_weight(&l->w_hn, r->c, 1), NULL,
                     NULL, d_reset + from * h, h };
    r->c->be->ops->product(r->c->be, &p);
    for (int64_t seq = from; seq < to; seq++) backward_reset(s, seq, d_reset + seq * h);
    add_to_carry(s, 0, from, 2 * h, first, 3 * h, packed_weight(&l->w_hh, r->c, 1));
}

static int gradient_after(const run *r)
{
    const gru *l = gru_of(r);
    tn_tensor *const *g = r->c->d_param;
    int rc = state_gradient(r, 0, 3 * l->h, saved_row(r, l->recurrent, 0), 3 * l->h, begin_weight_gradient(&l->w_hh, r->c),
                            l->bias_hh < 0 ? NULL : floats(g[l->bias_hh]));
    return rc ? rc : end_weight_gradient(&l->w_hh, r->c);
}
static int gradient_before(const run *r)
{
    const gru *l = gru_of(r);
    const tn_ops *o = r->c->be->ops;
    int64_t h = l->h, n = r->lay->rows;
    float *bias = l->bias_hh < 0 ? NULL : floats(r->c->d_param[l->bias_hh]), *dw = begin_weight_gradient(&l->w_hn, r->c);
    float *bias_n = bias ? bias + 2 * h : NULL;
    int rc = state_gradient(r, 0, 2 * h, r->dz, 3 * h, begin_weight_gradient(&l->w_hh, r->c), bias);
    if (!rc) rc = end_weight_gradient(&l->w_hh, r->c);
    if (rc || !dw) return rc ? rc : bias_n ? o->sum_rows(r->c->be, n, h, r->dz + 2 * h, 3 * h, bias_n) : TN_OK;
    rc = o->outer_add(r->c->be, n, h, r->dz + 2 * h, 3 * h, h, saved_row(r, l->reset, 0), h, NULL, dw, h, bias_n);
    return rc ? rc : end_weight_gradient(&l->w_hn, r->c);
}

/* ---- plan --------------------------------------------------------------------------------------------------------------- */
static int add_parameters(const tn_api *api, tn_plan *p, const config *f, gru *l, int64_t in)
{
    static const char zero[] = "{ type = 'constant', value = 0.0 }";
    int64_t h = f->units;
    int after = f->reset_after;
    l->w_hh = (dropped_weight){ .rate = f->weight_dropout, .rows = (after ? 3 : 2) * h, .width = h, .groups = after ? 3 : 2 };
    l->w_hn = (dropped_weight){ .rate = after ? 0 : f->weight_dropout, .rows = h, .width = h, .groups = 1 };
    return (l->f.w_ih = add_weight(api, p, "weight_ih", 3, h, in, "glorot_uniform")) < 0
        || (l->w_hh.param = add_weight(api, p, "weight_hh", after ? 3 : 2, h, h, "orthogonal")) < 0
        || (!after && (l->w_hn.param = add_weight(api, p, "weight_hn", 1, h, h, "orthogonal")) < 0)
        || (l->f.bias = add_weight(api, p, "bias", 3, h, 0, zero)) < 0
        || (f->recurrent_bias && (l->bias_hh = add_weight(api, p, "bias_hh", 3, h, 0, zero)) < 0)
        || plan_dropped(api, p, &l->w_hh) || (!after && plan_dropped(api, p, &l->w_hn)) ? TN_EINVAL : TN_OK;
}

static int plan(const tn_api *api, tn_host *host, const void *config_, void *self, tn_plan *p, uint32_t n_in, const tn_spec *const *in)
{
    static const cell after = { forward_after, backward_after, gradient_after },
                      before = { forward_before, backward_before, gradient_before };
    static const char *const names[] = { "state" };
    const config *f = config_;
    gru *l = self;
    int32_t up = steps_of(api, host, p, in[0]);
    (void)n_in;
    if (up < 0) return up;
    *l = (gru){ .h = f->units, .bias_hh = -1, .pre = -1 };
    if (function_of(api, host, "activation", f->activation, CELL_TANH, &l->candidate)
        || function_of(api, host, "recurrent_activation", f->recurrent_activation, CELL_SIGMOID, &l->gate)) return TN_EINVAL;
    l->f = (frame){ .cell = f->reset_after ? &after : &before, .wide = 3 * f->units, .width = { f->units }, .fed = { 1 }, .states = 1,
                    .reverse = f->reverse, .second_bias = -1, .dropout = f->recurrent_dropout };
    if (add_parameters(api, p, f, l, in[0]->width) || plan_frame(api, p, &l->f, in[0], up, names, f->carry_state)) return TN_EINVAL;
    tn_spec one = { TN_F32, TN_VALUES, in[0]->layout, 0, 0, l->h, 0, 0, 0, 0 }, seq = one;
    tn_spec three = one;
    seq.layout = up, three.width = 3 * l->h;
    if ((needs_input(&l->gate) || needs_input(&l->candidate)) && (l->pre = api->add_saved(p, &three)) < 0) return TN_EINVAL;
    if (f->reset_after) return (l->recurrent = api->add_saved(p, &three)) < 0 ? l->recurrent : TN_OK;
    return (l->reset = api->add_saved(p, &one)) < 0 || (l->d_reset = api->add_work(p, &seq)) < 0 ? TN_EINVAL : TN_OK;
}

static int forward(void *self, const tn_call *c)
{
    const gru *l = self;
    int rc = drop_elements(&l->w_hh, c);
    if (!rc) rc = drop_elements(&l->w_hn, c);
    return rc ? rc : frame_forward(self, c, NULL);
}
static int backward(void *self, const tn_call *c) { return frame_backward(self, c, NULL); }
static int gradient(void *self, const tn_call *c) { return frame_gradient(self, c, NULL); }
static const tn_impl impl = { sizeof impl, 0, "cpu", forward, backward, gradient };
static const tn_impl *const impls[] = { &impl, NULL };
static const tn_layer table = { sizeof table, TN_L_RECURRENT | TN_L_INDEXED | TN_L_SETS, 1, 1, plan, impls, NULL, 0, 0, NULL, NULL };
static const tn_desc desc = {
    sizeof desc, TN_LAYER, &table, "gru", "gated recurrent unit",
    "`P = x W_ih' + bias`, gates in the order r z n; `r = s(P_r + h' W_hr')`, `z = s(P_z + h' W_hz')`, "
    "`n = tanh(P_n + r (h' W_hn' + bias_hn))`, `h = (1 - z) n + z h'`. Gives every step; `.state` gives one row a sequence, after "
    "its last step. Parameters as PyTorch's nn.GRU: weight_ih (3H x I), weight_hh (3H x H), bias (3H), bias_hh (3H).\n\n"
    "`reset_after = false` is the unit of the first paper and of Keras before 2.1, `n = tanh(P_n + (r h') W_hn')`; it keeps W_hn in "
    "a parameter of its own, weight_hn (H x H), and weight_hh has r and z alone (2H x H). Keras has one bias then: "
    "`recurrent_bias = false`. Keras writes the gates in the order z r n. Cho et al. 2014; Chung et al. 2014.\n\n"
    "Both dropouts are of training alone, and what stays is divided by 1 - rate. `recurrent_dropout`: all products with weights read "
    "`h' m`, m one mask for all steps of a sequence, while `z h'` has h' itself (Gal and Ghahramani 2016). `weight_dropout`: elements "
    "of weight_hh and weight_hn are 0 for a batch (Merity, Keskar and Socher 2017).\n\n"
    "`activation` and `recurrent_activation` take any function of one number, as `\"relu\"` or "
    "`{ type = \"hard_sigmoid\", slope = 0.2 }`, which gates had in Keras 1 and 2.\n\n"
    INITIAL_STATE_DOC,
    TN_OPTIONS(options), sizeof(config), sizeof(gru), NULL, NULL, NULL, NULL, NULL, NULL };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("gru", "1.0.0", "Tenon", "MIT", "", parts)
