/* bidirectional.c -- any recurrent layer over the same rows from both ends of every sequence. The backward half is the layer on
 * the steps in reverse order, which in packed rows is a permutation within the same layout: step t of a sequence of n steps
 * lies at step n - 1 - t. Schuster and Paliwal 1997.
 *
 * A cell that takes its input by index (TN_L_INDEXED) reads the rows where they are, the backward half by an index of the
 * permuted rows; for any other they are laid out in the order in which it walks. The halves are independent work: where there are
 * no more threads than halves one thread takes all of a half, and neither waits for the other.
 *
 * N rows, S sequences, I input width, W width of a half.                                                             */
#include <string.h>
#include "sequence_parts.h"

enum { MERGE_CONCAT, MERGE_SUM, MERGE_MEAN, MOST_STATES = 8 };
typedef struct config { tn_part *cell; int32_t merge, shared; } config;
typedef struct both {
    int64_t in, w, state_w[MOST_STATES];
    uint32_t states;
    int merge, shared, child[2], given;      /* given: the cells take their input by index                                  */
    int turned, of, row, begin;              /* saved: where step n - 1 - t lies [N]; the index of the backward half [N], [N],
                                                [N + 1], which is N > 0 times 2 at most                                     */
    tn_index index; tn_tensor x;             /* which it is, and the input with it                                          */
} both;

static const char *const merges[] = { "concat", "sum", "mean", NULL };
static const tn_option options[] = {
    TN_SUBPART(config, cell, TN_LAYER, "lstm", "the recurrent layer, e.g. { type = \"gru\", units = 64 }"),
    TN_ENUM(config, merge, MERGE_CONCAT, merges, "how the halves of a row become one"),
    TN_BOOL(config, shared, 0, "both directions have the same parameters")
};

static float *floats(tn_tensor *t) { return t ? t->data : NULL; }

/* ---- rows of a half ------------------------------------------------------------------------------------------------------ */
/* y = a x or y += a x, all rows; those of x by number where x_row is given. */
typedef struct job { const float *x; float *y; const int32_t *x_row; int64_t w, ldx, ldy; float a; int add; } job;

static void job_rows(void *ctx, int64_t from, int64_t to)
{
    const job *b = ctx;
    for (int64_t r = from; r < to; r++) {
        const float *x = b->x + (b->x_row ? b->x_row[r] : r) * b->ldx;
        float *y = b->y + r * b->ldy;
        if (b->add) for (int64_t j = 0; j < b->w; j++) y[j] += b->a * x[j];
        else for (int64_t j = 0; j < b->w; j++) y[j] = b->a * x[j];
    }
}
static int move(const tn_call *c, int64_t rows, job b)
{
    return c->be->ops->parallel_for(c->be, rows, 1 + 4096 / (b.w + 1), job_rows, &b);
}

static void turn(const tn_layout *l, int32_t *turned)
{
    for (int32_t t = 0; t < l->steps; t++)
        for (int32_t s = 0; s < l->live[t]; s++) turned[l->first[t] + s] = l->first[l->length[s] - 1 - t] + s;
}

/* The index of the rows as the backward half walks over them. Where the input has none each row is a distinct one. */
static void turn_index(both *b, const tn_call *c)
{
    const tn_index *x = c->in[0]->index;
    int32_t n = (int32_t)c->in[0]->rows, *turned = c->saved[b->turned]->data, *begin = c->saved[b->begin]->data;
    int32_t *of = c->saved[b->of]->data, *row = c->saved[b->row]->data;
    if (!x) {
        for (int32_t u = 0; u <= n && n; u++) begin[u] = u;
        b->index = (tn_index){ sizeof b->index, n, n, 0, begin, turned, begin, turned, &b->index };
        return;
    }
    for (int32_t r = 0; r < n; r++) of[r] = x->of[turned[r]];
    b->index = (tn_index){ sizeof b->index, x->distinct, n, 0, x->key, of, x->begin, row, &b->index };
    if (!x->begin) { /* with a table that is kept: no gradient follows */
        b->index.row = NULL;
        return;
    }
    int32_t *next = begin;
    memcpy(next, x->begin, sizeof *next * (size_t)x->distinct);
    for (int32_t r = 0; r < n; r++) row[next[of[r]]++] = r;
}
static const tn_index *index_of(const both *b, const tn_call *c, int d) { return d ? &b->index : c->in[0]->index; }

