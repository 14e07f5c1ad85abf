/* optimize.c -- one update. Parameters, gradients and the optimizer's slots lie in flat buffers, which are cut into
 * pieces once, when training begins. Threads take pieces, and go over each
 *
 *   once to add penalties, to scale and clip, to take the optimizer's step and to clear the gradient, span by span, so that
 *   all of it happens in the first cache and every number crosses the border to memory once;
 *   once before that only where clip_norm wants the norm, to add penalties and to sum squares.
 *
 * Sums go by pieces in their order, so threads do not change a bit.                                              */
#include <math.h>
#include <string.h>
#include "optimize.h"

enum { PIECE = 1 << 14, SPAN = 1 << 11 };  /* elements: of a piece; of a span, where Adam's four arrays fill 32 KB */

/* ---- runs and pieces ---------------------------------------------------------------------------------------- */
static int64_t padded(const parameter *w) { return (w->rows * w->width + 15) & ~(int64_t)15; }

/* The regularizers that a parameter has: those that punish, or those that bound its rows. */
static uint64_t regularizers_of(const experiment *e, const parameter *w, int bounding)
{
    uint64_t set = 0;
    for (int i = 0; i < e->n_regularizers; i++) {
        const penalty *p = &e->regularizer[i];
        const tn_regularizer *t = p->part->desc->table;
        int hit = p->n_patterns ? layer_matches(w->name, p->pattern, p->n_patterns) : (w->p.flags & TN_P_NO_DECAY) == 0;
        if (hit && (bounding ? TN_HAS(t, constrain) : t->add != NULL)) set |= (uint64_t)1 << i;
    }
    return set;
}

/* Padding between parameters is zero and stays: every part that works element by element leaves it. */
static void make_runs(optimizer *o)
{
    experiment *e = o->e;
    graph *g = e->graph;
    o->run = arena_new(&e->memory, sizeof *o->run * (size_t)(g->n_parameters + 1));
    for (int i = 0; i < g->n_parameters; i++) {
        parameter *w = g->parameter[i];
        uint64_t bounds = regularizers_of(e, w, 1);
        int rows = w->sparse || bounds;
        update_run r = { w->offset, rows ? w->rows * w->width : padded(w), rows ? w->width : 1, group_of(e, w),
                         (w->p.flags & TN_P_NO_DECAY) != 0, regularizers_of(e, w, 0), bounds, w->sparse ? w : NULL };
        if (e->group[r.group].frozen) w->frozen = 1, w->owner->param[w->slot].grad.data = NULL;
        if (w->frozen) continue;
        update_run *last = o->n_runs ? &o->run[o->n_runs - 1] : NULL;
        if (last && last->width == 1 && !rows && !last->sparse && !last->constraints && last->group == r.group && last->no_decay == r.no_decay
            && last->penalties == r.penalties && last->from + last->n == r.from)
            last->n += r.n;
        else
            o->run[o->n_runs++] = r;
    }
}

/* Pieces of whole rows, as many as fit. */
static void make_pieces(optimizer *o)
{
    experiment *e = o->e;
    for (int pass = 0; pass < 2; pass++) {
        int64_t n = 0;
        for (int i = 0; i < o->n_runs; i++) {
            const update_run *r = &o->run[i];
            int64_t most = r->width < PIECE ? PIECE / r->width * r->width : r->width;
            for (int64_t at = 0; at < r->n; at += most, n++)
                if (pass) o->piece[n] = (piece){ r->from + at, r->n - at < most ? r->n - at : most, i };
        }
        o->n_pieces = n;
        if (!pass) o->piece = arena_new(&e->memory, sizeof *o->piece * (size_t)(n + 1));
    }
    o->squares = arena_new(&e->memory, sizeof *o->squares * (size_t)(o->n_pieces + 1));
    o->penalty = arena_new(&e->memory, sizeof *o->penalty * (size_t)(o->n_pieces * e->n_regularizers + 1));
}

