/* recurrent.h -- the frame of a recurrent layer of one direction: inputs, initial and last states, the walk over packed rows,
 * threads, the gradients of what all cells have. A cell (gru.c, rnn.c, lstm1997.c ...) states what one step computes, forwards
 * and backwards, on rows that lie side by side.
 *
 *     P = x W_ih' + bias          for all rows at once, or once a distinct input
 *     step(P_t, states)           at step t the first `cont` sequences go on from the rows prev + s, the others begin there
 *                                 with the initial state
 * Forwards cont = live[t], prev = first[t - 1]; backwards cont = live[t + 1], prev = first[t + 1]. A thread owns its sequences
 * for the whole walk, so no step waits for another thread. Recurrent dropout: weights read the first state times a mask, one for
 * all steps of a sequence (Gal and Ghahramani 2016); what the cell itself does with the state, it does without.
 *
 * T steps, S sequences, N rows, I input width, Z width of P.                                                        */
#ifndef RECURRENT_H
#define RECURRENT_H
#include "tenon/tenon.h"
#include "distinct_sums.h"
#include "mask.h"
#include "row_vectors.h"
#include "sequence_parts.h"

enum { MOST_STATES = 3 };
typedef struct run run;
/* One step of a cell, sequences [from, to). */
typedef struct step {
    const run *r;
    int32_t t, cont, prev;
    int64_t upto;                        /* backward: gradients of the states before are wanted below this sequence   */
    int64_t row0, seq0;                  /* first row and sequence of a product                                       */
} step;
/* forward writes the rows of all states. backward has in `carry` the gradients of the states after the step but for d_out; it
 * writes dz and leaves in `carry` those of the states before. gradient: of the cell's own weights.                     */
typedef struct cell {
    void (*forward)(step *, int64_t from, int64_t to);
    void (*backward)(step *, int64_t from, int64_t to);
    int (*gradient)(const run *);
} cell;
/* What plan knows. A cell has this as the first member of its self. */
typedef struct frame {
    const cell *cell;
    int64_t in, wide, width[MOST_STATES];
    double dropout;                          /* of the first state                                                     */
    int states, reverse, fed[MOST_STATES];   /* fed: multiplied by weights, so gradient() reads it once more           */
    int w_ih, bias, second_bias;             /* parameters; bias, second_bias -1: there is none, P does not have it    */
    int64_t bias_width;                      /* columns of P that have a bias, the first ones; 0: all                  */
    int pack_ih, pack_ih_back;
    int kept;                                /* table of P by id that forward passes alone keep; -1: there is none     */
    int dz, sums, before[MOST_STATES];       /* saved: [N, Z]; dz summed by distinct input [N, Z]; states before [N, w] */
    int projected, row_before, bias_sum, carry[MOST_STATES], mask; /* work: [N, Z]; [N]; [1, Z]; [S, w]; [S, w]        */
} frame;
typedef struct state {
    int64_t width;
    float *rows, *carry, *before, *d_first;  /* rows: the cell sets those of states that are not the output            */
    const float *first, *d_next;             /* by the parent's row, or NULL                                           */
    float *mask;                             /* NULL: none; else `before` has every state before a step times mask     */
} state;
struct run {
    const frame *f;
    const tn_call *c;
    const tn_layout *lay;
    float *projected, *dz;
    const float *dy;
    const int32_t *of;                       /* rows of `projected`; NULL: each row its own                             */
    state state[MOST_STATES];
};
typedef void rows_fn(const frame *, const tn_call *, run *); /* sets state[k].rows, k > 0 */

static float *floats(tn_tensor *t) { return t ? t->data : NULL; }

/* From element `at` of a saved slot on; NULL where slot is -1. */
static float *saved_row(const run *r, int slot, int64_t at) { return slot < 0 ? NULL : (float *)r->c->saved[slot]->data + at; }