static const tn_call *enter(both *b, const tn_call *c, int d)
{
    if (!b->given) return c->api->enter(c, b->child[d], -1);
    if (d) b->x = *c->in[0], b->x.index = &b->index;
    return c->api->enter_on(c, b->child[d], d ? &b->x : c->in[0]);
}
static float scale_of(const both *b) { return b->merge == MERGE_MEAN ? 0.5f : 1.0f; }
static int64_t width_of(const both *b) { return b->merge == MERGE_CONCAT ? 2 * b->w : b->w; }

/* ---- phases -------------------------------------------------------------------------------------------------------------- */
/* States of a half, by the parent's row: columns d w .. of the whole. */
static void give_states(const both *b, const tn_call *c, const tn_call *k, int d)
{
    int64_t n = c->in[0]->lay->sequences;
    for (uint32_t i = 0; i < b->states; i++) {
        int64_t w = b->state_w[i];
        const float *x = floats(c->state[i]);
        float *y = floats(k->state[i]);
        for (int64_t r = 0; y && r < n; r++)
            for (int64_t j = 0; j < w; j++) y[r * w + j] = x ? x[r * 2 * w + d * w + j] : 0;
    }
}
static void take_next(const both *b, const tn_call *c, const tn_call *k, int d)
{
    int64_t n = c->in[0]->lay->sequences;
    for (uint32_t i = 0; i < b->states; i++) {
        int64_t w = b->state_w[i];
        const float *x = floats(k->next[i]);
        float *y = floats(c->next[i]);
        for (int64_t r = 0; y && r < n; r++) memcpy(y + r * 2 * w + d * w, x + r * w, sizeof *y * (size_t)w);
    }
}

/* A phase of both halves, apart or one after the other. */
typedef struct halves { const tn_call *c, *half[2]; uint32_t phase; int rc[2]; } halves;

static void run_half(void *ctx, int64_t from, int64_t to)
{
    halves *h = ctx;
    for (int64_t d = from; d < to; d++) h->rc[d] = h->c->api->run(h->half[d], h->phase);
}
static int run_halves(const both *b, halves *h, uint32_t phase)
{
    int64_t threads = threads_of(h->c);
    h->phase = phase, h->rc[0] = h->rc[1] = TN_OK;
    int apart = b->given && threads > 1 && threads <= 2 && !(b->shared && phase == TN_GRADIENT); /* which both add to one gradient */
    int rc = TN_OK;
    if (apart) rc = h->c->be->ops->parallel_for(h->c->be, 2, 1, run_half, h);
    else run_half(h, 0, 2);
    return rc ? rc : h->rc[0] ? h->rc[0] : h->rc[1];
}

/* The input as a cell walks over it. */
static int give_rows(const both *b, const tn_call *c, const tn_call *k, int d)
{
    if (b->given) return TN_OK;
    const tn_index *x = index_of(b, c, d);
    job in = { c->in[0]->data, k->in[0]->data, x ? x->of : NULL, b->in, b->in, b->in, 1, 0 };
    return move(c, c->in[0]->rows, in);
}

static int take_rows(const both *b, const tn_call *c, const tn_call *k, int d)
{
    int concat = b->merge == MERGE_CONCAT;
    job out = { k->out[0]->data, (float *)c->out[0]->data + (concat ? d * b->w : 0), d ? c->saved[b->turned]->data : NULL, b->w, b->w,
                width_of(b), scale_of(b), d && !concat };
    return move(c, c->out[0]->rows, out);
}

static int forward(void *self, const tn_call *c)
{
    both *b = self;
    turn(c->in[0]->lay, c->saved[b->turned]->data);
    turn_index(b, c);
    halves h = { .c = c };
    int rc = TN_OK;
    for (int d = 0; d < 2 && !rc; d++) {
        h.half[d] = enter(b, c, d);
        give_states(b, c, h.half[d], d);
        rc = give_rows(b, c, h.half[d], d);
    }
    if (!rc) rc = run_halves(b, &h, TN_FORWARD);
    for (int d = 0; d < 2 && !rc; d++) {
        rc = take_rows(b, c, h.half[d], d);
        take_next(b, c, h.half[d], d);
    }
    return rc;
}

