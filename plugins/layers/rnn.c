/* rnn.c -- the simple recurrent layer: h_t = f(x_t W_ih' + bias + h' W_hh'), h' of the step before. Elman 1990. */
#include "cell_math.h"
#include "recurrent.h"
#include "weight_drop.h"

typedef struct config {
    int64_t units;
    tn_part *activation;
    double recurrent_dropout, weight_dropout;
    int32_t recurrent_bias, reverse, carry_state;
} config;
typedef struct rnn { frame f; function function; dropped_weight w_hh; int pre; } rnn; /* pre: saved, what f is taken of, or -1 */

static const tn_option options[] = {
    TN_INT(config, units, 128, 1, 65536, "size of the hidden state"),
    TN_SUBPART(config, activation, TN_ACTIVATION, NULL, "f; tanh where nothing is given"),
    TN_REAL_X(config, recurrent_dropout, TN_O_OPEN_MAX, 0, 0, 1, "dropout of the state that W_hh reads, one mask for all steps"),
    TN_REAL_X(config, weight_dropout, TN_O_OPEN_MAX, 0, 0, 1, "dropout of the elements of W_hh, one mask for a batch"),
    TN_BOOL(config, recurrent_bias, 0, "a second bias, as PyTorch's bias_hh"),
    TN_BOOL(config, reverse, 0, "walk from the end of each sequence to its first step"),
    TN_BOOL(config, carry_state, 0, "the state goes on from batch to batch, for data sets of lanes")
};

static const rnn *rnn_of(const run *r) { return (const rnn *)(const void *)r->f; }

static void done(void *ctx, const tn_tile *q)
{
    const step *s = ctx;
    const rnn *l = rnn_of(s->r);
    for (int64_t i = 0; i < q->rows; i++) {
        int64_t at = (s->row0 + q->row + i) * l->f.wide + q->unit;
        const float *z = q->v + i * q->ld;
        float *y = s->r->state[0].rows + at, *pre = saved_row(s->r, l->pre, at);
#define VALUE(j, n) {                                                                                                      \
    give(y + (j), cell_value(s->r->c->be, &l->function, tn_load(z + (j)), (n)), (n));                                      \
    if (pre) give(pre + (j), tn_load(z + (j)), (n)); }
        FOR_VECTORS(q->units, VALUE);
    }
}

static void forward_step(step *s, int64_t from, int64_t to)
{
    const run *r = s->r;
    const rnn *l = rnn_of(r);
    tn_product p = { .groups = 1, .units = r->f->wide, .init = r->of ? r->projected : projected_of(s, from), .ld_init = r->f->wide,
                     .init_row = r->of ? r->of + row_of(s, from) : NULL, .packed = packed_weight(&l->w_hh, r->c, 0), .done = done };
    multiply_state(s, 0, from, to, &p);
}

/* dz = (dh + dy) f',  dh' = dz W_hh */
static void backward_step(step *s, int64_t from, int64_t to)
{
    const run *r = s->r;
    const rnn *l = rnn_of(r);
    int64_t h = r->f->wide;
    for (int64_t seq = from; seq < to; seq++) {
        int64_t row = row_of(s, seq) * h;
        float *dh = r->state[0].carry + seq * h, *dz = r->dz + row;
        const float *y = r->state[0].rows + row, *dy = r->dy ? r->dy + row : NULL, *pre = saved_row(r, l->pre, row);
#define GRADIENT(j, n) {                                                                                                   \
    tn_vf slope = cell_slope(r->c->be, &l->function, take_or_zero(pre, (j), (n)), take(y + (j), (n)), (n));                \
    give(dz + (j), (take(dh + (j), (n)) + take_or_zero(dy, (j), (n))) * slope, (n)); }
        FOR_VECTORS(h, GRADIENT);
        memset(dh, 0, sizeof *dh * (size_t)h);
    }
    add_to_carry(s, 0, from, h, r->dz + row_of(s, from) * h, h, packed_weight(&l->w_hh, r->c, 1));
}

