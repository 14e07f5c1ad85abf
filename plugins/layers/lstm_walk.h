/* lstm_walk.h -- one direction of one layer of a long short-term memory, forwards and backwards.
 *
 *     z = x_t W_ih' + bias + h' W_hh'             z, W: gates in the order i f g o, one below the other
 *     i = sigmoid(z_i)  f = sigmoid(z_f)  g = tanh(z_g)  o = sigmoid(z_o)
 *     c_t = f c' + i g
 *     h_t = o tanh(c_t)                           h', c': of the step walked before; Hochreiter & Schmidhuber 1997,
 *                                                 forget gate by Gers, Schmidhuber & Cummins 2000
 *
 * What a cell may have beyond this is in lstm_variants.h: it takes the place of one step's arithmetic. W is the width of h_t,
 * which is H but for a variant with a projection.
 *
 * A run walks the steps of packed rows: at step t the first `cont` sequences go on from the row `prev + s`, the others begin
 * there from the initial state. Forwards cont = live[t], prev = first[t - 1]; backwards cont = live[t + 1], prev =
 * first[t + 1]. A thread owns its sequences for the whole walk, so no step waits for another thread.
 *
 * S sequences, N rows, H units, D directions.                                                                     */
#ifndef LSTM_WALK_H
#define LSTM_WALK_H
#include "tenon/tenon.h"
#include "row_vectors.h"

typedef struct variant variant;
typedef struct run {
    const tn_call *c;
    const tn_layout *lay;
    int backwards;
    int64_t h, ld, off;                                  /* of y and the state: row width D W, first column         */
    float *y, *gates, *cell, *before, *projected;        /* [N, D W]; [N, 4H], NULL: not wanted; c [N, H]; h' [N, W] */
    float *dh, *dc, *mask;                               /* gradients of h' [S, W], of c' [S, H]; of recurrent dropout
                                                            [S, W], or NULL                                         */
    const int32_t *of;                                   /* rows of `projected`; NULL: each row its own             */
    const float *h0, *c0, *dy, *dh_next, *dc_next;
    float *dh0, *dc0;
    const void *pack_hh, *pack_hh_back;
    int64_t w, cell_ld, cell_off;                        /* W; of the cell's state: row width D H, first column     */
    const variant *v;                                    /* NULL: the plain cell                                    */
} run;

/* ---- one step ------------------------------------------------------------------------------------------------------ */
typedef struct step {
    const run *r;
    int32_t t, cont, prev, live_next;                    /* live_next: sequences of the step walked next, 0 at the end     */
    int64_t row0, seq0, row_next;                        /* first row and sequence of a product; first row of the next step */
} step;

static step step_at(const run *r, int32_t t)
{
    const tn_layout *l = r->lay;
    int32_t next = r->backwards ? t - 1 : t + 1;
    step s = { r, t, 0, 0, 0, 0, 0, 0 };
    if (r->backwards) s.cont = l->live[t + 1], s.prev = l->first[t + 1];
    else if (t) s.cont = l->live[t], s.prev = l->first[t - 1];
    if (next >= 0 && next < l->steps) s.live_next = l->live[next], s.row_next = l->first[next];
    return s;
}

/* In place of gates_done and gate_gradients: all that a variant computes of sequences [from, to) of a step. */
static void variant_forward(const step *, int64_t from, int64_t to);
static void variant_backward(const step *, int64_t from, int64_t to);

/* c' of a sequence; NULL: zero. */
TN_INLINE const float *cell_before(const step *s, int64_t seq)
{
    const run *r = s->r;
    if (seq < s->cont) return r->cell + (s->prev + seq) * r->h;
    return r->c0 ? r->c0 + r->lay->order[seq] * r->cell_ld + r->cell_off : NULL;
}

