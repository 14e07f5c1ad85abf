/* lstm_core.h -- the layer behind lstm.c and bilstm.c: layers on top of each other, each of one or two directions, which are
 * independent work. What a direction computes is in lstm_walk.h; here are its inputs, the gradients of inputs and weights,
 * what threads share, and the plan.
 *
 * T steps, S sequences, N rows, I input width, H units, D directions.                                             */
#ifndef LSTM_CORE_H
#define LSTM_CORE_H
#include "tenon/random.h"
#include "lstm_walk.h"
#include "mask.h"

enum { MOST_LAYERS = 5 };
typedef struct config {
    int64_t units, layers;
    double forget_bias, dropout, recurrent_dropout;
    int32_t reverse, recurrent_bias, carry_state;
} config;

/* Slots of one run, in the order of plan. */
enum { W_IH, W_HH, BIAS, BIAS_HH };                      /* parameters                                              */
enum { GATES, CELL, HIDDEN_BEFORE, GATE_SUMS, SAVED };   /* gates, later their gradients [N, 4H]; cell [N, H]; h' [N, H];
                                                            gradients of the gates summed by distinct input [N, 4H] */
enum { PROJECTED, DH, DC, MASK, BIAS_SUM, ROW_BEFORE, WORK }; /* x W_ih' [N, 4H]; gradients of h', c' [S, H]; of recurrent
                                                            dropout [S, H]; both biases [1, 4H]; row of y that holds h', -1:
                                                            zero [N]                                                */
enum { PACK_IH, PACK_HH, PACK_IH_BACK, PACK_HH_BACK, PACKS };

typedef struct lstm {
    int64_t h, layers, directions, params;               /* params of one run: 3, or 4 with bias_hh                 */
    int64_t in[MOST_LAYERS];
    double forget_bias, dropout, recurrent_dropout;
    int reverse;
    int output[MOST_LAYERS], input[MOST_LAYERS];         /* saved slots: h of lower layers, what layer l reads      */
    int flow[MOST_LAYERS];                               /* work slots: gradient of what layer l reads, l > 0       */
    int saved0, work0;                                   /* first slots of the runs                                 */
} lstm;

static float *floats(tn_tensor *t) { return t ? t->data : NULL; }

/* ---- a layer: its runs side by side ------------------------------------------------------------------------------------ */
enum { MOST_PARTS = 256 };
typedef struct walk { const run *r; int64_t parts; int32_t cut[MOST_PARTS + 1]; int forward; } walk; /* parts: of a direction */

static void walk_body(void *ctx, int64_t from, int64_t to)
{
    const walk *w = ctx;
    for (int64_t k = from; k < to; k++) {
        int64_t part = k % w->parts;
        if (w->forward) walk_forward(&w->r[k / w->parts], w->cut[part], w->cut[part + 1]);
        else walk_backward(&w->r[k / w->parts], w->cut[part], w->cut[part + 1]);
    }
}

/* Threads that compute, 0 where the backend does not tell. */
static int64_t threads_of(const tn_call *c)
{
    const int32_t *threads = c->be->ops->native ? c->be->ops->native(c->be, "threads") : NULL;
    return threads ? *threads : 0;
}

/* Sequences are cut into as many parts as threads need: few, since a product of many rows is faster, and of about as many
 * rows each. Where the backend does not tell how many threads it has, parts are of about eight sequences. */
static int walk_all(const lstm *l, const tn_call *c, const run *r, int forward)
{
    const tn_layout *lay = r->lay;
    int64_t threads = threads_of(c);
    walk w = { .r = r, .forward = forward };
    w.parts = threads ? (threads + l->directions - 1) / l->directions : lay->sequences / 8;
    if (w.parts > lay->sequences / 4) w.parts = lay->sequences / 4;
    if (w.parts > MOST_PARTS) w.parts = MOST_PARTS;
    if (w.parts < 1) w.parts = 1;
    int64_t rows = 0, part = 1;
    for (int32_t s = 0; s < lay->sequences; s++) {
        while (part < w.parts && rows * w.parts >= lay->rows * part) w.cut[part++] = s;
        rows += lay->length[s];
    }
    while (part <= w.parts) w.cut[part++] = lay->sequences;
    return c->be->ops->parallel_for(c->be, l->directions * w.parts, 1, walk_body, &w);
}

