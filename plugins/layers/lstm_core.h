/* lstm_core.h -- the layer behind lstm.c and bilstm.c: layers on top of each other, each of one or two directions, which are
 * independent work. What a direction computes is in lstm_walk.h; here are its inputs, the gradients of inputs and weights,
 * what threads share, and the plan.
 *
 * T steps, S sequences, N rows, I input width, H units, W width of h (H, or that of a projection), D directions.         */
#ifndef LSTM_CORE_H
#define LSTM_CORE_H
#include "distinct_sums.h"
#include "lstm_walk.h"
#include "lstm_variants.h"
#include "sequence_parts.h"
#include "weight_drop.h"

enum { MOST_LAYERS = 5 };
typedef struct config {
    int64_t units, layers, projection;
    double input_bias, forget_bias, cell_bias, output_bias, dropout, recurrent_dropout, weight_dropout;
    tn_part *activation, *recurrent_activation;
    int32_t reverse, recurrent_bias, carry_state, peepholes;
} config;

/* Slots of one run, in the order of plan. */
enum { W_IH, W_HH, BIAS, MORE };                         /* parameters; from MORE on those that options ask for      */
enum { GATES, CELL, HIDDEN_BEFORE, GATE_SUMS, SAVED };   /* gates, later their gradients [N, 4H]; cell [N, H]; h' [N, W];
                                                            gradients of the gates summed by distinct input [N, 4H] */
enum { PROJECTED, DH, DC, MASK, BIAS_SUM, ROW_BEFORE, WORK }; /* x W_ih' [N, 4H]; gradients of h' [S, W], c' [S, H]; of
                                                            recurrent dropout [S, W]; both biases [1, 4H]; row of y that
                                                            holds h', -1: zero [N]                                  */
enum { PACK_IH, PACK_IH_BACK, PACKS };
/* Slots of a run that is a variant; see lstm_variants.h. */
typedef struct variant_slots { int squashed, before, pre, unprojected, dy, dm, pack_hr, pack_hr_back; } variant_slots;

typedef struct lstm {
    int64_t h, w, layers, directions;
    int64_t in[MOST_LAYERS];
    const config *config;
    int reverse, variant;
    int params, bias_hh, peephole, w_hr;                 /* parameters of one run; -1: there is none                */
    int output[MOST_LAYERS], input[MOST_LAYERS];         /* saved slots: h of lower layers, what layer l reads      */
    int flow[MOST_LAYERS];                               /* work slots: gradient of what layer l reads, l > 0       */
    int saved0, work0;                                   /* first slots of the runs                                 */
    function gate, squash;
    dropped_weight w_hh[2 * MOST_LAYERS];                /* of each run                                             */
    variant_slots slots[2 * MOST_LAYERS];
} lstm;

static float *floats(tn_tensor *t) { return t ? t->data : NULL; }

/* ---- a layer: its runs side by side ------------------------------------------------------------------------------------ */
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

static int walk_all(const lstm *l, const tn_call *c, const run *r, int forward)
{
    walk w = { .r = r, .forward = forward };
    w.parts = cut_sequences(c, r->lay, l->directions, w.cut);
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
    int top = layer == l->layers - 1, masked = l->config->recurrent_dropout > 0 && (c->flags & TN_C_TRAINING);
    const tn_index *index = layer ? NULL : c->in[0]->index;
    const tn_tensor *projected = kept_of(c, layer, d) ? kept_of(c, layer, d) : work[PROJECTED];
    run r = { c, c->out[0]->lay, l->directions == 2 ? d == 1 : l->reverse, l->h, l->directions * l->w, d * l->w,
              top ? c->out[0]->data : c->saved[l->output[layer]]->data,
              c->flags & TN_C_ALONE && !l->variant ? NULL : saved[GATES]->data, saved[CELL]->data, saved[HIDDEN_BEFORE]->data,
              projected->data, work[DH]->data, work[DC]->data, masked ? work[MASK]->data : NULL, index ? index->of : NULL,
              floats(c->state[st]), floats(c->state[st + 1]), top ? floats(c->d_out[0]) : floats(c->work[l->flow[layer + 1]]),
              floats(c->d_next[st]), floats(c->d_next[st + 1]), floats(c->d_state[st]), floats(c->d_state[st + 1]),
              packed_weight(&l->w_hh[k], c, 0), packed_weight(&l->w_hh[k], c, 1), l->w, l->directions * l->h, d * l->h, NULL };
    return r;
}