/* ---- steps -------------------------------------------------------------------------------------------------------------- */
static step step_at(const run *r, int32_t t)
{
    const tn_layout *l = r->lay;
    step s = { r, t, 0, 0, 0, 0, 0 };
    if (r->f->reverse) s.cont = l->live[t + 1], s.prev = l->first[t + 1];
    else if (t) s.cont = l->live[t], s.prev = l->first[t - 1];
    return s;
}

static int64_t row_of(const step *s, int64_t seq) { return s->r->lay->first[s->t] + seq; }

/* P of a sequence. */
static const float *projected_of(const step *s, int64_t seq)
{
    const run *r = s->r;
    int64_t row = row_of(s, seq);
    return r->projected + (r->of ? r->of[row] : row) * r->f->wide;
}

/* State k of a sequence before the step; NULL: zero. */
static const float *state_before(const step *s, int k, int64_t seq)
{
    const state *q = &s->r->state[k];
    if (seq < s->cont) return q->rows + (s->prev + seq) * q->width;
    return q->first ? q->first + s->r->lay->order[seq] * q->width : NULL;
}

/* The same as weights read it, which with a mask is not NULL. */
static inline const float *state_read(const step *s, int k, int64_t seq)
{
    const state *q = &s->r->state[k];
    return q->mask ? q->before + row_of(s, seq) * q->width : state_before(s, k, seq);
}

/* Rows seq0 .. of a product: its tiles count from there. */
static void begin_at(step *s, int64_t seq) { s->seq0 = seq, s->row0 = row_of(s, seq); }

/* init + state k before the step times packed weights, for sequences [from, to); then p->done or into p->y. p->init, init_row
 * and y are those of row `from`; they and what is said of x here are other ones afterwards.                               */
static void multiply_state(step *s, int k, int64_t from, int64_t to, tn_product *p)
{
    const run *r = s->r;
    const state *q = &r->state[k];
    int64_t cont = q->mask ? to : s->cont < from ? from : s->cont < to ? s->cont : to;
    p->size = sizeof *p, p->ctx = s, p->k = q->width, p->ldx = q->width, p->x_row = NULL;
    for (int part = 0; part < 2; part++) {
        int64_t a = part ? cont : from, b = part ? to : cont, off = a - from; /* 0 in the first part: p itself moves on */
        if (a >= b) continue;
        begin_at(s, a);
        p->rows = b - a;
        if (!part) p->x = q->mask ? q->before + s->row0 * q->width : q->rows + (s->prev + a) * q->width;
        else if (q->first) p->x = q->first, p->x_row = r->lay->order + a;
        else p->k = 0, p->x = NULL;
        if (p->init_row) p->init_row += off;
        else if (p->init) p->init += off * p->ld_init;
        if (p->y) p->y += off * p->ldy;
        r->c->be->ops->product(r->c->be, p);
    }
}

typedef struct masked_sum { const float *mask; float *y; int64_t width; } masked_sum;
static void add_masked(void *ctx, const tn_tile *q)
{
    const masked_sum *b = ctx;
    for (int64_t i = 0; i < q->rows; i++) {
        int64_t at = (q->row + i) * b->width + q->unit;
        const float *v = q->v + i * q->ld, *mask = b->mask + at;
        float *y = b->y + at;
#define ADD_MASKED(j, n) give(y + (j), tn_fma(tn_load(v + (j)), take(mask + (j), (n)), take(y + (j), (n))), (n))
        FOR_VECTORS(q->units, ADD_MASKED);
    }
}

/* Gradients of state k before the step += dz [S, wide] times packed weights, times the mask where there is one; dz from sequence
 * `from` on. */
static void add_to_carry(const step *s, int k, int64_t from, int64_t wide, const float *dz, int64_t ld, const void *packed)
{
    const run *r = s->r;
    const state *q = &r->state[k];
    int64_t at = from * q->width;
    float *y = q->carry + at;
    tn_product p = { sizeof p, 1, s->upto - from, wide, q->width, dz, ld, NULL, y, q->width, NULL, packed, NULL, NULL, y, q->width };
    masked_sum b = { NULL, y, q->width };
    if (q->mask) b.mask = q->mask + at, p.init = NULL, p.y = NULL, p.done = add_masked, p.ctx = &b;
    if (s->upto > from) r->c->be->ops->product(r->c->be, &p);
}