/* State slots: of the top layer first, then of the layers below. */
static int64_t state_slot(const lstm *l, int64_t layer) { return layer == l->layers - 1 ? 0 : 2 * (layer + 1); }

/* The table of input projections that forward passes alone keep; NULL: none. */
static tn_tensor *kept_of(const tn_call *c, int64_t layer, int64_t d) { return layer || !TN_HAS(c, kept) ? NULL : c->kept[d]; }

static run run_of(const lstm *l, const tn_call *c, int64_t layer, int64_t d)
{
    int64_t k = layer * l->directions + d, st = state_slot(l, layer);
    tn_tensor *const *saved = c->saved + l->saved0 + k * SAVED, *const *work = c->work + l->work0 + k * WORK;
    int top = layer == l->layers - 1, drops = l->recurrent_dropout > 0 && (c->flags & TN_C_TRAINING);
    const tn_index *index = layer ? NULL : c->in[0]->index;
    const tn_tensor *projected = kept_of(c, layer, d) ? kept_of(c, layer, d) : work[PROJECTED];
    run r = { c, c->out[0]->lay, l->directions == 2 ? d == 1 : l->reverse, l->h, l->directions * l->h, d * l->h,
              top ? c->out[0]->data : c->saved[l->output[layer]]->data,
              c->flags & TN_C_ALONE ? NULL : saved[GATES]->data, saved[CELL]->data, saved[HIDDEN_BEFORE]->data,
              projected->data, work[DH]->data, work[DC]->data, drops ? work[MASK]->data : NULL, index ? index->of : NULL,
              floats(c->state[st]), floats(c->state[st + 1]), top ? floats(c->d_out[0]) : floats(c->work[l->flow[layer + 1]]),
              floats(c->d_next[st]), floats(c->d_next[st + 1]), floats(c->d_state[st]), floats(c->d_state[st + 1]),
              c->packed[k * PACKS + PACK_HH], c->packed[k * PACKS + PACK_HH_BACK] };
    return r;
}

static tn_rng salted(const tn_call *c, int64_t k) { return tn_random_fork(c->rng, (uint64_t)k + 17); }

/* [S, H], 0 or 1 / (1 - rate): the same in every phase of a step. */
static void fill_mask(const lstm *l, const tn_call *c, run *r, int64_t k)
{
    if (!r->mask) return;
    tn_rng rng = salted(c, 1000 + k);
    float keep = (float)(1 / (1 - l->recurrent_dropout)), rate = (float)l->recurrent_dropout;
    for (int64_t s = 0; s < r->lay->sequences; s++)
        for (int64_t j = 0; j < r->h; j++)
            r->mask[s * r->h + j] = tn_random_uniform(rng, (uint64_t)(r->lay->order[s] * r->h + j)) < rate ? 0 : keep;
}

/* Dropout between layers, forwards (y = x) and backwards (y = x = gradient), in place or not. */
static void drop_between(const lstm *l, const tn_call *c, int64_t layer, const float *x, float *y, int64_t n)
{
    mask_apply(c->be, salted(c, layer), l->dropout, n, x, y, 0);
}
static int drops_between(const lstm *l, const tn_call *c) { return l->dropout > 0 && (c->flags & TN_C_TRAINING); }

/* What layer `layer` reads: rows, and how many (distinct ones where the input came by index). */
static const float *input_of(const lstm *l, const tn_call *c, int64_t layer, int64_t *rows)
{
    *rows = layer == 0 && c->in[0]->index ? c->in[0]->index->distinct : c->out[0]->rows;
    if (layer == 0) return c->in[0]->data;
    return drops_between(l, c) ? c->saved[l->input[layer]]->data : c->saved[l->output[layer - 1]]->data;
}

/* .state and .cell after the last step walked; an empty sequence keeps what it had. */
static void write_next(const lstm *l, const tn_call *c, const run *r, int64_t layer)
{
    int64_t st = state_slot(l, layer), h = r->h;
    for (int32_t s = 0; s < r->lay->sequences; s++) {
        int64_t at = r->lay->order[s] * r->ld + r->off, n = r->lay->length[s];
        int64_t row = n ? r->lay->first[r->backwards ? 0 : n - 1] + s : 0;
        float *hn = floats(c->next[st]), *cn = floats(c->next[st + 1]);
        for (int64_t j = 0; hn && j < h; j++) hn[at + j] = n ? r->y[row * r->ld + r->off + j] : r->h0 ? r->h0[at + j] : 0;
        for (int64_t j = 0; cn && j < h; j++) cn[at + j] = n ? r->cell[row * h + j] : r->c0 ? r->c0[at + j] : 0;
    }
}