static float *saved_floats(const tn_call *c, int slot) { return slot < 0 ? NULL : c->saved[slot]->data; }

static variant variant_of(const lstm *l, const tn_call *c, int64_t k)
{
    const variant_slots *s = &l->slots[k];
    variant v = { l->gate, l->squash, l->peephole < 0 ? NULL : c->param[k * l->params + l->peephole]->data,
                  saved_floats(c, s->squashed), saved_floats(c, s->before), saved_floats(c, s->pre), saved_floats(c, s->unprojected),
                  saved_floats(c, s->dy), c->work[s->dm]->data, l->w_hr < 0 ? NULL : c->packed[s->pack_hr],
                  l->w_hr < 0 ? NULL : c->packed[s->pack_hr_back] };
    return v;
}

static tn_rng salted(const tn_call *c, int64_t k) { return tn_random_fork(c->rng, (uint64_t)k + 17); }

/* Dropout between layers, forwards (y = x) and backwards (y = x = gradient), in place or not. */
static void drop_between(const lstm *l, const tn_call *c, int64_t layer, const float *x, float *y, int64_t n)
{
    mask_apply(c->be, salted(c, layer), l->config->dropout, n, x, y, 0);
}
static int drops_between(const lstm *l, const tn_call *c) { return l->config->dropout > 0 && (c->flags & TN_C_TRAINING); }

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
    float *hn = floats(c->next[st]), *cn = floats(c->next[st + 1]);
    for (int32_t s = 0; s < r->lay->sequences; s++) {
        int64_t n = r->lay->length[s], row = n ? r->lay->first[r->backwards ? 0 : n - 1] + s : 0;
        int64_t at = r->lay->order[s] * r->ld + r->off, cell_at = r->lay->order[s] * r->cell_ld + r->cell_off;
        for (int64_t j = 0; hn && j < r->w; j++) hn[at + j] = n ? r->y[row * r->ld + r->off + j] : r->h0 ? r->h0[at + j] : 0;
        for (int64_t j = 0; cn && j < h; j++) cn[cell_at + j] = n ? r->cell[row * h + j] : r->c0 ? r->c0[cell_at + j] : 0;
    }
}

/* ---- phases ---------------------------------------------------------------------------------------------------------- */
/* A layer in one phase. Where there are no more threads than directions, one thread takes all of a direction: its data stay in
 * that thread's cache, and neither waits for the other. */
typedef struct phase { const lstm *l; const tn_call *c; int64_t layer; run r[2]; variant v[2]; int rc[2]; } phase; /* rc: of a direction */

static void open_phase(phase *p, const lstm *l, const tn_call *c, int64_t layer)
{
    p->l = l, p->c = c, p->layer = layer, p->rc[0] = p->rc[1] = TN_OK;
    for (int64_t d = 0; d < l->directions; d++) {
        int64_t k = layer * l->directions + d;
        p->r[d] = run_of(l, c, layer, d);
        if (l->variant) p->v[d] = variant_of(l, c, k), p->r[d].v = &p->v[d];
    }
}

