/* lstm_variants.h -- what an LSTM may have beyond the plain cell of lstm_walk.h, in any combination: peepholes, a projection,
 * functions other than the sigmoid and tanh.
 *
 *     z = x_t W_ih' + bias + h' W_hh'
 *     i = s(z_i + p_i c')  f = s(z_f + p_f c')  g = a(z_g)      p: a weight for each unit; Gers & Schmidhuber 2000
 *     c_t = f c' + i g
 *     o = s(z_o + p_o c_t)
 *     m_t = o a(c_t)
 *     h_t = m_t W_hr'                                            W_hr [W, H]; Sak, Senior & Beaufays 2014. Without it h_t = m_t
 *
 * The products of a step put z into the rows of the gates; the cell then goes over whole rows, so that a function that is a
 * part of its own is called a few times a row.                                                                      */
#ifndef LSTM_VARIANTS_H
#define LSTM_VARIANTS_H
#include "cell_math.h"
#include "lstm_walk.h"

struct variant {
    function gate, squash;                       /* s, a                                                            */
    const float *peephole;                       /* p_i, p_f, p_o [3, H]; NULL: none                                */
    float *squashed, *before, *pre;              /* a(c_t) [N, H]; c' [N, H], with peepholes; what s and a are taken of
                                                    [N, 4H], NULL: nobody asks                                      */
    float *unprojected, *dy, *dm;                /* m_t [N, H] and the gradient of h_t [N, W], NULL: no projection; the
                                                    gradient of m_t [S, H]                                          */
    const void *pack_hr, *pack_hr_back;
};

/* ---- forward ------------------------------------------------------------------------------------------------------- */
/* z += p c */
static void add_peephole(float *z, const float *p, const float *c, int64_t h)
{
#define PEEP(j, n) give(z + (j), tn_fma(take(p + (j), (n)), take(c + (j), (n)), take(z + (j), (n))), (n))
    FOR_VECTORS(h, PEEP);
}

static void copy_or_zero(float *y, const float *x, int64_t n)
{
    if (x) memcpy(y, x, sizeof *y * (size_t)n);
    else memset(y, 0, sizeof *y * (size_t)n);
}

/* One row of a step. */
static void variant_cell(const step *s, int64_t seq)
{
    const run *r = s->r;
    const variant *v = r->v;
    tn_be *be = r->c->be;
    int64_t h = r->h, row = r->lay->first[s->t] + seq;
    const float *before = cell_before(s, seq), *p = v->peephole;
    float *z = r->gates + row * 4 * h, *g = z + 2 * h, *o = z + 3 * h, *c = r->cell + row * h, *a = v->squashed + row * h;
    float *pre = v->pre ? v->pre + row * 4 * h : NULL;
    float *m = v->unprojected ? v->unprojected + row * h : r->y + row * r->ld + r->off;
    if (p) copy_or_zero(v->before + row * h, before, h);
    if (p && before) add_peephole(z, p, before, h), add_peephole(z + h, p + h, before, h);
    if (pre) memcpy(pre, z, sizeof *z * (size_t)(3 * h));
    row_values(be, &v->gate, z, z, 2 * h), row_values(be, &v->squash, g, g, h);
#define CELL_STATE(j, n) \
    give(c + (j), tn_fma(take(z + h + (j), (n)), take_or_zero(before, (j), (n)), take(z + (j), (n)) * take(g + (j), (n))), (n))
    FOR_VECTORS(h, CELL_STATE);
    if (p) add_peephole(o, p + 2 * h, c, h);
    if (pre) memcpy(pre + 3 * h, o, sizeof *o * (size_t)h);
    row_values(be, &v->gate, o, o, h), row_values(be, &v->squash, c, a, h);
#define HIDDEN(j, n) give(m + (j), take(o + (j), (n)) * take(a + (j), (n)), (n))
    FOR_VECTORS(h, HIDDEN);
}

static void variant_forward(const step *s, int64_t from, int64_t to)
{
    const run *r = s->r;
    const variant *v = r->v;
    int64_t row = r->lay->first[s->t] + from;
    for (int64_t seq = from; seq < to; seq++) variant_cell(s, seq);
    if (!v->unprojected) return;
    tn_product p = { sizeof p, 1, to - from, r->h, r->w, v->unprojected + row * r->h, r->h, NULL, NULL, 0, NULL, v->pack_hr, NULL,
                     NULL, r->y + row * r->ld + r->off, r->ld };
    r->c->be->ops->product(r->c->be, &p);
}

/* ---- backward ------------------------------------------------------------------------------------------------------ */
enum { UNITS_AT_ONCE = 256 };
typedef struct gate_rows { float i[UNITS_AT_ONCE], f[UNITS_AT_ONCE], g[UNITS_AT_ONCE], o[UNITS_AT_ONCE], c[UNITS_AT_ONCE]; } gate_rows;

/* dm, units j .. j + n - 1 of a row: in place of the gates their gradients; dc becomes that of c'.
 *     dz_o = dm a(c) s'                dc += dm o a' + dz_o p_o
 *     dz_i = dc g s',  dz_f = dc c' s',  dz_g = dc i a',           dc' = dc f + dz_i p_i + dz_f p_f                      */