/* ---- forward ------------------------------------------------------------------------------------------------------------ */
/* State k before a step into its row of `before`. */
static void keep_before(const step *s, int k, int64_t seq)
{
    const state *q = &s->r->state[k];
    const float *x = state_before(s, k, seq);
    float *y = q->before + row_of(s, seq) * q->width;
    if (x) memcpy(y, x, sizeof(float) * (size_t)q->width);
    else memset(y, 0, sizeof(float) * (size_t)q->width);
}

/* The first state before a step, as weights read it, into its rows of `before`. */
static void apply_mask(const step *s, int64_t from, int64_t to)
{
    const state *q = &s->r->state[0];
    for (int64_t seq = from; seq < to; seq++) {
        const float *x = state_before(s, 0, seq), *mask = q->mask + seq * q->width;
        float *y = q->before + row_of(s, seq) * q->width;
        for (int64_t j = 0; j < q->width; j++) y[j] = x ? x[j] * mask[j] : 0;
    }
}

static void walk_forward(const run *r, int64_t from, int64_t to)
{
    const tn_layout *l = r->lay;
    for (int32_t i = 0; i < l->steps; i++) {
        int32_t t = r->f->reverse ? l->steps - 1 - i : i;
        int64_t end = to < l->live[t] ? to : l->live[t];
        if (end <= from) continue;
        step s = step_at(r, t);
        for (int k = 0; k < r->f->states; k++) /* gradient() has other initial states in a step of a child */
            for (int64_t q = s.cont > from ? s.cont : from; r->f->fed[k] && r->state[k].first && q < end; q++) keep_before(&s, k, q);
        if (r->state[0].mask) apply_mask(&s, from, end);
        r->f->cell->forward(&s, from, end);
    }
}

/* ---- backward ----------------------------------------------------------------------------------------------------------- */
static void add_row(float *y, const float *x, int64_t n)
{
    for (int64_t j = 0; j < n; j++) y[j] += x[j];
}

/* An empty sequence passes the gradient of next to state; the others begin with that of next, or zero. */
static void begin_carry(const run *r, int64_t seq)
{
    for (int k = 0; k < r->f->states; k++) {
        const state *q = &r->state[k];
        int64_t at = r->lay->order[seq] * q->width;
        size_t bytes = sizeof(float) * (size_t)q->width;
        if (!r->lay->length[seq] && q->d_first && q->d_next) add_row(q->d_first + at, q->d_next + at, q->width);
        if (q->d_next) memcpy(q->carry + seq * q->width, q->d_next + at, bytes);
        else memset(q->carry + seq * q->width, 0, bytes);
    }
}

static void walk_backward(const run *r, int64_t from, int64_t to)
{
    const tn_layout *l = r->lay;
    int wanted = 0;
    for (int k = 0; k < r->f->states; k++) wanted |= r->state[k].d_first != NULL;
    for (int64_t seq = from; seq < to; seq++) begin_carry(r, seq);
    for (int32_t i = 0; i < l->steps; i++) {
        int32_t t = r->f->reverse ? i : l->steps - 1 - i;
        int64_t end = to < l->live[t] ? to : l->live[t];
        if (end <= from) continue;
        step s = step_at(r, t);
        s.upto = wanted ? end : s.cont < from ? from : s.cont < end ? s.cont : end;
        r->f->cell->backward(&s, from, end);
        for (int k = 0; wanted && k < r->f->states; k++) { /* what sequences that began here leave for the initial state */
            const state *q = &r->state[k];
            for (int64_t seq = s.cont > from ? s.cont : from; q->d_first && seq < end; seq++)
                add_row(q->d_first + l->order[seq] * q->width, q->carry + seq * q->width, q->width);
        }
    }
}

/* ---- threads ------------------------------------------------------------------------------------------------------------ */
typedef struct walk { const run *r; int forward; int32_t cut[MOST_PARTS + 1]; } walk;