/* ---- phases ---------------------------------------------------------------------------------------------------------- */
/* A layer in one phase. Where there are no more threads than directions, one thread takes all of a direction: its data stay in
 * that thread's cache, and neither waits for the other. */
typedef struct phase { const lstm *l; const tn_call *c; int64_t layer; run r[2]; int rc[2]; } phase; /* rc: of a direction */

static void open_phase(phase *p, const lstm *l, const tn_call *c, int64_t layer)
{
    *p = (phase){ .l = l, .c = c, .layer = layer };
    for (int64_t d = 0; d < l->directions; d++) {
        p->r[d] = run_of(l, c, layer, d);
        fill_mask(l, c, &p->r[d], layer * l->directions + d);
    }
}

static int sides_apart(const phase *p) { return threads_of(p->c) > 0 && threads_of(p->c) <= p->l->directions; }

/* x W_ih' + bias of a direction; where a table is kept, of the ids that it lacks, behind the rows that it has. */
static int project(const phase *p, int64_t d)
{
    const lstm *l = p->l;
    const tn_call *c = p->c;
    int64_t k = p->layer * l->directions + d, rows;
    tn_tensor *const *param = c->param + k * l->params;
    const float *x = input_of(l, c, p->layer, &rows), *bias = param[BIAS]->data;
    const tn_tensor *kept = kept_of(c, p->layer, d);
    int64_t at = kept ? kept->rows - rows : 0;
    if (l->params > BIAS_HH) {
        float *sum = c->work[l->work0 + k * WORK + BIAS_SUM]->data;
        for (int64_t j = 0; j < 4 * l->h; j++) sum[j] = bias[j] + ((float *)param[BIAS_HH]->data)[j];
        bias = sum;
    }
    int64_t in = l->in[p->layer];
    tn_product q = { sizeof q, 1, rows, in, 4 * l->h, x, in, NULL, bias, 0, NULL, c->packed[k * PACKS + PACK_IH], NULL, NULL,
                     p->r[d].projected + at * 4 * l->h, 4 * l->h };
    return c->be->ops->product(c->be, &q);
}

static void forward_side(void *ctx, int64_t from, int64_t to)
{
    phase *p = ctx;
    for (int64_t d = from; d < to; d++)
        if (!(p->rc[d] = project(p, d))) walk_forward(&p->r[d], 0, p->r[d].lay->sequences);
}

static int forward(void *self, const tn_call *c)
{
    const lstm *l = self;
    for (int64_t layer = 0; layer < l->layers; layer++) {
        phase p;
        int64_t wide = l->directions * l->h;
        if (layer && drops_between(l, c)) {
            const float *below = c->saved[l->output[layer - 1]]->data;
            drop_between(l, c, layer, below, c->saved[l->input[layer]]->data, c->out[0]->rows * wide);
        }
        open_phase(&p, l, c, layer);
        if (sides_apart(&p)) {
            c->be->ops->parallel_for(c->be, l->directions, 1, forward_side, &p);
        } else {
            for (int64_t d = 0; d < l->directions; d++) p.rc[d] = project(&p, d);
            if (!p.rc[0] && !p.rc[1]) p.rc[0] = walk_all(l, c, p.r, 1);
        }
        if (p.rc[0] || p.rc[1]) return p.rc[0] ? p.rc[0] : p.rc[1];
        for (int64_t d = 0; d < l->directions; d++) write_next(l, c, &p.r[d], layer);
    }
    return TN_OK;
}

/* Gradients of the gates, summed over the rows of each distinct input where inputs came by index. */
static void sum_by_input(const phase *p, int64_t d)
{
    const tn_index *index = p->layer ? NULL : p->c->in[0]->index;
    const tn_ops *o = p->c->be->ops;
    int64_t wide = 4 * p->l->h;
    if (!index) return;
    float *sums = p->c->saved[p->l->saved0 + (p->layer * p->l->directions + d) * SAVED + GATE_SUMS]->data;
    o->fill(p->c->be, sums, TN_F32, index->distinct * wide, 0);
    o->segment_add(p->c->be, index->distinct, wide, p->r[d].gates, wide, index->begin, index->row, NULL, sums, wide);
}