/* z: gates of the tile, gs apart. c_before may be NULL. */
TN_INLINE void gates_of(const float *z, int64_t gs, const float *c_before, float *gate, int64_t h, float *c, int64_t n)
{
    tn_vf i = tn_sigmoid(tn_load(z)), f = tn_sigmoid(tn_load(z + gs));
    tn_vf g = tn_tanh(tn_load(z + 2 * gs)), o = tn_sigmoid(tn_load(z + 3 * gs));
    give(gate, i, n), give(gate + h, f, n), give(gate + 2 * h, g, n), give(gate + 3 * h, o, n);
    give(c, tn_fma(f, c_before ? take(c_before, n) : tn_set(0), i * g), n);
}

TN_INLINE void hidden_of(const float *o, const float *c, float *y, int64_t n) { give(y, take(o, n) * tn_tanh(take(c, n)), n); }

/* What gates_done writes lies far apart, so the next tile's lines are asked for a tile ahead: its stores then wait for nothing. */
static inline void ask_for(const run *r, int64_t row, int64_t unit)
{
    for (int g = 0; r->gates && g < 4; g++) __builtin_prefetch(r->gates + (row * 4 + g) * r->h + unit, 1);
    __builtin_prefetch(r->cell + row * r->h + unit, 1);
    __builtin_prefetch(r->y + row * r->ld + r->off + unit, 1);
}

/* Gates, cell and hidden state of a finished tile of z; gates that nobody wants stay in the tile. Hidden states come after all
 * cells of a row: so the vectors of a loop do not wait for each other, and the processor works on several at once. */
static void gates_done(void *ctx, const tn_tile *q)
{
    const step *s = ctx;
    const run *r = s->r;
    int64_t h = r->h, whole = q->units / TN_VL * TN_VL, j, last = q->units - whole;
    for (int64_t i = 0; i < q->rows; i++) {
        int64_t seq = s->seq0 + q->row + i, row = s->row0 + q->row + i;
        const float *c_before = cell_before(s, seq);
        float *z = q->v + i * q->ld, *gate = r->gates ? r->gates + row * 4 * h + q->unit : z;
        int64_t apart = r->gates ? h : q->gs; /* from one gate to the next */
        float *o = gate + 3 * apart, *c = r->cell + row * h + q->unit;
        float *y = r->y + row * r->ld + r->off + q->unit;
        if (c_before) c_before += q->unit;
        if (q->unit + q->units < h) ask_for(r, row, q->unit + q->units);
        else if (seq < s->live_next) ask_for(r, s->row_next + seq, 0);
        for (j = 0; j < whole; j += TN_VL) gates_of(z + j, q->gs, c_before ? c_before + j : NULL, gate + j, apart, c + j, TN_VL);
        if (last) gates_of(z + j, q->gs, c_before ? c_before + j : NULL, gate + j, apart, c + j, last);
        for (j = 0; j < whole; j += TN_VL) hidden_of(o + j, c + j, y + j, TN_VL);
        if (last) hidden_of(o + j, c + j, y + j, last);
    }
}

/* z of sequences [from, to) of a step: init plus h' W_hh', h' at x (NULL: zero). A variant finds it in the rows of its gates. */
static void step_product(step *s, int64_t from, int64_t to, const float *x, int64_t ldx, const int32_t *x_row)
{
    const run *r = s->r;
    if (from >= to) return;
    s->seq0 = from, s->row0 = r->lay->first[s->t] + from;
    const float *init = r->of ? r->projected : r->projected + s->row0 * 4 * r->h;
    const int32_t *init_row = r->of ? r->of + s->row0 : NULL;
    tn_product p = { sizeof p, 4, to - from, x ? r->w : 0, r->h, x, ldx, x_row, init, 4 * r->h, init_row, r->pack_hh, gates_done, s,
                     NULL, 0 };
    if (r->v) p.done = NULL, p.y = r->gates + s->row0 * 4 * r->h, p.ldy = 4 * r->h;
    r->c->be->ops->product(r->c->be, &p);
}

/* h' of a sequence; NULL: zero. */
static const float *h_before(const run *r, const step *s, int64_t seq)
{
    if (seq < s->cont) return r->y + (s->prev + seq) * r->ld + r->off;
    return r->h0 ? r->h0 + r->lay->order[seq] * r->ld + r->off : NULL;
}