static void give_d_next(const both *b, const tn_call *c, const tn_call *k, int d)
{
    int64_t n = c->in[0]->lay->sequences;
    for (uint32_t i = 0; i < b->states; i++) {
        int64_t w = b->state_w[i];
        const float *x = floats(c->d_next[i]);
        float *y = floats(k->d_next[i]);
        for (int64_t r = 0; x && y && r < n; r++) memcpy(y + r * w, x + r * 2 * w + d * w, sizeof *y * (size_t)w);
    }
}
static void take_d_state(const both *b, const tn_call *c, const tn_call *k, int d)
{
    int64_t n = c->in[0]->lay->sequences;
    for (uint32_t i = 0; i < b->states; i++) {
        int64_t w = b->state_w[i];
        const float *x = floats(k->d_state[i]);
        float *y = floats(c->d_state[i]);
        for (int64_t r = 0; x && y && r < n; r++)
            for (int64_t j = 0; j < w; j++) y[r * 2 * w + d * w + j] += x[r * w + j];
    }
}

/* dx += the gradient of a half, or the first one sets it: row by row, or what an index has together summed. */
static int take_d_in(const both *b, const tn_call *c, const tn_call *k, int d)
{
    const tn_index *x = index_of(b, c, d);
    float *dx = floats(c->d_in[0]);
    int set = !d && c->flags & TN_C_SET;
    if (!dx) return TN_OK;
    if (b->given || !c->in[0]->index) {
        int64_t rows = c->in[0]->index ? x->distinct : c->in[0]->rows;
        job in = { k->d_in[0]->data, dx, b->given || !d ? NULL : x->of, b->in, b->in, b->in, 1, !set };
        return move(c, rows, in);
    }
    int rc = set ? c->be->ops->fill(c->be, dx, TN_F32, x->distinct * b->in, 0) : TN_OK;
    return rc ? rc : c->be->ops->segment_add(c->be, x->distinct, b->in, k->d_in[0]->data, b->in, x->begin, x->row, NULL, dx, b->in);
}

/* `turned` is its own inverse: rows go to and fro by the same numbers. */
static int give_d_out(const both *b, const tn_call *c, const tn_call *k, int d)
{
    const float *dy = floats(c->d_out[0]);
    if (!dy) return TN_OK;
    job out = { dy + (b->merge == MERGE_CONCAT ? d * b->w : 0), k->d_out[0]->data, d ? c->saved[b->turned]->data : NULL, b->w,
                width_of(b), b->w, scale_of(b), 0 };
    return move(c, c->out[0]->rows, out);
}

static int backward(void *self, const tn_call *c)
{
    both *b = self;
    halves h = { .c = c };
    int rc = TN_OK;
    for (int d = 0; d < 2 && !rc; d++) {
        h.half[d] = enter(b, c, d);
        give_d_next(b, c, h.half[d], d);
        rc = give_d_out(b, c, h.half[d], d);
    }
    if (!rc) rc = run_halves(b, &h, TN_BACKWARD);
    for (int d = 0; d < 2 && !rc; d++) {
        rc = take_d_in(b, c, h.half[d], d);
        take_d_state(b, c, h.half[d], d);
    }
    return rc;
}

static int gradient(void *self, const tn_call *c)
{
    both *b = self;
    halves h = { .c = c };
    for (int d = 0; d < 2; d++) h.half[d] = enter(b, c, d);
    return run_halves(b, &h, TN_GRADIENT);
}

/* ---- plan ---------------------------------------------------------------------------------------------------------------- */
static int check_cell(const tn_api *api, tn_host *host, tn_part *cell, both *b)
{
    void *none;
    const tn_layer *layer = api->part_table(cell, TN_LAYER, &none);
    if (!layer) return api->fail(host, TN_EINVAL, "cell: there is none; name a recurrent layer, as cell = \"gru\"");
    if (!(layer->flags & TN_L_RECURRENT))
        return api->fail(host, TN_EINVAL, "cell: this layer reads no steps one after the other; lstm, gru or rnn do");
    if (layer->flags & TN_L_REVERSE) return api->fail(host, TN_EINVAL, "cell: this layer reads both directions already");
    b->given = TN_HAS(api, enter_on) && layer->flags & TN_L_INDEXED;
    return TN_OK;
}