static int open_parts(optimizer *o)
{
    experiment *e = o->e;
    o->slots_of = arena_new(&e->memory, sizeof *o->slots_of * (size_t)e->n_groups);
    for (int i = 0; i < e->n_groups; i++) {
        tn_part *p = e->group[i].optimizer;
        if (!p || !p->desc) return host_fail(&e->host, TN_EINVAL, "there is no optimizer");
        if (!p->self && part_open(&e->context, p)) return TN_EINVAL;
        const tn_optimizer *t = p->desc->table;
        uint32_t slots = TN_HAS(t, slots_used) ? t->slots_used(p->self) : t->slots;
        if (slots > MAX_SLOTS || slots > t->slots)
            return host_fail(&e->host, TN_EINVAL, "optimizer '%s' wants %u values a parameter; %u is the most", p->type, slots,
                             t->slots < MAX_SLOTS ? t->slots : MAX_SLOTS);
        o->slots_of[i] = slots;
        if ((int)slots > o->slots) o->slots = (int)slots;
    }
    if (e->schedule && part_open(&e->context, e->schedule)) return TN_EINVAL;
    if (e->n_regularizers > MAX_PENALTIES)
        return host_fail(&e->host, TN_EINVAL, "there are %d [[regularizer]]s; %d is the most", e->n_regularizers, MAX_PENALTIES);
    for (int i = 0; i < e->n_regularizers; i++)
        if (part_open(&e->context, e->regularizer[i].part)) return TN_EINVAL;
    return 0;
}

int optimizer_open(optimizer *o, experiment *e)
{
    memset(o, 0, sizeof *o);
    o->e = e;
    graph *g = e->graph;
    int rc = open_parts(o);
    if (rc) return rc;
    for (int i = 0; i < o->slots; i++) {
        o->slot[i] = g->be.ops->alloc(&g->be, sizeof(float) * (size_t)(g->floats + 16));
        if (!o->slot[i]) return host_fail(&e->host, TN_ENOMEM, "no memory for the optimizer");
    }
    if (e->average && !(o->average = g->be.ops->alloc(&g->be, sizeof(float) * (size_t)(g->floats + 16))))
        return host_fail(&e->host, TN_ENOMEM, "no memory for the average of the weights");
    o->shared = arena_new(&e->memory, sizeof *o->shared * (size_t)e->n_groups);
    o->numbers = arena_new(&e->memory, sizeof *o->numbers * 2 * TN_NUMBERS * (size_t)e->n_groups);
    make_runs(o);
    make_pieces(o);
    return 0;
}

void optimizer_close(optimizer *o)
{
    for (int i = 0; i < o->slots; i++)
        if (o->slot[i]) o->e->graph->be.ops->release(&o->e->graph->be, o->slot[i]);
    if (o->average) o->e->graph->be.ops->release(&o->e->graph->be, o->average);
    o->slots = 0, o->average = NULL;
}

double optimizer_rate(const optimizer *o, const tn_progress *p, int which)
{
    const experiment *e = o->e;
    double rate = e->group[which].rate;
    if (e->schedule && e->schedule->desc)
        rate = ((const tn_schedule *)e->schedule->desc->table)->rate(e->schedule->self, p, rate);
    if (e->warmup > 0 && p->step <= e->warmup) rate *= (double)p->step / (double)e->warmup;
    return rate;
}

/* ---- spans of a piece ------------------------------------------------------------------------------------------ */
/* Elements at .. end - 1; live: they can have gradients. Where ids point into a table, only rows that they named can. */
typedef struct span {
    int64_t at, end, stop;
    int live;
    const int32_t *row; int64_t rows, next, base, width;
} span;

/* The first of the rows in use that is not before `row`. */
static int64_t row_from(const int32_t *in_use, int64_t n, int64_t row)
{
    int64_t low = 0, high = n;
    while (low < high) {
        int64_t i = (low + high) / 2;
        if (in_use[i] < row) low = i + 1;
        else high = i;
    }
    return low;
}

static span spans_of(const optimizer *o, const piece *p)
{
    const update_run *r = &o->run[p->run];
    span s = { p->from, p->from, p->from + p->n, 1, NULL, 0, 0, r->from, r->width };
    if (!r->sparse || r->sparse->touched_more || r->penalties) return s;
    s.row = r->sparse->row, s.rows = r->sparse->n_rows;
    s.next = row_from(s.row, s.rows, (p->from - r->from) / r->width);
    return s;
}