static int cell_gradient(const run *r)
{
    const rnn *l = rnn_of(r);
    int rc = state_gradient(r, 0, r->f->wide, r->dz, r->f->wide, begin_weight_gradient(&l->w_hh, r->c), NULL);
    return rc ? rc : end_weight_gradient(&l->w_hh, r->c);
}

static int plan(const tn_api *api, tn_host *host, const void *config_, void *self, tn_plan *p, uint32_t n_in, const tn_spec *const *in)
{
    static const cell phases = { forward_step, backward_step, cell_gradient };
    static const char *const names[] = { "state" };
    const config *f = config_;
    rnn *l = self;
    int32_t up = steps_of(api, host, p, in[0]);
    (void)n_in;
    if (up < 0) return up;
    l->pre = -1;
    if (function_of(api, host, "activation", f->activation, CELL_TANH, &l->function)) return TN_EINVAL;
    l->f = (frame){ .cell = &phases, .wide = f->units, .width = { f->units }, .fed = { 1 }, .states = 1, .reverse = f->reverse,
                    .second_bias = -1, .dropout = f->recurrent_dropout };
    l->w_hh = (dropped_weight){ .rate = f->weight_dropout, .rows = f->units, .width = f->units, .groups = 1 };
    if ((l->f.w_ih = add_weight(api, p, "weight_ih", 1, f->units, in[0]->width, "glorot_uniform")) < 0
        || (l->w_hh.param = add_weight(api, p, "weight_hh", 1, f->units, f->units, "orthogonal")) < 0
        || (l->f.bias = add_weight(api, p, "bias", 1, f->units, 0, "{ type = 'constant', value = 0.0 }")) < 0) return TN_EINVAL;
    if (f->recurrent_bias
        && (l->f.second_bias = add_weight(api, p, "bias_hh", 1, f->units, 0, "{ type = 'constant', value = 0.0 }")) < 0)
        return TN_EINVAL;
    if (plan_dropped(api, p, &l->w_hh)) return TN_EINVAL;
    tn_spec pre = { TN_F32, TN_VALUES, in[0]->layout, 0, 0, f->units, 0, 0, 0, 0 };
    if (plan_frame(api, p, &l->f, in[0], up, names, f->carry_state)) return TN_EINVAL;
    return needs_input(&l->function) && (l->pre = api->add_saved(p, &pre)) < 0 ? l->pre : TN_OK;
}

static int forward(void *self, const tn_call *c)
{
    int rc = drop_elements(&((const rnn *)self)->w_hh, c);
    return rc ? rc : frame_forward(self, c, NULL);
}
static int backward(void *self, const tn_call *c) { return frame_backward(self, c, NULL); }
static int gradient(void *self, const tn_call *c) { return frame_gradient(self, c, NULL); }
static const tn_impl impl = { sizeof impl, 0, "cpu", forward, backward, gradient };
static const tn_impl *const impls[] = { &impl, NULL };
static const tn_layer table = { sizeof table, TN_L_RECURRENT | TN_L_INDEXED | TN_L_SETS, 1, 1, plan, impls, NULL, 0, 0, NULL, NULL };
static const tn_desc desc = {
    sizeof desc, TN_LAYER, &table, "rnn", "simple recurrent layer",
    "`h_t = f(x_t W_ih' + bias + h' W_hh')`. Gives every step; `.state` gives one row a sequence, after its last step. Parameters "
    "as PyTorch's nn.RNN: weight_ih (H x I), weight_hh (H x H), bias (H). With `activation = \"relu\"` W_hh is best begun "
    "as the identity or orthogonal, as it is here (Le, Jaitly and Hinton 2015); the state can grow without bound. Elman 1990.\n\n"
    "Both dropouts are of training alone, and what stays is divided by 1 - rate. `recurrent_dropout`: W_hh reads `h' m`, m one mask "
    "for all steps of a sequence (Gal and Ghahramani 2016). `weight_dropout`: elements of W_hh are 0 for a batch (Merity, Keskar and "
    "Socher 2017).\n\n"
    INITIAL_STATE_DOC,
    TN_OPTIONS(options), sizeof(config), sizeof(rnn), NULL, NULL, NULL, NULL, NULL, NULL };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("rnn", "1.0.0", "Tenon", "MIT", "", parts)
