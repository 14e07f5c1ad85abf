/* optimize.c -- one update. Parameters lie in flat buffers; neighbours that are treated alike make one run, so that
 * clipping and the optimizer are few passes. Sums go by fixed blocks, so threads do not change a bit.          */
#include <math.h>
#include <string.h>
#include "optimize.h"

enum { BLOCK = 1 << 14 };                  /* elements summed by one chain                                      */

static int padded(const parameter *w) { return (int)(((w->rows * w->width + 15) & ~(int64_t)15) - w->rows * w->width); }

/* Runs: consecutive dense parameters of one group; a sparse one stands alone. Padding between them is zero and stays. */
static void make_runs(optimizer *o)
{
    experiment *e = o->e;
    graph *g = e->graph;
    o->run = arena_new(&e->memory, sizeof *o->run * (size_t)(g->n_parameters + 1));
    for (int i = 0; i < g->n_parameters; i++) {
        parameter *w = g->parameter[i];
        int which = group_of(e, w), no_decay = (w->p.flags & TN_P_NO_DECAY) != 0;
        if (e->group[which].frozen) w->frozen = 1, w->owner->param[w->slot].grad.data = NULL;
        if (w->frozen) continue;
        struct run *last = o->n_runs ? &o->run[o->n_runs - 1] : NULL;
        int64_t n = w->rows * w->width + padded(w);
        if (last && !last->sparse && !w->sparse && last->group == which && last->no_decay == no_decay
            && last->from + last->n == w->offset)
            last->n += n;
        else
            o->run[o->n_runs++] = (struct run){ w->offset, w->sparse ? w->rows * w->width : n, w->sparse ? w->width : 1, which,
                                                no_decay, w->sparse ? w : NULL };
    }
}

int optimizer_open(optimizer *o, experiment *e)
{
    memset(o, 0, sizeof *o);
    o->e = e;
    graph *g = e->graph;
    for (int i = 0; i < e->n_groups; i++) {
        tn_part *p = e->group[i].optimizer;
        if (!p || !p->desc) return host_fail(&e->host, TN_EINVAL, "there is no optimizer");
        if (!p->self && part_open(&e->context, p)) return TN_EINVAL;
        int slots = (int)((const tn_optimizer *)p->desc->table)->slots;
        if (slots > 8)
            return host_fail(&e->host, TN_EINVAL, "optimizer '%s' wants %d values a parameter; 8 is the most", p->type, slots);
        if (slots > o->slots) o->slots = slots;
    }
    if (e->schedule && part_open(&e->context, e->schedule)) return TN_EINVAL;
    for (int i = 0; i < e->n_regularizers; i++)
        if (part_open(&e->context, e->regularizer[i].part)) return TN_EINVAL;
    for (int i = 0; i < o->slots; i++) {
        o->slot[i] = g->be.ops->alloc(&g->be, sizeof(float) * (size_t)(g->floats + 16));
        if (!o->slot[i]) return host_fail(&e->host, TN_ENOMEM, "no memory for the optimizer");
    }
    make_runs(o);
    o->n_partial = g->floats / BLOCK + g->n_parameters + 2;
    o->partial = arena_new(&e->memory, sizeof *o->partial * (size_t)o->n_partial);
    return 0;
}