/* 0: there is no further one. */
static int next_span(span *s)
{
    s->at = s->end;
    if (s->at >= s->stop) return 0;
    s->end = s->stop - s->at > SPAN ? s->at + SPAN : s->stop;
    if (!s->row) return 1;
    int64_t start = s->next < s->rows ? s->base + s->row[s->next] * s->width : s->stop;
    s->live = s->at == start;
    if (!s->live) {
        if (start < s->end) s->end = start;
        return 1;
    }
    do start += s->width, s->next++;                               /* neighbours in one */
    while (s->next < s->rows && start < s->end && s->base + s->row[s->next] * s->width == start);
    s->end = start;
    return 1;
}

static void part_failed(optimizer *o, const tn_part *part, int code)
{
    __atomic_store_n(&o->code, code, __ATOMIC_RELAXED);
    __atomic_store_n(&o->failed, part, __ATOMIC_RELEASE);
}

/* ---- penalties, and the norm of the gradient --------------------------------------------------------------------- */
static void add_squares(const float *g, int64_t n, double lane[8])
{
    int64_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (int k = 0; k < 8; k++) lane[k] += (double)g[i + k] * (double)g[i + k];
    for (; i < n; i++) lane[0] += (double)g[i] * (double)g[i];
}

/* Adds the penalties of a span of piece k to its gradient, and their values to the piece's sums. */
static void punish(optimizer *o, int64_t k, const span *s)
{
    experiment *e = o->e;
    graph *g = e->graph;
    uint64_t penalties = o->run[o->piece[k].run].penalties;
    for (int i = 0; i < e->n_regularizers; i++) {
        if (!(penalties >> i & 1)) continue;
        tn_part *part = e->regularizer[i].part;
        double added = 0;
        int rc = ((const tn_regularizer *)part->desc->table)->add(part->self, &g->be, s->end - s->at, g->value + s->at,
                                                                  g->gradient + s->at, &added);
        o->penalty[k * e->n_regularizers + i] += added;
        if (rc) part_failed(o, part, rc);
    }
}

static void measure(void *to, int64_t from, int64_t upto)
{
    optimizer *o = to;
    for (int64_t k = from; k < upto; k++) {
        double lane[8] = { 0 };
        for (span s = spans_of(o, &o->piece[k]); next_span(&s);) {
            if (!s.live) continue;
            punish(o, k, &s);
            add_squares(o->e->graph->gradient + s.at, s.end - s.at, lane);
        }
        o->squares[k] = ((lane[0] + lane[1]) + (lane[2] + lane[3])) + ((lane[4] + lane[5]) + (lane[6] + lane[7]));
    }
}

/* ---- the step ------------------------------------------------------------------------------------------------------ */
static void scale_and_clip(float *g, int64_t n, float by, float limit)
{
    for (int64_t i = 0; i < n; i++) g[i] *= by;
    if (limit > 0)
        for (int64_t i = 0; i < n; i++) g[i] = g[i] > limit ? limit : g[i] < -limit ? -limit : g[i];
}

/* Rows of a piece brought back to what is allowed. */
static void constrain(optimizer *o, const piece *p)
{
    const update_run *r = &o->run[p->run];
    graph *g = o->e->graph;
    for (int i = 0; i < o->e->n_regularizers; i++) {
        tn_part *part = o->e->regularizer[i].part;
        if (!(r->constraints >> i & 1)) continue;
        int rc = ((const tn_regularizer *)part->desc->table)->constrain(part->self, &g->be, p->n / r->width, r->width,
                                                                        g->value + p->from);
        if (rc) part_failed(o, part, rc);
    }
}

static void update(void *to, int64_t from, int64_t upto)
{
    optimizer *o = to;
    experiment *e = o->e;
    graph *g = e->graph;
    for (int64_t k = from; k < upto; k++) {
        const update_run *r = &o->run[o->piece[k].run];
        const tn_part *part = e->group[r->group].optimizer;
        const tn_optimizer *table = part->desc->table;
        float *state[MAX_SLOTS];
        tn_update u = o->shared[r->group];
        if (r->no_decay) u.decay = 0;
        u.number = o->numbers + (2 * r->group + r->no_decay) * TN_NUMBERS;
        u.slot = state;
        for (span s = spans_of(o, &o->piece[k]); next_span(&s);) {
            float *gradient = g->gradient + s.at;
            if (s.live && !(e->clip_norm > 0)) punish(o, k, &s);
            u.n = s.end - s.at, u.p = g->value + s.at, u.g = s.live ? gradient : NULL;
            for (uint32_t i = 0; i < o->slots_of[r->group]; i++) state[i] = o->slot[i] + s.at;
            if (s.live && (o->scale < 1 || e->clip_value > 0)) scale_and_clip(gradient, u.n, o->scale, (float)e->clip_value);
            int rc = table->step(part->self, &g->be, &u);
            if (rc) part_failed(o, part, rc);
            if (s.live) memset(gradient, 0, sizeof *gradient * (size_t)u.n);
        }
        if (r->constraints) constrain(o, &o->piece[k]);
    }
}