static void variant_units(const run *r, const float *before, int64_t row, int64_t seq, int64_t j, int64_t n)
{
    const variant *v = r->v;
    tn_be *be = r->c->be;
    int64_t h = r->h;
    const float *dm = v->dm + seq * h + j, *a = v->squashed + row * h + j, *p = v->peephole ? v->peephole + j : NULL;
    const float *pre = v->pre ? v->pre + row * 4 * h + j : NULL, *b = before ? before + j : NULL;
    float *i = r->gates + row * 4 * h + j, *f = i + h, *g = f + h, *o = g + h, *dc = r->dc + seq * h + j;
    gate_rows d;
#define OUTPUT(k, m) {                                                                                                     \
    tn_vf from = take(dm + (k), (m));                                                                                      \
    give(d.o + (k), from * take(a + (k), (m)), (m)), give(d.c + (k), from * take(o + (k), (m)), (m)); }
    FOR_VECTORS(n, OUTPUT);
    row_slopes(be, &v->gate, pre ? pre + 3 * h : NULL, o, d.o, n);
    row_slopes(be, &v->squash, r->cell + row * h + j, a, d.c, n);
#define INPUT(k, m) {                                                                                                      \
    tn_vf all = take(dc + (k), (m)) + take(d.c + (k), (m));                                                                \
    if (p) all = tn_fma(take(d.o + (k), (m)), take(p + 2 * h + (k), (m)), all);                                            \
    give(dc + (k), all, (m)), give(d.i + (k), all * take(g + (k), (m)), (m));                                              \
    give(d.f + (k), all * take_or_zero(b, (k), (m)), (m)), give(d.g + (k), all * take(i + (k), (m)), (m)); }
    FOR_VECTORS(n, INPUT);
    row_slopes(be, &v->gate, pre, i, d.i, n), row_slopes(be, &v->gate, pre ? pre + h : NULL, f, d.f, n);
    row_slopes(be, &v->squash, pre ? pre + 2 * h : NULL, g, d.g, n);
#define BEFORE(k, m) {                                                                                                     \
    tn_vf all = take(dc + (k), (m)) * take(f + (k), (m)), di = take(d.i + (k), (m)), df = take(d.f + (k), (m));            \
    if (p) all = tn_fma(df, take(p + h + (k), (m)), tn_fma(di, take(p + (k), (m)), all));                                  \
    give(dc + (k), all, (m)), give(i + (k), di, (m)), give(f + (k), df, (m));                                              \
    give(g + (k), take(d.g + (k), (m)), (m)), give(o + (k), take(d.o + (k), (m)), (m)); }
    FOR_VECTORS(n, BEFORE);
}

static void variant_backward(const step *s, int64_t from, int64_t to)
{
    const run *r = s->r;
    const variant *v = r->v;
    int64_t h = r->h, first = r->lay->first[s->t];
    for (int64_t seq = from; seq < to; seq++) { /* the gradient of h_t */
        const float *dh = r->dh + seq * r->w, *dy = r->dy ? r->dy + (first + seq) * r->ld + r->off : NULL;
        float *to_row = v->unprojected ? v->dy + (first + seq) * r->w : v->dm + seq * h;
#define ALL_OF_IT(j, n) give(to_row + (j), take(dh + (j), (n)) + take_or_zero(dy, (j), (n)), (n))
        FOR_VECTORS(r->w, ALL_OF_IT);
    }
    if (v->unprojected) {
        tn_product p = { sizeof p, 1, to - from, r->w, h, v->dy + (first + from) * r->w, r->w, NULL, NULL, 0, NULL, v->pack_hr_back,
                         NULL, NULL, v->dm + from * h, h };
        r->c->be->ops->product(r->c->be, &p);
    }
    for (int64_t seq = from; seq < to; seq++)
        for (int64_t j = 0; j < h; j += UNITS_AT_ONCE)
            variant_units(r, cell_before(s, seq), first + seq, seq, j, h - j < UNITS_AT_ONCE ? h - j : UNITS_AT_ONCE);
}

/* ---- gradients of the weights -------------------------------------------------------------------------------------- */
typedef struct peephole_sums { const run *r; float *d; } peephole_sums;

/* dp_i += dz_i c',  dp_f += dz_f c',  dp_o += dz_o c_t over all rows in order, for units [from, to) */
static void sum_peepholes(void *ctx, int64_t from, int64_t to)
{
    const peephole_sums *b = ctx;
    const run *r = b->r;
    int64_t h = r->h;
    float *di = b->d + from, *df = di + h, *d_o = df + h;
    for (int64_t row = 0; row < r->lay->rows; row++) {
        const float *dz = r->gates + row * 4 * h + from, *before = r->v->before + row * h + from, *c = r->cell + row * h + from;
#define PEEPHOLES(j, n) {                                                                                                  \
    tn_vf then = take(before + (j), (n)), now = take(c + (j), (n));                                                        \
    give(di + (j), tn_fma(take(dz + (j), (n)), then, take(di + (j), (n))), (n));                                           \
    give(df + (j), tn_fma(take(dz + h + (j), (n)), then, take(df + (j), (n))), (n));                                       \
    give(d_o + (j), tn_fma(take(dz + 3 * h + (j), (n)), now, take(d_o + (j), (n))), (n)); }
        FOR_VECTORS(to - from, PEEPHOLES);
    }
}

/* Also dW_hr += dh' m. NULL: not wanted. */
static void variant_gradient(const run *r, float *d_peephole, float *d_hr)
{
    const tn_ops *o = r->c->be->ops;
    peephole_sums b = { r, d_peephole };
    if (d_peephole) o->parallel_for(r->c->be, r->h, 64, sum_peepholes, &b);
    if (d_hr)
        o->outer_add(r->c->be, r->lay->rows, r->w, r->v->dy, r->w, r->h, r->v->unprojected, r->h, NULL, d_hr, r->h, NULL);
}
#endif