/* h' of a sequence at a step into its row of `before`. */
static void keep_before(const run *r, const step *s, int64_t seq)
{
    const float *x = h_before(r, s, seq);
    float *y = r->before + (r->lay->first[s->t] + seq) * r->w;
    if (x) memcpy(y, x, sizeof(float) * (size_t)r->w);
    else memset(y, 0, sizeof(float) * (size_t)r->w);
}

/* The products of a step, sequences [from, end), and with them the plain cell. */
static void step_forward(const run *r, step *s, int64_t from, int64_t end)
{
    int64_t first = r->lay->first[s->t], cont = s->cont < from ? from : s->cont < end ? s->cont : end;
    if (r->mask) { /* variational dropout of h': one mask for all steps of a sequence */
        for (int64_t q = from; q < end; q++) {
            const float *x = h_before(r, s, q);
            float *y = r->before + (first + q) * r->w;
            for (int64_t j = 0; j < r->w; j++) y[j] = x ? x[j] * r->mask[q * r->w + j] : 0;
        }
        step_product(s, from, end, r->before + (first + from) * r->w, r->w, NULL);
        return;
    }
    for (int64_t q = cont; r->h0 && q < end; q++) keep_before(r, s, q); /* gradient() has other states in a step of a child */
    step_product(s, from, cont, r->y + (s->prev + from) * r->ld + r->off, r->ld, NULL);
    step_product(s, cont, end, r->h0 ? r->h0 + r->off : NULL, r->ld, r->lay->order + cont);
}

static void walk_forward(const run *r, int64_t from, int64_t to)
{
    const tn_layout *l = r->lay;
    for (int32_t k = 0; k < l->steps; k++) {
        int32_t t = r->backwards ? l->steps - 1 - k : k;
        int64_t end = to < l->live[t] ? to : l->live[t];
        if (end <= from) continue;
        step s = step_at(r, t);
        step_forward(r, &s, from, end);
        if (r->v) variant_forward(&s, from, end);
    }
}

/* ---- backward ------------------------------------------------------------------------------------------------------- */
/* In place of the gates their gradients; dc becomes that of c'. dy, c_before may be NULL.
 *     dc += dh o (1 - tanh(c)^2);  dz_i = dc g i (1 - i), dz_f = dc c' f (1 - f)
 *                                  dz_g = dc i (1 - g^2), dz_o = dh tanh(c) o (1 - o)                                       */
TN_INLINE void gradients_of(float *gate, int64_t h, const float *c, const float *c_before, const float *dh, const float *dy, float *dc,
                            int64_t n)
{
    tn_vf i = take(gate, n), f = take(gate + h, n), g = take(gate + 2 * h, n), o = take(gate + 3 * h, n);
    tn_vf th = tn_tanh(take(c, n)), one = tn_set(1);
    tn_vf d = dy ? take(dh, n) + take(dy, n) : take(dh, n) + tn_set(0), dcell = tn_fma(d * o, tn_fma(-th, th, one), take(dc, n));
    give(gate, dcell * g * (i * (one - i)), n);
    give(gate + h, dcell * (c_before ? take(c_before, n) : tn_set(0)) * (f * (one - f)), n);
    give(gate + 2 * h, dcell * i * tn_fma(-g, g, one), n);
    give(gate + 3 * h, d * th * (o * (one - o)), n);
    give(dc, dcell * f, n);
}

/* One row of a step. */
static void gate_gradients(const run *r, const step *s, int64_t row, int64_t seq)
{
    int64_t h = r->h, j = 0;
    float *gate = r->gates + row * 4 * h, *dc = r->dc + seq * h;
    const float *dh = r->dh + seq * h, *c = r->cell + row * h, *dy = r->dy ? r->dy + row * r->ld + r->off : NULL;
    const float *c_before = cell_before(s, seq);
    for (; j + TN_VL <= h; j += TN_VL)
        gradients_of(gate + j, h, c + j, c_before ? c_before + j : NULL, dh + j, dy ? dy + j : NULL, dc + j, TN_VL);
    if (j < h) gradients_of(gate + j, h, c + j, c_before ? c_before + j : NULL, dh + j, dy ? dy + j : NULL, dc + j, h - j);
}