static void walk_body(void *ctx, int64_t from, int64_t to)
{
    const walk *w = ctx;
    for (int64_t k = from; k < to; k++) (w->forward ? walk_forward : walk_backward)(w->r, w->cut[k], w->cut[k + 1]);
}

static int walk_all(const run *r, int forward)
{
    walk w = { .r = r, .forward = forward };
    int64_t parts = cut_sequences(r->c, r->lay, 1, w.cut);
    return r->c->be->ops->parallel_for(r->c->be, parts, 1, walk_body, &w);
}

/* ---- phases ------------------------------------------------------------------------------------------------------------- */
/* The table of P that forward passes alone keep; NULL: this call has none. */
static tn_tensor *kept_of(const frame *f, const tn_call *c) { return f->kept < 0 || !TN_HAS(c, kept) ? NULL : c->kept[f->kept]; }

static run run_of(const frame *f, const tn_call *c, rows_fn *rows)
{
    const tn_tensor *projected = kept_of(f, c) ? kept_of(f, c) : c->work[f->projected];
    run r = { .f = f, .c = c, .lay = c->out[0]->lay, .projected = projected->data, .dz = c->saved[f->dz]->data,
              .dy = floats(c->d_out[0]), .of = c->in[0]->index ? c->in[0]->index->of : NULL };
    for (int k = 0; k < f->states; k++)
        r.state[k] = (state){ f->width[k], k ? NULL : c->out[0]->data, c->work[f->carry[k]]->data,
                              f->fed[k] ? c->saved[f->before[k]]->data : NULL, floats(c->d_state[k]), floats(c->state[k]),
                              floats(c->d_next[k]), NULL };
    if (f->dropout > 0 && c->flags & TN_C_TRAINING) r.state[0].mask = c->work[f->mask]->data;
    if (rows) rows(f, c, &r);
    return r;
}

/* The same in every phase of a step. */
static void fill_mask(const run *r)
{
    if (r->state[0].mask) mask_states(tn_random_fork(r->c->rng, 1000), r->f->dropout, r->lay, r->f->width[0], r->state[0].mask);
}

static int64_t input_rows(const run *r) { return r->c->in[0]->index ? r->c->in[0]->index->distinct : r->c->out[0]->rows; }

static int64_t columns_with_bias(const frame *f) { return f->bias_width ? f->bias_width : f->wide; }

/* P = x W_ih' + bias, with both biases where they do the same; where a table is kept, of the ids that it lacks, behind the rows
 * that it has. */
static int project(const run *r)
{
    const frame *f = r->f;
    const tn_call *c = r->c;
    const tn_tensor *kept = kept_of(f, c);
    int64_t rows = input_rows(r), at = kept ? kept->rows - rows : 0;
    const float *bias = f->bias < 0 ? NULL : c->param[f->bias]->data;
    const float *second = f->second_bias < 0 ? NULL : c->param[f->second_bias]->data;
    if (bias && (second || columns_with_bias(f) < f->wide)) {
        float *sum = c->work[f->bias_sum]->data;
        for (int64_t j = 0; j < f->wide; j++) sum[j] = j < columns_with_bias(f) ? bias[j] + (second ? second[j] : 0) : 0;
        bias = sum;
    }
    tn_product q = { sizeof q, 1, rows, f->in, f->wide, c->in[0]->data, f->in, NULL, bias, 0, NULL, c->packed[f->pack_ih], NULL, NULL,
                     r->projected + at * f->wide, f->wide };
    return c->be->ops->product(c->be, &q);
}

/* States after the last step walked; an empty sequence keeps what it had. */
static void write_next(const run *r)
{
    const tn_layout *l = r->lay;
    for (int k = 0; k < r->f->states; k++) {
        const state *q = &r->state[k];
        float *next = floats(r->c->next[k]);
        for (int32_t s = 0; next && s < l->sequences; s++) {
            int64_t n = l->length[s], at = l->order[s] * q->width;
            const float *x = n ? q->rows + (l->first[r->f->reverse ? 0 : n - 1] + s) * q->width : q->first ? q->first + at : NULL;
            if (x) memcpy(next + at, x, sizeof(float) * (size_t)q->width);
            else memset(next + at, 0, sizeof(float) * (size_t)q->width);
        }
    }
}