/* dx += dz W_ih, over distinct inputs where they came by index. */
static int input_gradient(const phase *p, int64_t d, float *dx)
{
    const lstm *l = p->l;
    const tn_call *c = p->c;
    const tn_index *index = p->layer ? NULL : c->in[0]->index;
    int64_t k = p->layer * l->directions + d, rows = index ? index->distinct : c->out[0]->rows, in = l->in[p->layer];
    const float *dz = index ? c->saved[l->saved0 + k * SAVED + GATE_SUMS]->data : p->r[d].gates;
    tn_product q = { sizeof q, 1, rows, 4 * l->h, in, dz, 4 * l->h, NULL, dx, in, NULL, c->packed[k * PACKS + PACK_IH_BACK], NULL,
                     NULL, dx, in };
    return dx ? c->be->ops->product(c->be, &q) : TN_OK;
}

static void backward_side(void *ctx, int64_t from, int64_t to)
{
    const phase *p = ctx;
    for (int64_t d = from; d < to; d++) {
        walk_backward(&p->r[d], 0, p->r[d].lay->sequences);
        sum_by_input(p, d);
    }
}

static int backward(void *self, const tn_call *c)
{
    const lstm *l = self;
    for (int64_t layer = l->layers; layer-- > 0; ) {
        phase p;
        open_phase(&p, l, c, layer);
        if (sides_apart(&p)) {
            c->be->ops->parallel_for(c->be, l->directions, 1, backward_side, &p);
        } else {
            walk_all(l, c, p.r, 0);
            for (int64_t d = 0; d < l->directions; d++) sum_by_input(&p, d);
        }
        float *dx = layer ? c->work[l->flow[layer]]->data : floats(c->d_in[0]);
        int64_t n = c->out[0]->rows * l->directions * l->h;
        if (layer) c->be->ops->fill(c->be, dx, TN_F32, n, 0);
        for (int64_t d = 0; d < l->directions; d++) { /* one after the other: both add to dx */
            int rc = input_gradient(&p, d, dx);
            if (rc) return rc;
        }
        if (layer && drops_between(l, c)) drop_between(l, c, layer, dx, dx, n);
    }
    return TN_OK;
}

/* h' of every row for the gradient of W_hh. Where the walk began with zeros they are rows of y, known by number; where it
 * began with a state they are laid side by side, and those of the first steps are there from forward: the initial states of
 * a child's steps are gone by now.                                                                                 */
typedef struct finding { const run *r; int32_t *row; } finding;
static void find_before(void *ctx, int64_t from, int64_t to)
{
    const finding *f = ctx;
    for (int64_t row = from; row < to; row++) {
        step s = step_at(f->r, f->r->lay->step[row]);
        int64_t seq = row - f->r->lay->first[s.t];
        if (!f->r->h0) f->row[row] = seq < s.cont ? (int32_t)(s.prev + seq) : -1;
        else if (seq < s.cont) keep_before(f->r, &s, seq);
    }
}

/* dW_ih += dz' x, over distinct inputs where they came by index;  dW_hh += dz' h';  both biases: the sum of dz */
static void run_gradient(const phase *p, int64_t d)
{
    const lstm *l = p->l;
    const tn_call *c = p->c;
    const tn_ops *o = c->be->ops;
    const run *r = &p->r[d];
    int64_t h = l->h, in = l->in[p->layer], k = p->layer * l->directions + d, n = c->out[0]->rows, rows;
    tn_tensor *const *g = c->d_param + k * l->params;
    const float *x = input_of(l, c, p->layer, &rows), *dz = r->gates;
    finding f = { r, c->work[l->work0 + k * WORK + ROW_BEFORE]->data };
    int known = !r->mask && !r->h0;
    float *bias = floats(g[BIAS]), *bias_hh = l->params > BIAS_HH ? floats(g[BIAS_HH]) : NULL;
    if (p->layer == 0 && c->in[0]->index) dz = c->saved[l->saved0 + k * SAVED + GATE_SUMS]->data;
    if (!r->mask && g[W_HH]) o->parallel_for(c->be, n, 256, find_before, &f);
    if (g[W_IH]) o->outer_add(c->be, rows, 4 * h, dz, 4 * h, in, x, in, NULL, g[W_IH]->data, in, bias);
    else if (bias) o->sum_rows(c->be, rows, 4 * h, dz, 4 * h, bias);
    if (g[W_HH])
        o->outer_add(c->be, n, 4 * h, r->gates, 4 * h, h, known ? r->y + r->off : r->before, known ? r->ld : h,
                     known ? f.row : NULL, g[W_HH]->data, h, bias_hh);
    else if (bias_hh) o->sum_rows(c->be, n, 4 * h, r->gates, 4 * h, bias_hh);
}