/* An empty sequence passes the gradient of next to state. */
static void pass_empty(const run *r, int64_t from, int64_t to)
{
    for (int64_t s = from; s < to; s++) {
        int64_t row = r->lay->order[s], at = row * r->ld + r->off, cell_at = row * r->cell_ld + r->cell_off;
        if (r->lay->length[s]) continue;
        for (int64_t j = 0; r->dh0 && r->dh_next && j < r->w; j++) r->dh0[at + j] += r->dh_next[at + j];
        for (int64_t j = 0; r->dc0 && r->dc_next && j < r->h; j++) r->dc0[cell_at + j] += r->dc_next[cell_at + j];
    }
}

/* What sequences that began at this step leave for the initial state. */
static void give_state(const run *r, int64_t from, int64_t to)
{
    for (int64_t s = from; s < to; s++) {
        int64_t row = r->lay->order[s], at = row * r->ld + r->off, cell_at = row * r->cell_ld + r->cell_off;
        for (int64_t j = 0; r->dh0 && j < r->w; j++) r->dh0[at + j] += r->dh[s * r->w + j];
        for (int64_t j = 0; r->dc0 && j < r->h; j++) r->dc0[cell_at + j] += r->dc[s * r->h + j];
    }
}

/* The step of sequences [from, to) that was walked last begins with the gradients of next, or zeros. */
static void begin_gradients(const run *r, int64_t from, int64_t to)
{
    size_t w = sizeof(float) * (size_t)r->w, h = sizeof(float) * (size_t)r->h;
    if (from >= to) return;
    if (!r->dh_next) memset(r->dh + from * r->w, 0, w * (size_t)(to - from));
    if (!r->dc_next) memset(r->dc + from * r->h, 0, h * (size_t)(to - from));
    for (int64_t q = from; r->dh_next && q < to; q++) memcpy(r->dh + q * r->w, r->dh_next + r->lay->order[q] * r->ld + r->off, w);
    for (int64_t q = from; r->dc_next && q < to; q++) memcpy(r->dc + q * r->h, r->dc_next + r->lay->order[q] * r->cell_ld + r->cell_off, h);
}

static void walk_backward(const run *r, int64_t from, int64_t to)
{
    const tn_layout *l = r->lay;
    int64_t h = r->h, w = r->w;
    pass_empty(r, from, to);
    for (int32_t k = 0; k < l->steps; k++) {
        int32_t t = r->backwards ? k : l->steps - 1 - k;
        int64_t end = to < l->live[t] ? to : l->live[t];
        if (end <= from) continue;
        step s = step_at(r, t);
        int64_t begun = r->backwards ? (t ? l->live[t] : 0) : l->live[t + 1]; /* those from here on were walked last at t */
        begin_gradients(r, begun > from ? begun : from, end);
        if (r->v) variant_backward(&s, from, end);
        else for (int64_t q = from; q < end; q++) gate_gradients(r, &s, l->first[t] + q, q);
        int64_t upto = r->dh0 ? end : s.cont < end ? s.cont : end; /* dh' = dz W_hh, where somebody wants it */
        if (upto > from) {
            const float *dz = r->gates + (l->first[t] + from) * 4 * h;
            tn_product p = { sizeof p, 1, upto - from, 4 * h, w, dz, 4 * h, NULL, NULL, 0, NULL,
                             r->pack_hh_back, NULL, NULL, r->dh + from * w, w };
            r->c->be->ops->product(r->c->be, &p);
            for (int64_t j = from * w; r->mask && j < upto * w; j++) r->dh[j] *= r->mask[j];
        }
        if (r->dh0 || r->dc0) give_state(r, s.cont > from ? s.cont : from, end);
    }
}

#endif