static int frame_forward(const frame *f, const tn_call *c, rows_fn *rows)
{
    run r = run_of(f, c, rows);
    int rc = project(&r);
    fill_mask(&r);
    if (!rc) rc = walk_all(&r, 1);
    if (!rc) write_next(&r);
    return rc;
}

/* dx += dz W_ih, over distinct inputs where they came by index */
static int frame_backward(const frame *f, const tn_call *c, rows_fn *rows)
{
    run r = run_of(f, c, rows);
    const tn_index *index = c->in[0]->index;
    float *dx = floats(c->d_in[0]), *dz = r.dz;
    fill_mask(&r);
    int rc = walk_all(&r, 0);
    if (rc) return rc;
    if (index) {
        dz = c->saved[f->sums]->data;
        if ((rc = sum_by_distinct(c, index, f->wide, r.dz, dz))) return rc;
    }
    tn_product q = { sizeof q, 1, input_rows(&r), f->wide, f->in, dz, f->wide, NULL, c->flags & TN_C_SET ? NULL : dx, f->in, NULL,
                     c->packed[f->pack_ih_back], NULL, NULL, dx, f->in };
    return dx ? c->be->ops->product(c->be, &q) : TN_OK;
}

/* States before every row, for the gradients of recurrent weights. Where the walk began with zeros they are rows of the state,
 * known by number; where it began with a state they are laid side by side, and those of the first steps are there from forward:
 * the initial states of a child's steps are gone by now. With a mask all of them are.                                  */
static void find_before(void *ctx, int64_t from, int64_t to)
{
    const run *r = ctx;
    int32_t *known = r->c->work[r->f->row_before]->data;
    for (int64_t row = from; row < to; row++) {
        step s = step_at(r, r->lay->step[row]);
        int64_t seq = row - r->lay->first[s.t];
        known[row] = seq < s.cont ? (int32_t)(s.prev + seq) : -1;
        for (int k = 0; seq < s.cont && k < r->f->states; k++)
            if (r->f->fed[k] && r->state[k].first && !r->state[k].mask) keep_before(&s, k, seq);
    }
}

/* dW [m, w] += a' (state k before),  sums [m] += a; a: [N, lda], m columns. After find_before. */
static int state_gradient(const run *r, int k, int64_t m, const float *a, int64_t lda, float *dw, float *sums)
{
    const tn_ops *o = r->c->be->ops;
    const state *q = &r->state[k];
    int64_t n = r->lay->rows;
    int kept = q->first || q->mask;
    const int32_t *row = kept ? NULL : r->c->work[r->f->row_before]->data;
    if (!dw) return sums ? o->sum_rows(r->c->be, n, m, a, lda, sums) : TN_OK;
    return o->outer_add(r->c->be, n, m, a, lda, q->width, kept ? q->before : q->rows, q->width, row, dw, q->width, sums);
}

static int frame_gradient(const frame *f, const tn_call *c, rows_fn *rows)
{
    run r = run_of(f, c, rows);
    const tn_ops *o = c->be->ops;
    int64_t n = input_rows(&r);
    const float *dz = c->in[0]->index ? c->saved[f->sums]->data : r.dz;
    float *dw = floats(c->d_param[f->w_ih]), *bias = f->bias < 0 ? NULL : floats(c->d_param[f->bias]);
    float *second = f->second_bias < 0 ? NULL : floats(c->d_param[f->second_bias]);
    int at_once = dw && columns_with_bias(f) == f->wide;
    int rc = dw ? o->outer_add(c->be, n, f->wide, dz, f->wide, f->in, c->in[0]->data, f->in, NULL, dw, f->in, at_once ? bias : NULL)
                : TN_OK;
    if (!rc && bias && !at_once) rc = o->sum_rows(c->be, n, columns_with_bias(f), dz, f->wide, bias);
    if (!rc && second) rc = o->sum_rows(c->be, r.lay->rows, f->wide, r.dz, f->wide, second);
    if (!rc) rc = o->parallel_for(c->be, r.lay->rows, 256, find_before, &r);
    return rc ? rc : f->cell->gradient(&r);
}