static void gradient_side(void *ctx, int64_t from, int64_t to)
{
    for (int64_t d = from; d < to; d++) run_gradient(ctx, d);
}

static int gradient(void *self, const tn_call *c)
{
    const lstm *l = self;
    for (int64_t layer = 0; layer < l->layers; layer++) {
        phase p = { .l = l, .c = c, .layer = layer };
        for (int64_t d = 0; d < l->directions; d++) p.r[d] = run_of(l, c, layer, d);
        if (sides_apart(&p)) c->be->ops->parallel_for(c->be, l->directions, 1, gradient_side, &p);
        else gradient_side(&p, 0, l->directions);
    }
    return TN_OK;
}

/* ---- planning --------------------------------------------------------------------------------------------------------- */
static int add_run(const tn_api *api, tn_plan *p, const config *f, int64_t in, const tn_spec *out, int32_t up, const char *suffix)
{
    int64_t h = f->units;
    char name[4][32];
    static const char *const base[4] = { "weight_ih", "weight_hh", "bias", "bias_hh" };
    for (int i = 0; i < 4; i++) snprintf(name[i], sizeof name[i], "%s%s", base[i], suffix);
    tn_param w[4] = { { sizeof(tn_param), 0, name[0], "glorot_uniform", 2, 4, { 4 * h, in, 0, 0 }, in, h, 0, 0 },
                      { sizeof(tn_param), 0, name[1], "orthogonal", 2, 4, { 4 * h, h, 0, 0 }, h, h, 0, 0 },
                      { sizeof(tn_param), TN_P_NO_DECAY, name[2], NULL, 1, 4, { 4 * h, 0, 0, 0 }, h, h, 0, 0 },
                      { sizeof(tn_param), TN_P_NO_DECAY, name[3], NULL, 1, 4, { 4 * h, 0, 0, 0 }, h, h, 0, 0 } };
    int slot[4] = { 0, 0, 0, 0 };
    for (int i = 0; i < (f->recurrent_bias ? 4 : 3); i++)
        if ((slot[i] = api->add_param(p, &w[i])) < 0) return slot[i];
    tn_spec gates = *out, one = *out, seq = *out, bias = { TN_F32, 0, TN_FIXED, 0, 1, 4 * h, 0, 0, 0, 0 };
    tn_spec row = *out;
    row.dtype = TN_I32, row.width = 1, row.index_of = 0;
    gates.width = 4 * h, one.width = seq.width = h, seq.layout = up;
    gates.index_of = one.index_of = seq.index_of = 0;
    int bad = api->add_saved(p, &gates) < 0 || api->add_saved(p, &one) < 0 || api->add_saved(p, &one) < 0
           || api->add_saved(p, &gates) < 0
           || api->add_work(p, &gates) < 0 || api->add_work(p, &seq) < 0 || api->add_work(p, &seq) < 0 || api->add_work(p, &seq) < 0
           || api->add_work(p, &bias) < 0 || api->add_work(p, &row) < 0
           || api->add_packed(p, slot[W_IH], 1, 1) < 0 || api->add_packed(p, slot[W_HH], 1, 4) < 0
           || api->add_packed(p, slot[W_IH], 0, 1) < 0 || api->add_packed(p, slot[W_HH], 0, 1) < 0;
    return bad ? TN_EINVAL : TN_OK;
}