/* What the pieces of a group share. Weight decay is 0 for some of them, so there are two sets of numbers. */
static int prepare(optimizer *o, const tn_progress *p)
{
    experiment *e = o->e;
    for (int i = 0; i < e->n_groups; i++) {
        const tn_part *part = e->group[i].optimizer;
        const tn_optimizer *t = part->desc->table;
        o->shared[i] = (tn_update){ .size = sizeof(tn_update), .t = p->step, .rate = optimizer_rate(o, p, i) };
        for (int no_decay = 1; no_decay >= 0; no_decay--) {
            float *number = o->numbers + (2 * i + no_decay) * TN_NUMBERS;
            o->shared[i].decay = no_decay ? 0 : e->group[i].decay;
            int rc = TN_HAS(t, prepare) ? t->prepare(part->self, &o->shared[i], number) : 0;
            if (rc) part_failed(o, part, rc);
        }
    }
    return o->code;
}

static int report(optimizer *o)
{
    if (!o->failed) return 0;
    return o->e->host.error[0] ? o->code : host_fail(&o->e->host, o->code, "'%s' failed", o->failed->type);
}

int optimizer_step(optimizer *o, const tn_progress *p, double *penalty_sum, double *norm)
{
    experiment *e = o->e;
    tn_be *be = &e->graph->be;
    double squares = 0;
    *penalty_sum = *norm = 0;
    host_clear(&e->host);
    o->scale = 1, o->failed = NULL, o->code = 0;
    int64_t sums = o->n_pieces * e->n_regularizers;
    for (int64_t k = 0; k < sums; k++) o->penalty[k] = 0;
    if (prepare(o, p)) return report(o);
    if (e->clip_norm > 0) {
        be->ops->parallel_for(be, o->n_pieces, 1, measure, o);
        for (int64_t k = 0; k < o->n_pieces; k++) squares += o->squares[k];
        *norm = sqrt(squares);
        if (*norm > e->clip_norm) o->scale = (float)(e->clip_norm / (*norm + 1e-6));
        if (o->failed) return report(o);
    }
    be->ops->parallel_for(be, o->n_pieces, 1, update, o);
    for (int64_t k = 0; k < sums; k++) *penalty_sum += o->penalty[k];
    return o->failed ? report(o) : graph_pack(e->graph);
}

/* ---- the average of the weights -------------------------------------------------------------------------------------- */
/* Flat buffers are multiples of BLOCK long. */
enum { BLOCK = 16 };

/* a = a + share (p - a) */
static void average_blocks(void *to, int64_t from, int64_t upto)
{
    optimizer *o = to;
    for (int64_t k = from; k < upto; k++) {
        float *restrict a = o->average + k * BLOCK;
        const float *restrict p = o->e->graph->value + k * BLOCK;
        for (int i = 0; i < BLOCK; i++) a[i] += o->share * (p[i] - a[i]);
    }
}

static void swap_blocks(void *to, int64_t from, int64_t upto)
{
    optimizer *o = to;
    for (int64_t i = from * BLOCK; i < upto * BLOCK; i++) {
        float was = o->average[i];
        o->average[i] = o->e->graph->value[i], o->e->graph->value[i] = was;
    }
}

void optimizer_average(optimizer *o, double share)
{
    graph *g = o->e->graph;
    if (!o->average) return;
    o->share = (float)share;
    if (share >= 1) memcpy(o->average, g->value, sizeof *o->average * (size_t)g->floats);
    else g->be.ops->parallel_for(&g->be, g->floats / BLOCK, SPAN / BLOCK, average_blocks, o);
}

int optimizer_swap(optimizer *o)
{
    graph *g = o->e->graph;
    if (!o->average) return 0;
    g->be.ops->parallel_for(&g->be, g->floats / BLOCK, SPAN / BLOCK, swap_blocks, o);
    return graph_pack(g);
}