/* ---- planning ----------------------------------------------------------------------------------------------------------- */
/* A weight of `blocks` matrices [rows, width], each initialised alone; width 0: a bias. */
static int add_weight(const tn_api *api, tn_plan *p, const char *name, uint32_t blocks, int64_t rows, int64_t width, const char *init)
{
    tn_param w = { sizeof w, width ? 0 : TN_P_NO_DECAY, name, init, width ? 2 : 1, blocks, { blocks * rows, width, 0, 0 },
                   width ? width : rows, rows, 0, 0 };
    return api->add_param(p, &w);
}

/* Whether a layer can walk over its input, and the layout of its states; TN_ESHAPE after a message. */
static int32_t steps_of(const tn_api *api, tn_host *host, tn_plan *p, const tn_spec *in)
{
    int32_t up = api->parent(p, in->layout);
    if (up <= 0)
        return api->fail(host, TN_ESHAPE, "the input has one row an example; a recurrent layer reads the steps of a sequence");
    if (in->dtype != TN_F32) return api->fail(host, TN_ESHAPE, "the input is ids; put an embedding before it");
    return up;
}

/* The output, the states (of which the first is the output's last row) and all slots of the frame. f->wide, width[], fed[] and
 * parameters are set; so is f->cell. */
static int plan_frame(const tn_api *api, tn_plan *p, frame *f, const tn_spec *in, int32_t up, const char *const *names, int carries)
{
    tn_spec y = { TN_F32, TN_VALUES, in->layout, 0, 0, f->width[0], 0, 0, 0, 0 }, z = y, row = y, bias = z;
    z.width = f->wide, row.dtype = TN_I32, row.width = 1;
    bias.layout = TN_FIXED, bias.rows = 1, bias.width = f->wide;
    f->in = in->width, f->kept = TN_HAS(api, add_kept) ? api->add_kept(p, 0, f->wide) : -1;
    int bad = (TN_HAS(api, add_kept) && f->kept < 0)
           || api->add_out(p, NULL, &y) < 0 || (f->dz = api->add_saved(p, &z)) < 0 || (f->sums = api->add_saved(p, &z)) < 0
           || (f->projected = api->add_work(p, &z)) < 0 || (f->row_before = api->add_work(p, &row)) < 0
           || (f->bias_sum = api->add_work(p, &bias)) < 0 || (f->pack_ih = api->add_packed(p, f->w_ih, 1, 1)) < 0
           || (f->pack_ih_back = api->add_packed(p, f->w_ih, 0, 1)) < 0;
    for (int k = 0; k < f->states && !bad; k++) {
        tn_spec steps = y, seq = y;
        steps.width = seq.width = f->width[k], seq.layout = up;
        bad = api->add_state(p, names[k], &seq, carries ? 0 : TN_S_NO_CARRY) < 0 || (f->carry[k] = api->add_work(p, &seq)) < 0; /* NOLINT(clang-analyzer-core.CallAndMessage): set by the call before */
        if (!bad && f->fed[k]) bad = (f->before[k] = api->add_saved(p, &steps)) < 0;
        if (!bad && !k && f->dropout > 0) bad = (f->mask = api->add_work(p, &seq)) < 0;
    }
    return bad ? TN_EINVAL : TN_OK;
}

#define INITIAL_STATE_DOC \
    "The state begins with 0, or with the rows of another layer, one a sequence and `units` wide, which then learns by it:\n\n" \
    "    initial_state = \"encoder.state\"\n\n" \
    "A state that begins so does not carry on from batch to batch."
#endif