void optimizer_close(optimizer *o)
{
    for (int i = 0; i < o->slots; i++)
        if (o->slot[i]) o->e->graph->be.ops->release(&o->e->graph->be, o->slot[i]);
    o->slots = 0;
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

/* ---- clipping: blocks of a fixed size, each summed by one thread in order ---------------------------------- */
typedef struct squares { const float *g; int64_t n; const int32_t *row; int64_t width; double *partial; } squares;

static void sum_squares(void *to, int64_t from, int64_t upto)
{
    squares *s = to;
    for (int64_t b = from; b < upto; b++) {
        int64_t i = b * BLOCK, end = i + BLOCK < s->n ? i + BLOCK : s->n;
        double lane[4] = { 0, 0, 0, 0 };
        if (s->row)
            for (; i < end; i++) {
                double x = (double)s->g[(int64_t)s->row[i / s->width] * s->width + i % s->width];
                lane[i & 3] += x * x;
            }
        else
            for (; i < end; i++) lane[i & 3] += (double)s->g[i] * (double)s->g[i];
        s->partial[b] = (lane[0] + lane[1]) + (lane[2] + lane[3]);
    }
}

typedef struct scaling { float *g; const int32_t *row; int64_t width; float by, limit; } scaling;

static void scale_gradient(void *to, int64_t from, int64_t upto)
{
    scaling *s = to;
    for (int64_t i = from; i < upto; i++) {
        float *x = s->row ? &s->g[(int64_t)s->row[i / s->width] * s->width + i % s->width] : &s->g[i];
        *x *= s->by;
        if (s->limit > 0) *x = *x > s->limit ? s->limit : *x < -s->limit ? -s->limit : *x;
    }
}

/* Elements of a run that can differ from zero, and the rows they lie in. */
static int64_t in_use(const struct run *r, const int32_t **row)
{
    *row = r->sparse && !r->sparse->touched_more ? r->sparse->row : NULL;
    return *row ? r->sparse->n_rows * r->width : r->n;
}

static double gradient_norm(optimizer *o)
{
    graph *g = o->e->graph;
    double sum = 0;
    for (int i = 0; i < o->n_runs; i++) {
        squares s = { g->gradient + o->run[i].from, 0, NULL, o->run[i].width, o->partial };
        s.n = in_use(&o->run[i], &s.row);
        int64_t blocks = (s.n + BLOCK - 1) / BLOCK;
        g->be.ops->parallel_for(&g->be, blocks, 1, sum_squares, &s);
        for (int64_t b = 0; b < blocks; b++) sum += o->partial[b];
    }
    return sqrt(sum);
}

static void clip(optimizer *o, double norm)
{
    graph *g = o->e->graph;
    double by = o->e->clip_norm > 0 && norm > o->e->clip_norm ? o->e->clip_norm / (norm + 1e-6) : 1;
    if (by >= 1 && o->e->clip_value <= 0) return;
    for (int i = 0; i < o->n_runs; i++) {
        scaling s = { g->gradient + o->run[i].from, NULL, o->run[i].width, (float)by, (float)o->e->clip_value };
        int64_t n = in_use(&o->run[i], &s.row);
        g->be.ops->parallel_for(&g->be, n, BLOCK, scale_gradient, &s);
    }
}

/* ---- penalties -------------------------------------------------------------------------------------------- */
static int add_penalties(optimizer *o, double *sum)
{
    experiment *e = o->e;
    graph *g = e->graph;
    *sum = 0;
    for (int i = 0; i < e->n_regularizers; i++) {
        penalty *p = &e->regularizer[i];
        const tn_regularizer *t = p->part->desc->table;
        for (int k = 0; k < g->n_parameters; k++) {
            parameter *w = g->parameter[k];
            if (w->frozen || (p->n_patterns ? !layer_matches(w->name, p->pattern, p->n_patterns)
                                            : (w->p.flags & TN_P_NO_DECAY) != 0))
                continue;
            double x = 0;
            int rc = t->add(p->part->self, &g->be, w->rows * w->width, g->value + w->offset, g->gradient + w->offset, &x);
            if (rc) return rc;
            *sum += x;
            w->touched_more = 1; /* every row has a gradient now */
        }
    }
    return 0;
}

/* ---- the update ------------------------------------------------------------------------------------------- */
static int update_run(optimizer *o, const struct run *r, const tn_progress *p)
{
    experiment *e = o->e;
    graph *g = e->graph;
    const group *q = &e->group[r->group];
    const tn_optimizer *t = q->optimizer->desc->table;
    float *at[8];
    for (int i = 0; i < o->slots; i++) at[i] = o->slot[i] + r->from;
    const int32_t *row;
    in_use(r, &row);
    tn_update u = { sizeof u, 0, p->step, optimizer_rate(o, p, r->group), r->no_decay ? 0 : q->decay, r->n, r->width,
                    g->value + r->from, g->gradient + r->from, at, row, row ? r->sparse->n_rows : 0 };
    int rc = t->step(q->optimizer->self, &g->be, &u);
    return rc ? host_fail(&e->host, rc, "optimizer '%s' failed", q->optimizer->type) : 0;
}

typedef struct clearing { float *g; const int32_t *row; int64_t width; } clearing;
static void clear_rows(void *to, int64_t from, int64_t upto)
{
    clearing *c = to;
    for (int64_t u = from; u < upto; u++) memset(c->g + (int64_t)c->row[u] * c->width, 0, sizeof(float) * (size_t)c->width);
}

static void clear_gradients(optimizer *o)
{
    graph *g = o->e->graph;
    for (int i = 0; i < o->n_runs; i++) {
        const struct run *r = &o->run[i];
        clearing c = { g->gradient + r->from, NULL, r->width };
        int64_t n = in_use(r, &c.row);
        if (c.row) g->be.ops->parallel_for(&g->be, r->sparse->n_rows, 64, clear_rows, &c);
        else g->be.ops->fill(&g->be, c.g, TN_F32, n, 0);
    }
}

int optimizer_step(optimizer *o, const tn_progress *p, double *penalty_sum, double *norm)
{
    int rc = add_penalties(o, penalty_sum);
    *norm = o->e->clip_norm > 0 ? gradient_norm(o) : 0;
    clip(o, *norm);
    for (int i = 0; i < o->n_runs && !rc; i++) rc = update_run(o, &o->run[i], p);
    clear_gradients(o);
    return rc ? rc : graph_pack(o->e->graph);
}
