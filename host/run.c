/* run.c -- runs the phases of a graph on the batch it is bound to: forward, backward, gradient. */
#include <math.h>
#include <string.h>
#include "../include/tenon/random.h"
#include "buffers.h"
#include "graph.h"
#include "plan.h"

int node_run(node *n, uint32_t phase)
{
    const tn_impl *f = n->impl;
    void *self = n->part->self;
    if (phase == TN_FORWARD) return f->forward(self, &n->call);
    if (phase == TN_BACKWARD) return f->backward ? f->backward(self, &n->call) : 0;
    return f->gradient ? f->gradient(self, &n->call) : 0;
}

/* ---- decoding ------------------------------------------------------------------------------------------- */
typedef struct paths { node *n; int32_t last; } paths;

/* Keeps the best path of each sequence: ids by step, -1 behind its end; of the root, which has no sequences, one id a row. */
static int keep_path(void *to, int32_t parent_row, double score, const int32_t *ids, int64_t n)
{
    paths *p = to;
    (void)score;
    const tn_layout *l = p->n->decoded.value.lay;
    if (parent_row == p->last || !l) return 0;
    p->last = parent_row;
    int32_t s = l->parent ? l->place[parent_row] : parent_row, *out = p->n->decoded.value.data;
    if (!l->parent) out[s] = n ? ids[0] : -1;
    else
        for (int64_t t = 0; t < n && t < l->length[s]; t++) out[l->first[t] + s] = ids[t];
    return 0;
}

static int decode(node *n)
{
    tn_tensor *t = &n->decoded.value;
    memset(t->data, 0xff, sizeof(int32_t) * (size_t)t->rows);
    paths p = { n, -1 };
    return n->layer->decode(n->part->self, &n->call, keep_path, &p);
}

/* ---- the whole graph ---------------------------------------------------------------------------------- */
static void prepare(node *n, uint32_t flags)
{
    graph *g = n->owner;
    n->call.flags = flags;
    n->call.step = g->step;
    n->call.rng = tn_random_fork((tn_rng){ g->seed, (uint64_t)g->step }, n->id);
    for (int k = 0; k < n->n_children; k++) prepare(n->child[k], flags);
}

static int failed(node *n, int rc, const char *phase)
{
    tn_host *h = n->owner->context->host;
    const char *why = arena_text(n->owner->memory, h->error[0] ? h->error : "it gave no message");
    host_clear(h);
    return host_fail(h, rc, "'%s' (%s) failed in %s: %s", n->name, n->part->type, phase, why);
}

/* What the rows of a loss count for, summed by example. */
static const double *count_rows(graph *g, const head *h)
{
    const tn_tensor *t = &h->loss->out[0].value;
    const float *count = h->count ? h->count->value.data : NULL;
    double *sum = g->count;
    for (int32_t e = 0; e < g->bound->n; e++) sum[e] = 0;
    for (int64_t r = 0; r < t->rows; r++) sum[t->lay->root[r]] += count ? (double)count[r] : 1;
    return sum;
}

/* Sum of a loss over its rows, in the order of the rows, and what it is divided by:
 *     mean                    all that the rows count for        sum_steps_mean_batch    the examples
 *     sum                     1                                  mean_steps_mean_batch   the examples; before that each
 *                                                                                        row by what its example counts for */
static void sum_loss(graph *g, int i)
{
    const head *h = &g->head[i];
    const tn_tensor *t = &h->loss->out[0].value;
    const float *x = t->data, *count = h->count ? h->count->value.data : NULL;
    const double *of = h->reduction == REDUCE_MEAN_STEPS_MEAN_BATCH ? count_rows(g, h) : NULL;
    double sum = 0, by = 0;
    for (int64_t r = 0; r < t->rows; r++) {
        double in_example = of ? of[t->lay->root[r]] : 1;
        sum += in_example > 0 ? (double)x[r] / in_example : 0;
        by += count ? (double)count[r] : 1;
    }
    g->loss_sum[i] = sum;
    g->loss_by[i] = h->reduction == REDUCE_MEAN ? by : h->reduction == REDUCE_SUM ? 1 : (double)g->bound->n;
}

/* again: what does not hang on a layer that feeds itself is there already. */
static int forward_nodes(graph *g, uint32_t flags, int losses, int again)
{
    int decodes = !losses ? 0 : flags & TN_C_TRAINING ? DECODE_TRAINING : DECODE_EVALUATION;
    if (!again) kept_open(g, !(flags & TN_C_TRAINING));
    for (int i = 0; i < g->n_nodes; i++) {
        node *n = g->node[i];
        if (n->loss ? !losses : again && !n->feeds) continue;
        prepare(n, flags);
        int rc = node_run(n, TN_FORWARD);
        if (rc) return failed(n, rc, "forward");
        if ((n->reads_decoded & decodes) && (rc = decode(n))) return failed(n, rc, "decode");
    }
    for (int i = 0; losses && i < g->n_heads; i++) sum_loss(g, i);
    return 0;
}

static int forward(graph *g, uint32_t flags, int losses, int again)
{
    int rc = forward_nodes(g, flags, losses, again);
    if (rc) kept_forget(g); /* some rows may lack */
    return rc;
}

int graph_forward(graph *g, int training, int losses) { return forward(g, training ? TN_C_TRAINING : TN_C_ALONE, losses, 0); }
int graph_forward_own(graph *g) { return forward(g, TN_C_ALONE | TN_C_OWN, 0, 0); }
int graph_forward_taught(graph *g, int losses) { return forward(g, TN_C_ALONE, losses, 1); }