static int add_children(const tn_api *api, tn_host *host, const config *f, both *b, tn_plan *p, const tn_spec *x, tn_child *got)
{
    for (int d = 0; d < 2; d++) {
        const tn_spec *fed[1] = { x };
        memset(got, 0, sizeof *got);
        uint32_t flags = (d && f->shared ? TN_C_SHARED : 0) | (b->given ? TN_C_GIVEN : 0);
        b->child[d] = api->add_child(p, f->cell, flags, 1, fed, got);
        if (b->child[d] < 0) return TN_EINVAL;
    }
    if (got->states > MOST_STATES) return tn_fail(api, host, TN_ESHAPE, "cell: it has %u states, %d are the most", got->states, MOST_STATES);
    if (got->out[0]->layout != x->layout || got->out[0]->dtype != TN_F32)
        return api->fail(host, TN_ESHAPE, "cell: its output has other rows than its input; it must give one a step");
    return TN_OK;
}

static int plan(const tn_api *api, tn_host *host, const void *config_, void *self, tn_plan *p, uint32_t n_in, const tn_spec *const *in)
{
    const config *f = config_;
    both *b = self;
    tn_child got;
    int32_t up = api->parent(p, in[0]->layout);
    (void)n_in;
    if (up <= 0)
        return api->fail(host, TN_ESHAPE, "the input has one row an example; a recurrent layer reads the steps of a sequence");
    if (in[0]->dtype != TN_F32) return api->fail(host, TN_ESHAPE, "the input is ids; put an embedding before it");
    if (check_cell(api, host, f->cell, b)) return TN_EINVAL;
    tn_spec x = *in[0];
    x.index_of = 0;
    if (add_children(api, host, f, b, p, &x, &got)) return TN_EINVAL;
    b->in = x.width, b->w = got.out[0]->width, b->states = got.states, b->merge = f->merge, b->shared = f->shared;
    tn_spec y = { TN_F32, TN_VALUES, x.layout, 0, 0, width_of(b), 0, 0, 0, 0 }, row = y, two;
    row.dtype = TN_I32, row.width = 1, two = row, two.width = 2;
    if (api->add_out(p, NULL, &y) < 0 || (b->turned = api->add_saved(p, &row)) < 0 || (b->of = api->add_saved(p, &row)) < 0
        || (b->row = api->add_saved(p, &row)) < 0 || (b->begin = api->add_saved(p, &two)) < 0) return TN_EINVAL;
    for (uint32_t i = 0; i < got.states; i++) {
        tn_spec s = *got.state[i];
        b->state_w[i] = s.width;
        s.width *= 2, s.layout = up;
        if (api->add_state(p, got.state_name[i], &s, TN_S_NO_CARRY) < 0) return TN_EINVAL;
    }
    return TN_OK;
}

static const tn_impl impl = { sizeof impl, 0, "cpu", forward, backward, gradient };
static const tn_impl *const impls[] = { &impl, NULL };
static const tn_layer table = { sizeof table, TN_L_RECURRENT | TN_L_INDEXED | TN_L_REVERSE | TN_L_SETS, 1, 1, plan, impls, NULL, 0, 0, NULL,
                                NULL };
static const tn_desc desc = {
    sizeof desc, TN_LAYER, &table, "bidirectional", "any recurrent layer in both directions",
    "Two layers as `cell` says, over the same steps: one from the first step on, the other from each sequence's own last. A row "
    "has the forward half and then the backward half (`concat`), or their sum or mean. `.state` and the cell's other states have "
    "the forward half after the last step and the backward half after the first, side by side whatever `merge` says: what a "
    "classifier of whole sequences should read, not `last`, whose backward half has seen one step alone.\n\n"
    "    { type = \"bidirectional\", cell = { type = \"gru\", units = 64 }, merge = \"sum\" }\n\n"
    "`cell` may be any recurrent layer, one of your own too. `shared` gives both directions the same parameters, as Tai, Socher "
    "and Manning 2015 have it. `cell = { type = \"lstm\" }` computes what `bilstm` does, which is faster. The cells that come with "
    "Tenon take their input once a distinct word, as any that says TN_L_INDEXED; others have it row by row. Schuster and Paliwal "
    "1997.\n\n"
    "`initial_state`, and `initial_cell` where the cell has one, name a layer or port with one row a sequence, in which the first "
    "states of both directions stand side by side, as in `.state`: `initial_state = \"encoder.state\"`. Without it they are 0.",
    TN_OPTIONS(options), sizeof(config), sizeof(both), NULL, NULL, NULL, NULL, NULL, NULL };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("bidirectional", "1.0.0", "Tenon", "MIT", "", parts)