/* The masks of recurrent dropout, the same in every phase of a step. */
static void fill_masks(phase *p)
{
    const lstm *l = p->l;
    for (int64_t d = 0; p->r[0].mask && d < l->directions; d++)
        mask_states(salted(p->c, 1000 + p->layer * l->directions + d), l->config->recurrent_dropout, p->r[d].lay, l->w, p->r[d].mask);
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
    if (l->bias_hh >= 0) {
        float *sum = c->work[l->work0 + k * WORK + BIAS_SUM]->data;
        for (int64_t j = 0; j < 4 * l->h; j++) sum[j] = bias[j] + ((float *)param[l->bias_hh]->data)[j];
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
        int64_t wide = l->directions * l->w;
        if (layer && drops_between(l, c)) {
            const float *below = c->saved[l->output[layer - 1]]->data;
            drop_between(l, c, layer, below, c->saved[l->input[layer]]->data, c->out[0]->rows * wide);
        }
        open_phase(&p, l, c, layer), fill_masks(&p);
        for (int64_t d = 0; d < l->directions; d++) {
            int rc = drop_elements(&l->w_hh[layer * l->directions + d], c);
            if (rc) return rc;
        }
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
static int sum_by_input(const phase *p, int64_t d)
{
    const tn_index *index = p->layer ? NULL : p->c->in[0]->index;
    if (!index) return TN_OK;
    float *sums = p->c->saved[p->l->saved0 + (p->layer * p->l->directions + d) * SAVED + GATE_SUMS]->data;
    return sum_by_distinct(p->c, index, 4 * p->l->h, p->r[d].gates, sums);
}

/* dx += dz W_ih, or dx = it, over distinct inputs where they came by index. */
static int input_gradient(const phase *p, int64_t d, float *dx, int set)
{
    const lstm *l = p->l;
    const tn_call *c = p->c;
    const tn_index *index = p->layer ? NULL : c->in[0]->index;
    int64_t k = p->layer * l->directions + d, rows = index ? index->distinct : c->out[0]->rows, in = l->in[p->layer];
    const float *dz = index ? c->saved[l->saved0 + k * SAVED + GATE_SUMS]->data : p->r[d].gates;
    tn_product q = { sizeof q, 1, rows, 4 * l->h, in, dz, 4 * l->h, NULL, set ? NULL : dx, in, NULL, c->packed[k * PACKS + PACK_IH_BACK], NULL,
                     NULL, dx, in };
    return dx ? c->be->ops->product(c->be, &q) : TN_OK;
}

static void backward_side(void *ctx, int64_t from, int64_t to)
{
    phase *p = ctx;
    for (int64_t d = from; d < to; d++) {
        walk_backward(&p->r[d], 0, p->r[d].lay->sequences);
        p->rc[d] = sum_by_input(p, d);
    }
}

static int backward(void *self, const tn_call *c)
{
    const lstm *l = self;
    for (int64_t layer = l->layers; layer-- > 0; ) {
        phase p;
        open_phase(&p, l, c, layer), fill_masks(&p);
        if (sides_apart(&p)) {
            c->be->ops->parallel_for(c->be, l->directions, 1, backward_side, &p);
        } else {
            walk_all(l, c, p.r, 0);
            for (int64_t d = 0; d < l->directions; d++) p.rc[d] = sum_by_input(&p, d);
        }
        if (p.rc[0] || p.rc[1]) return p.rc[0] ? p.rc[0] : p.rc[1];
        float *dx = layer ? c->work[l->flow[layer]]->data : floats(c->d_in[0]);
        int64_t n = c->out[0]->rows * l->directions * l->w;
        for (int64_t d = 0; d < l->directions; d++) { /* one after the other: both add to dx */
            int rc = input_gradient(&p, d, dx, d == 0 && (layer || c->flags & TN_C_SET));
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

/* dW_ih += dz' x, over distinct inputs where they came by index;  dW_hh += dz' h';  both biases: the sum of dz; and of what a variant has */
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
    float *bias = floats(g[BIAS]), *bias_hh = l->bias_hh < 0 ? NULL : floats(g[l->bias_hh]), *dw = begin_weight_gradient(&l->w_hh[k], c);
    if (p->layer == 0 && c->in[0]->index) dz = c->saved[l->saved0 + k * SAVED + GATE_SUMS]->data;
    if (!r->mask && dw) o->parallel_for(c->be, n, 256, find_before, &f);
    if (g[W_IH]) o->outer_add(c->be, rows, 4 * h, dz, 4 * h, in, x, in, NULL, g[W_IH]->data, in, bias);
    else if (bias) o->sum_rows(c->be, rows, 4 * h, dz, 4 * h, bias);
    if (dw)
        o->outer_add(c->be, n, 4 * h, r->gates, 4 * h, r->w, known ? r->y + r->off : r->before, known ? r->ld : r->w,
                     known ? f.row : NULL, dw, r->w, bias_hh);
    else if (bias_hh) o->sum_rows(c->be, n, 4 * h, r->gates, 4 * h, bias_hh);
    end_weight_gradient(&l->w_hh[k], c);
    if (r->v) variant_gradient(r, l->peephole < 0 ? NULL : floats(g[l->peephole]), l->w_hr < 0 ? NULL : floats(g[l->w_hr]));
}

static void gradient_side(void *ctx, int64_t from, int64_t to)
{
    for (int64_t d = from; d < to; d++) run_gradient(ctx, d);
}

static int gradient(void *self, const tn_call *c)
{
    const lstm *l = self;
    for (int64_t layer = 0; layer < l->layers; layer++) {
        phase p;
        open_phase(&p, l, c, layer);
        if (sides_apart(&p)) c->be->ops->parallel_for(c->be, l->directions, 1, gradient_side, &p);
        else gradient_side(&p, 0, l->directions);
    }
    return TN_OK;
}

/* ---- planning --------------------------------------------------------------------------------------------------------- */
/* `blocks` matrices [rows, width], or vectors where width is 0; init NULL: a bias. */
static int add_parameter(const tn_api *api, tn_plan *p, const char *name, const char *suffix, uint32_t blocks, int64_t rows,
                         int64_t width, const char *init)
{
    char full[48];
    snprintf(full, sizeof full, "%s%s", name, suffix);
    tn_param w = { sizeof w, init ? 0 : TN_P_NO_DECAY, full, init, width ? 2 : 1, blocks, { blocks * rows, width, 0, 0 },
                   width ? width : rows, rows, 0, 0 };
    return api->add_param(p, &w);
}

/* Slots of run k, in the order of the enumerations above. */
static int add_run(const tn_api *api, tn_plan *p, const lstm *l, int64_t k, int64_t in, const tn_spec *out, int32_t up)
{
    int64_t h = l->h, layer = k / l->directions, first = k * l->params;
    char suffix[20] = "";
    const char *back = k % l->directions ? "_reverse" : "";
    if (layer) snprintf(suffix, sizeof suffix, "_l%d%s", (int)layer, back);
    else snprintf(suffix, sizeof suffix, "%s", back);
    if (add_parameter(api, p, "weight_ih", suffix, 4, h, in, "glorot_uniform") < 0
        || add_parameter(api, p, "weight_hh", suffix, 4, h, l->w, "orthogonal") < 0
        || add_parameter(api, p, "bias", suffix, 4, h, 0, NULL) < 0
        || (l->bias_hh >= 0 && add_parameter(api, p, "bias_hh", suffix, 4, h, 0, NULL) < 0)
        || (l->peephole >= 0 && add_parameter(api, p, "peephole", suffix, 3, h, 0, "{ type = 'uniform', low = -0.1, high = 0.1 }") < 0)
        || (l->w_hr >= 0 && add_parameter(api, p, "weight_hr", suffix, 1, l->w, h, "glorot_uniform") < 0)) return TN_EINVAL;
    tn_spec gates = *out, one = *out, hidden = *out, bias = { TN_F32, 0, TN_FIXED, 0, 1, 4 * h, 0, 0, 0, 0 }, row = *out;
    gates.width = 4 * h, one.width = h, hidden.width = l->w, row.dtype = TN_I32, row.width = 1;
    tn_spec dh = hidden, dc = one;
    dh.layout = dc.layout = up;
    return api->add_saved(p, &gates) < 0 || api->add_saved(p, &one) < 0 || api->add_saved(p, &hidden) < 0
        || api->add_saved(p, &gates) < 0
        || api->add_work(p, &gates) < 0 || api->add_work(p, &dh) < 0 || api->add_work(p, &dc) < 0 || api->add_work(p, &dh) < 0
        || api->add_work(p, &bias) < 0 || api->add_work(p, &row) < 0
        || api->add_packed(p, (int)first + W_IH, 1, 1) < 0 || api->add_packed(p, (int)first + W_IH, 0, 1) < 0 ? TN_EINVAL : TN_OK;
}

/* What run k needs beyond that: W_hh, a variant's slots. */
static int add_more(const tn_api *api, tn_plan *p, lstm *l, int64_t k, const tn_spec *out, int32_t up)
{
    variant_slots *s = &l->slots[k];
    int first = (int)k * l->params;
    l->w_hh[k] = (dropped_weight){ .rate = l->config->weight_dropout, .rows = 4 * l->h, .width = l->w, .groups = 4, .param = first + W_HH };
    if (plan_dropped(api, p, &l->w_hh[k])) return TN_EINVAL;
    *s = (variant_slots){ -1, -1, -1, -1, -1, -1, -1, -1 };
    if (!l->variant) return TN_OK;
    tn_spec gates = *out, one = *out, hidden = *out, dm;
    gates.width = 4 * l->h, one.width = l->h, hidden.width = l->w;
    dm = one, dm.layout = up;
    int asks = needs_input(&l->gate) || needs_input(&l->squash), projects = l->w_hr >= 0;
    return (s->squashed = api->add_saved(p, &one)) < 0 || (s->dm = api->add_work(p, &dm)) < 0
        || (l->peephole >= 0 && (s->before = api->add_saved(p, &one)) < 0) || (asks && (s->pre = api->add_saved(p, &gates)) < 0)
        || (projects && (s->unprojected = api->add_saved(p, &one)) < 0) || (projects && (s->dy = api->add_saved(p, &hidden)) < 0)
        || (projects && (s->pack_hr = api->add_packed(p, first + l->w_hr, 1, 1)) < 0)
        || (projects && (s->pack_hr_back = api->add_packed(p, first + l->w_hr, 0, 1)) < 0) ? TN_EINVAL : TN_OK;
}

/* Of the top layer first, then of the layers below. */
static int add_states(const tn_api *api, tn_plan *p, const lstm *l, const tn_spec *out, int32_t up)
{
    uint32_t flags = l->config->carry_state ? 0 : TN_S_NO_CARRY;
    tn_spec h = *out, c = *out;
    h.layout = c.layout = up, c.width = l->directions * l->h;
    if (api->add_state(p, "state", &h, flags) < 0 || api->add_state(p, "cell", &c, flags) < 0) return TN_EINVAL;
    for (int64_t k = 0; k + 1 < l->layers; k++) {
        char name[2][16];
        snprintf(name[0], sizeof name[0], "state_l%d", (int)k), snprintf(name[1], sizeof name[1], "cell_l%d", (int)k);
        if (api->add_state(p, name[0], &h, flags) < 0 || api->add_state(p, name[1], &c, flags) < 0) return TN_EINVAL;
    }
    return TN_OK;
}

/* Sizes, functions, and which parameters a run has. */
static int set_options(const tn_api *api, tn_host *host, const config *f, lstm *l, int directions)
{
    *l = (lstm){ .h = f->units, .w = f->projection ? f->projection : f->units, .layers = f->layers, .directions = directions, .config = f,
                 .reverse = f->reverse, .params = MORE, .bias_hh = -1, .peephole = -1, .w_hr = -1 };
    l->variant = f->peepholes || f->projection || f->activation || f->recurrent_activation;
    if (f->recurrent_bias) l->bias_hh = l->params++;
    if (f->peepholes) l->peephole = l->params++;
    if (f->projection) l->w_hr = l->params++;
    return function_of(api, host, "activation", f->activation, CELL_TANH, &l->squash)
        || function_of(api, host, "recurrent_activation", f->recurrent_activation, CELL_SIGMOID, &l->gate) ? TN_EINVAL : TN_OK;
}

static int plan_lstm(const tn_api *api, tn_host *host, const config *f, lstm *l, tn_plan *p, const tn_spec *in, int directions)
{
    int32_t up = api->parent(p, in->layout);
    if (up <= 0)
        return api->fail(host, TN_ESHAPE, "the input has one row an example; a recurrent layer reads the steps of a sequence");
    if (in->dtype != TN_F32) return api->fail(host, TN_ESHAPE, "the input is ids; put an embedding before it");
    if (set_options(api, host, f, l, directions)) return TN_EINVAL;
    tn_spec y = { TN_F32, TN_VALUES, in->layout, 0, 0, directions * l->w, 0, 0, 0, 0 };
    if (api->add_out(p, NULL, &y) < 0 || add_states(api, p, l, &y, up)) return TN_EINVAL;
    for (int d = 0; d < directions && TN_HAS(api, add_kept); d++)
        if (api->add_kept(p, 0, 4 * f->units) < 0) return TN_EINVAL;
    for (int64_t k = 0; k < l->layers; k++) {
        l->in[k] = k ? directions * l->w : in->width;
        if (k + 1 < l->layers && (l->output[k] = api->add_saved(p, &y)) < 0) return TN_EINVAL;
        if (k && (l->input[k] = api->add_saved(p, &y)) < 0) return TN_EINVAL;
        if (k && (l->flow[k] = api->add_work(p, &y)) < 0) return TN_EINVAL;
    }
    l->saved0 = (int)(2 * (l->layers - 1)), l->work0 = (int)(l->layers - 1);
    for (int64_t k = 0; k < l->layers * directions; k++)
        if (add_run(api, p, l, k, l->in[k / directions], &y, up)) return TN_EINVAL;
    for (int64_t k = 0; k < l->layers * directions; k++)
        if (add_more(api, p, l, k, &y, up)) return TN_EINVAL;
    return TN_OK;
}

/* Biases begin as the options say, gate by gate; those of bias_hh are zero. */
static int initialize(void *self, const tn_api *api, tn_host *host, uint32_t slot, tn_rng rng, float *p)
{
    const lstm *l = self;
    const config *f = l->config;
    const double first[4] = { f->input_bias, f->forget_bias, f->cell_bias, f->output_bias };
    int k = (int)slot % l->params;
    (void)api, (void)host, (void)rng;
    if (k != BIAS && k != l->bias_hh) return 0;
    for (int64_t j = 0; j < 4 * l->h; j++) p[j] = k == BIAS ? (float)first[j / l->h] : 0;
    return 1;
}

#define LSTM_DOC                                                                                                           \
    "All of these may be combined, and hold for every layer and direction:\n\n"                                            \
    "* `peepholes`: gates see the cell, by one weight for each unit; i and f that of the step before, o the new one: "      \
    "`i = s(z_i + p_i c')`, `f = s(z_f + p_f c')`, `o = s(z_o + p_o c)`. Parameter peephole (3H: i f o), which begins "      \
    "in [-0.1, 0.1]. Gers and Schmidhuber 2000; Gers, Schraudolph and Schmidhuber 2002; Graves 2013.\n"                     \
    "* `projection = R`: `h = W_hr (o tanh(c))` has R numbers, the cell H; weight_hr (R x H), weight_hh (4H x R). The "      \
    "output and `.state` have R numbers (2R in both directions), `.cell` H. Sak, Senior and Beaufays 2014; proj_size in "   \
    "PyTorch, which wants R < H.\n"                                                                                        \
    "* `activation` takes the place of both tanh, `recurrent_activation` that of the sigmoid of the gates: any function "   \
    "of one number, as `\"relu\"`. Gates in Keras 1 and 2 had `{ type = \"hard_sigmoid\", slope = 0.2 }`.\n"                   \
    "* `input_bias`, `forget_bias`, `cell_bias`, `output_bias`: where bias begins, for i, f, g, o. A forget gate that "     \
    "begins open remembers (Gers, Schmidhuber and Cummins 2000; Jozefowicz, Zaremba and Sutskever 2015: 1); an input or "   \
    "output gate that begins shut, as -1, keeps the cell undisturbed.\n"                                                   \
    "* `recurrent_dropout`: in training W_hh reads `h' m`, m one mask for all steps of a sequence, 0 or 1 / (1 - rate) (Gal " \
    "and Ghahramani 2016). `weight_dropout`: elements of W_hh itself are 0 or times 1 / (1 - rate), by one mask for a batch " \
    "(Merity, Keskar and Socher 2017, who take 0.5). `dropout` is that of the rows between layers.\n\n"                        \
    "States begin with 0, or with the rows of another layer, one a sequence, which then learns by them: `initial_state` "   \
    "is as wide as `.state`, `initial_cell` as `.cell`. A decoder that goes on from an encoder of its own size:\n\n"         \
    "    initial_state = \"encoder.state\"\n"                                                                               \
    "    initial_cell = \"encoder.cell\"\n\n"                                                                               \
    "With `layers = 3` these are the top layer's; the lower ones, from below, have the ports `.state_l0`, `.cell_l0`, "     \
    "`.state_l1`, `.cell_l1` and the keys `initial_state_l0` ... A state that begins so does not carry on from batch to "    \
    "batch.\n"

#define LSTM_OPTIONS                                                                                                       \
    TN_INT(config, units, 128, 1, 65536, "size of the hidden state; with a projection, of the cell alone"),                \
    TN_INT(config, layers, 1, 1, MOST_LAYERS, "layers on top of each other, each reading all steps of the one below"),     \
    TN_INT(config, projection, 0, 0, 65536, "size that the hidden state is projected to; 0: it is not"),                   \
    TN_BOOL(config, peepholes, 0, "gates see the cell"),                                                                   \
    TN_SUBPART(config, activation, TN_ACTIVATION, NULL, "of the candidate g and of the cell; tanh where nothing is given"), \
    TN_SUBPART(config, recurrent_activation, TN_ACTIVATION, NULL, "of the gates i, f, o; sigmoid where nothing is given"), \
    TN_REAL(config, input_bias, 0, -100, 100, "initial bias of the input gate"),                                           \
    TN_REAL(config, forget_bias, 1, -100, 100, "initial bias of the forget gate"),                                         \
    TN_REAL(config, cell_bias, 0, -100, 100, "initial bias of the candidate g"),                                           \
    TN_REAL(config, output_bias, 0, -100, 100, "initial bias of the output gate"),                                         \
    TN_REAL_X(config, dropout, TN_O_OPEN_MAX, 0, 0, 1, "dropout between layers"),                                          \
    TN_REAL_X(config, recurrent_dropout, TN_O_OPEN_MAX, 0, 0, 1, "dropout of the hidden state, one mask for all steps"),   \
    TN_REAL_X(config, weight_dropout, TN_O_OPEN_MAX, 0, 0, 1, "dropout of the elements of W_hh, one mask for a batch"),    \
    TN_BOOL(config, recurrent_bias, 0, "a second bias, as PyTorch's bias_hh"),                                             \
    TN_BOOL(config, carry_state, 0, "the state goes on from batch to batch, for data sets of lanes")
#endif