double graph_loss(graph *g)
{
    double loss = 0;
    for (int i = 0; i < g->n_heads; i++)
        if (g->loss_by[i] > 0) loss += g->loss_sum[i] * (g->head[i].weight / g->loss_by[i]);
    return loss;
}

/* The factor of each row of a loss in the reduced loss: its gradient. */
static void set_factors(graph *g, int i)
{
    const head *h = &g->head[i];
    tn_tensor *t = &h->loss->out[0].grad;
    if (!t->data) return;
    double factor = g->loss_by[i] > 0 ? h->weight / g->loss_by[i] : 0;
    g->be.ops->fill(&g->be, t->data, TN_F32, t->rows * t->width, factor);
    if (h->reduction != REDUCE_MEAN_STEPS_MEAN_BATCH) return;
    const double *of = count_rows(g, h);
    for (int64_t r = 0; r < t->rows; r++) {
        double in_example = of[h->loss->out[0].value.lay->root[r]];
        ((float *)t->data)[r] = in_example > 0 ? (float)(factor / in_example) : 0;
    }
}

static void zero(graph *g, tn_tensor *t)
{
    if (!t->data) return;
    int64_t rows = t->index ? t->index->distinct : t->rows;
    g->be.ops->fill(&g->be, t->data, t->dtype, t->pairs ? t->pairs->total : rows * t->width, 0);
}

static void zero_gradients(graph *g, node *n)
{
    for (int i = 0; i < n->count[G_OUT]; i++)
        if (!n->out[i].set_by) zero(g, &n->out[i].grad);
    for (int i = 0; i < n->count[G_NEXT]; i++)
        if (!n->next[i].set_by) zero(g, &n->next[i].grad);
    for (int k = 0; k < n->n_children; k++) {
        node *c = n->child[k];
        for (int i = 0; i < c->count[G_IN]; i++) zero(g, &c->in[i].grad);
        for (int i = 0; i < c->count[G_STATE]; i++) zero(g, &c->state[i].grad);
        zero_gradients(g, c);
    }
}

static int run_backward(node *n, uint32_t set)
{
    uint32_t flags = n->call.flags;
    n->call.flags |= set;
    int rc = node_run(n, TN_BACKWARD);
    n->call.flags = flags;
    if (rc) return failed(n, rc, "backward");
    return n->trainable && (rc = node_run(n, TN_GRADIENT)) ? failed(n, rc, "gradient") : 0;
}

/* The gradient of out[0] in pieces of columns: the loss makes each, and the layer uses it while it is near. */
static int backward_by_columns(node *n, uint32_t set)
{
    slot *s = &n->out[0];
    node *loss = s->set_by;
    int rc = 0;
    for (int64_t at = 0; at < s->spec.width && !rc; at += s->piece) {
        n->call.column = loss->call.column = at;
        s->grad.width = s->grad.ld = s->spec.width - at < s->piece ? s->spec.width - at : s->piece;
        rc = run_backward(loss, TN_C_SET);
        if (!rc) rc = run_backward(n, at ? 0 : set);
    }
    n->call.column = loss->call.column = 0;
    return rc;
}

int graph_backward(graph *g)
{
    for (int i = 0; i < g->n_nodes; i++) zero_gradients(g, g->node[i]);
    for (int i = 0; i < g->n_heads; i++) set_factors(g, i);
    for (int i = g->n_nodes; i-- > 0; ) {
        node *n = g->node[i];
        if (!n->out[0].wants_gradient || (n->loss && n->in_slot[0]->piece)) continue;
        uint32_t set = n->count[G_IN] && n->in_slot[0]->set_by == n ? TN_C_SET : 0;
        int rc = n->out[0].piece ? backward_by_columns(n, set) : run_backward(n, set);
        if (rc) return rc;
    }
    return 0;
}

static int is_finite(const tn_tensor *t)
{
    if (!t->data || t->dtype != TN_F32) return 1;
    const float *x = t->data;
    int64_t rows = t->index ? t->index->distinct : t->rows;
    for (int64_t i = 0; i < rows * t->width; i++)
        if (!isfinite(x[i])) return 0;
    return 1;
}

const node *graph_not_finite(const graph *g)
{
    for (int i = 0; i < g->n_nodes; i++)
        for (int k = 0; k < g->node[i]->count[G_OUT]; k++)
            if (!is_finite(&g->node[i]->out[k].value)) return g->node[i];
    return NULL;
}

/* ---- state that goes on from batch to batch ------------------------------------------------------------- */
void graph_carry_reset(graph *g)
{
    for (int i = 0; i < g->n_nodes; i++)
        for (int k = 0; k < g->node[i]->count[G_STATE]; k++)
            if (state_carries(g->node[i], k) && g->node[i]->state[k].value.data)
                memset(g->node[i]->state[k].value.data, 0, g->node[i]->state[k].value_bytes);
}

/* Two buffers, swapped: backward needs the old one, and a repeated step must start from it. */
void graph_carry_commit(graph *g)
{
    for (int i = 0; i < g->n_nodes; i++)
        for (int k = 0; k < g->node[i]->count[G_STATE]; k++) {
            if (!state_carries(g->node[i], k)) continue;
            slot *s = &g->node[i]->state[k], *x = &g->node[i]->next[k];
            void *was = s->value.data;
            size_t bytes = s->value_bytes;
            s->value.data = x->value.data, s->value_bytes = x->value_bytes;
            x->value.data = was, x->value_bytes = bytes;
        }
}