static int add_states(const tn_api *api, tn_plan *p, const config *f, const lstm *l, const tn_spec *seq)
{
    uint32_t flags = f->carry_state ? 0 : TN_S_NO_CARRY;
    if (api->add_state(p, "state", seq, flags) < 0 || api->add_state(p, "cell", seq, flags) < 0) return TN_EINVAL;
    for (int64_t k = 0; k + 1 < l->layers; k++) {
        char name[2][16];
        snprintf(name[0], sizeof name[0], "state_l%d", (int)k), snprintf(name[1], sizeof name[1], "cell_l%d", (int)k);
        if (api->add_state(p, name[0], seq, flags) < 0 || api->add_state(p, name[1], seq, flags) < 0) return TN_EINVAL;
    }
    return TN_OK;
}

static int plan_lstm(const tn_api *api, tn_host *host, const config *f, lstm *l, tn_plan *p, const tn_spec *in, int directions)
{
    int32_t up = api->parent(p, in->layout);
    if (up <= 0)
        return api->fail(host, TN_ESHAPE, "the input has one row an example; a recurrent layer reads the steps of a sequence");
    if (in->dtype != TN_F32) return api->fail(host, TN_ESHAPE, "the input is ids; put an embedding before it");
    *l = (lstm){ .h = f->units, .layers = f->layers, .directions = directions, .params = f->recurrent_bias ? 4 : 3,
                 .forget_bias = f->forget_bias, .dropout = f->dropout, .recurrent_dropout = f->recurrent_dropout,
                 .reverse = f->reverse };
    tn_spec y = { TN_F32, TN_VALUES, in->layout, 0, 0, directions * f->units, 0, 0, 0, 0 }, seq = y;
    seq.layout = up;
    if (api->add_out(p, NULL, &y) < 0 || add_states(api, p, f, l, &seq)) return TN_EINVAL;
    for (int d = 0; d < directions && TN_HAS(api, add_kept); d++)
        if (api->add_kept(p, 0, 4 * f->units) < 0) return TN_EINVAL;
    for (int64_t k = 0; k < l->layers; k++) {
        l->in[k] = k ? directions * f->units : in->width;
        if (k + 1 < l->layers && (l->output[k] = api->add_saved(p, &y)) < 0) return TN_EINVAL;
        if (k && (l->input[k] = api->add_saved(p, &y)) < 0) return TN_EINVAL;
        if (k && (l->flow[k] = api->add_work(p, &y)) < 0) return TN_EINVAL;
    }
    l->saved0 = (int)(2 * (l->layers - 1)), l->work0 = (int)(l->layers - 1);
    for (int64_t k = 0; k < l->layers; k++)
        for (int d = 0; d < directions; d++) {
            char suffix[20] = "";
            if (k) snprintf(suffix, sizeof suffix, "_l%d%s", (int)k, d ? "_reverse" : "");
            else if (d) snprintf(suffix, sizeof suffix, "_reverse");
            if (add_run(api, p, f, l->in[k], &y, up, suffix)) return TN_EINVAL;
        }
    return TN_OK;
}

/* Biases are zero but for the forget gate. */
static int initialize(void *self, const tn_api *api, tn_host *host, uint32_t slot, tn_rng rng, float *p)
{
    const lstm *l = self;
    (void)api, (void)host, (void)rng;
    if (slot % l->params < BIAS) return 0;
    for (int64_t j = 0; j < 4 * l->h; j++)
        p[j] = slot % l->params == BIAS && j / l->h == 1 ? (float)l->forget_bias : 0;
    return 1;
}

#define LSTM_OPTIONS                                                                                                       \
    TN_INT(config, units, 128, 1, 65536, "size of the hidden state"),                                                      \
    TN_INT(config, layers, 1, 1, MOST_LAYERS, "layers on top of each other, each reading all steps of the one below"),     \
    TN_REAL(config, forget_bias, 1, -100, 100, "initial bias of the forget gate"),                                         \
    TN_REAL_X(config, dropout, TN_O_OPEN_MAX, 0, 0, 1, "dropout between layers"),                                          \
    TN_REAL_X(config, recurrent_dropout, TN_O_OPEN_MAX, 0, 0, 1, "dropout of the hidden state, one mask for all steps"),   \
    TN_BOOL(config, recurrent_bias, 0, "a second bias, as PyTorch's bias_hh"),                                             \
    TN_BOOL(config, carry_state, 0, "the state goes on from batch to batch, for data sets of lanes")
#endif
