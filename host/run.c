/* run.c -- runs the phases of a graph on the batch it is bound to, and the running half of tn_api: a part that steps
 * another part (a decoder and its cell) enters it one step at a time.                                         */
#include <math.h>
#include <string.h>
#include "../include/tenon/random.h"
#include "buffers.h"
#include "graph.h"
#include "plan.h"

static node *node_of(const tn_call *c) { return (node *)(void *)((char *)(uintptr_t)c - offsetof(node, call)); }

static int run_impl(node *n, uint32_t phase)
{
    const tn_impl *f = n->impl;
    void *self = n->part->self;
    if (phase == TN_FORWARD) return f->forward(self, &n->call);
    if (phase == TN_BACKWARD) return f->backward ? f->backward(self, &n->call) : 0;
    return f->gradient ? f->gradient(self, &n->call) : 0;
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

/* Sum of a loss over its rows, in the order of the rows. */
static void sum_loss(graph *g, int i)
{
    const tn_tensor *t = &g->head[i].loss->out[0].value;
    const float *x = t->data;
    double sum = 0;
    for (int64_t r = 0; r < t->rows * t->width; r++) sum += (double)x[r];
    g->loss_sum[i] = sum, g->loss_rows[i] = t->rows;
}

int graph_forward(graph *g, int training, int losses)
{
    for (int i = 0; i < g->n_nodes; i++) {
        node *n = g->node[i];
        if (n->loss && !losses) continue;
        prepare(n, training ? TN_C_TRAINING : 0);
        int rc = run_impl(n, TN_FORWARD);
        if (rc) return failed(n, rc, "forward");
        if (n->reads_decoded && (rc = node_decode(n))) return failed(n, rc, "decode");
    }
    for (int i = 0; losses && i < g->n_heads; i++) sum_loss(g, i);
    return 0;
}

/* What one row of a loss counts for in the reduced loss. */
static double row_factor(const graph *g, int i)
{
    const head *h = &g->head[i];
    int64_t rows = h->loss->out[0].value.rows;
    if (h->reduction == REDUCE_SUM) return h->weight;
    int64_t by = h->reduction == REDUCE_MEAN ? rows : g->bound->n;
    return by ? h->weight / (double)by : 0;
}

double graph_loss(graph *g)
{
    double loss = 0;
    for (int i = 0; i < g->n_heads; i++) loss += g->loss_sum[i] * row_factor(g, i);
    return loss;
}

static void zero(graph *g, tn_tensor *t)
{
    if (!t->data) return;
    int64_t rows = t->index ? t->index->distinct : t->rows;
    g->be.ops->fill(&g->be, t->data, t->dtype, t->pairs ? t->pairs->total : rows * t->width, 0);
}

static void zero_gradients(graph *g, node *n)
{
    for (int i = 0; i < n->count[G_OUT]; i++) zero(g, &n->out[i].grad);
    for (int i = 0; i < n->count[G_NEXT]; i++) zero(g, &n->next[i].grad);
    for (int k = 0; k < n->n_children; k++) {
        node *c = n->child[k];
        for (int i = 0; i < c->count[G_IN]; i++) zero(g, &c->in[i].grad);
        for (int i = 0; i < c->count[G_STATE]; i++) zero(g, &c->state[i].grad);
        zero_gradients(g, c);
    }
}

int graph_backward(graph *g)
{
    for (int i = 0; i < g->n_nodes; i++) zero_gradients(g, g->node[i]);
    for (int i = 0; i < g->n_heads; i++) {
        tn_tensor *t = &g->head[i].loss->out[0].grad;
        if (t->data) g->be.ops->fill(&g->be, t->data, TN_F32, t->rows * t->width, row_factor(g, i));
    }
    for (int i = g->n_nodes; i-- > 0; ) {
        node *n = g->node[i];
        if (!n->out[0].wants_gradient) continue;
        int rc = run_impl(n, TN_BACKWARD);
        if (rc) return failed(n, rc, "backward");
        if (n->trainable && (rc = run_impl(n, TN_GRADIENT))) return failed(n, rc, "gradient");
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

/* ---- decoding ------------------------------------------------------------------------------------------- */
typedef struct paths { node *n; int32_t last; } paths;

/* Keeps the best path of each sequence: ids by step, where it has as many steps as the layout. */
static int keep_path(void *to, int32_t parent_row, double score, const int32_t *ids, int64_t n)
{
    paths *p = to;
    (void)score;
    const tn_layout *l = p->n->decoded.value.lay;
    if (parent_row == p->last || !l) return 0;
    p->last = parent_row;
    int32_t s = l->place[parent_row], *out = p->n->decoded.value.data;
    for (int64_t t = 0; t < n && t < l->length[s]; t++) out[l->first[t] + s] = ids[t];
    return 0;
}

int node_decode(node *n)
{
    tn_tensor *t = &n->decoded.value;
    memset(t->data, 0, sizeof(int32_t) * (size_t)t->rows);
    paths p = { n, -1 };
    return n->layer->decode(n->part->self, &n->call, keep_path, &p);
}

/* ---- a part inside a part ------------------------------------------------------------------------------- */
/* One step of a child: a layout of one step over a parent that has the same rows, and slices of every slot. */
struct step_view {
    tn_layout step, over;
    int32_t live[2], first[2];
    tn_tensor in[MAX_IN], out[MAX_OUT], saved[MAX_SAVED], work[MAX_WORK], state[MAX_STATE], next[MAX_STATE],
              d_in[MAX_IN], d_out[MAX_OUT], d_state[MAX_STATE], d_next[MAX_STATE];
    void *free_buffer[G_COUNT][MAX_SAVED]; size_t free_bytes[G_COUNT][MAX_SAVED];
    int32_t *ones, *iota; size_t ones_bytes, iota_bytes;
};

static struct step_view *view_of(node *n)
{
    if (!n->view) n->view = arena_new(n->owner->memory, sizeof *n->view);
    return n->view;
}

/* A layout of one step with m rows, in the order of its parent. */
static void one_step(struct step_view *v, int32_t m, const int32_t *ones, const int32_t *iota, const int32_t *zeros,
                     const int32_t *root)
{
    v->live[0] = v->first[1] = m, v->live[1] = v->first[0] = 0;
    v->over = (tn_layout){ .size = sizeof(tn_layout), .id = TN_ROOT, .rows = m, .root = root, .dev = &v->over };
    v->step = (tn_layout){ .size = sizeof(tn_layout), .id = -1, .parent = TN_ROOT, .rows = m, .sequences = m, .steps = m > 0,
                           .length = ones, .live = v->live, .first = v->first, .order = iota, .place = iota, .up = iota,
                           .step = zeros, .root = root, .over = &v->over, .dev = &v->step };
}

static tn_tensor *slice(tn_tensor *view, const tn_tensor *whole, int64_t row, int64_t rows, const tn_layout *l)
{
    if (!whole->data) return NULL;
    *view = *whole;
    view->rows = rows, view->lay = l;
    if (whole->pairs) return view; /* ragged: rows keep their numbers, so the whole is handed on */
    view->data = (char *)whole->data + row * whole->width * 4;
    return view;
}

static void slice_step(node *n, struct step_view *v, const tn_layout *l, int32_t t)
{
    int64_t row = l->first[t], m = l->live[t], before = t ? l->first[t - 1] : 0;
    const tn_layout *s = &v->step, *o = &v->over;
    for (int i = 0; i < n->count[G_IN]; i++) {
        n->at_in[i] = slice(&v->in[i], &n->in[i].value, row, m, s);
        n->at_d_in[i] = slice(&v->d_in[i], &n->in[i].grad, row, m, s);
    }
    for (int i = 0; i < n->count[G_OUT]; i++) {
        n->at_out[i] = slice(&v->out[i], &n->out[i].value, row, m, s);
        n->at_d_out[i] = slice(&v->d_out[i], &n->out[i].grad, row, m, s);
    }
    for (int i = 0; i < n->count[G_SAVED]; i++)
        n->at_saved[i] = slice(&v->saved[i], &n->saved[i].value, row, m, n->saved[i].spec.layout == l->id ? s : o);
    for (int i = 0; i < n->count[G_WORK]; i++)
        n->at_work[i] = slice(&v->work[i], &n->work[i].value, row, m, n->work[i].spec.layout == l->id ? s : o);
    for (int i = 0; i < n->count[G_STATE]; i++) { /* the state of step t is the next of step t - 1 */
        const slot *was = t ? &n->next[i] : &n->state[i];
        n->at_next[i] = slice(&v->next[i], &n->next[i].value, row, m, o);
        n->at_d_next[i] = slice(&v->d_next[i], &n->next[i].grad, row, m, o);
        n->at_state[i] = slice(&v->state[i], &was->value, before, m, o);
        n->at_d_state[i] = slice(&v->d_state[i], &was->grad, before, m, o);
    }
}

/* All steps at once: the slots as they are. */
static void whole(node *n)
{
    for (int i = 0; i < n->count[G_IN]; i++) n->at_in[i] = &n->in[i].value, n->at_d_in[i] = n->in[i].grad.data ? &n->in[i].grad : NULL;
    for (int i = 0; i < n->count[G_OUT]; i++) n->at_out[i] = &n->out[i].value, n->at_d_out[i] = n->out[i].grad.data ? &n->out[i].grad : NULL;
    for (int i = 0; i < n->count[G_SAVED]; i++) n->at_saved[i] = &n->saved[i].value;
    for (int i = 0; i < n->count[G_WORK]; i++) n->at_work[i] = &n->work[i].value;
    for (int i = 0; i < n->count[G_STATE]; i++) {
        n->at_state[i] = &n->state[i].value, n->at_next[i] = &n->next[i].value;
        n->at_d_state[i] = n->state[i].grad.data ? &n->state[i].grad : NULL;
        n->at_d_next[i] = n->next[i].grad.data ? &n->next[i].grad : NULL;
    }
}

const tn_call *run_enter(const tn_call *c, int child, int32_t t)
{
    node *boss = node_of(c), *n = boss->child[child];
    graph *g = n->owner;
    n->call.flags = boss->call.flags;
    if (t < 0) {
        whole(n);
        return &n->call;
    }
    const tn_layout *l = &g->bound->layout[n->in[0].spec.layout];
    struct step_view *v = view_of(n);
    one_step(v, l->live[t], g->bound->ones, g->bound->iota, l->step, l->root + l->first[t]);
    v->step.step = l->step; /* rows of step 0 hold zeros, and step 0 has the most rows */
    slice_step(n, v, l, t);
    n->call.flags |= TN_C_STEP;
    return &n->call;
}

int run_phase(const tn_call *c, uint32_t phase) { return run_impl(node_of(c), phase); }

/* A buffer of `rows` rows for one slot of a free step; kept for the next one. */
static tn_tensor *free_slot(node *n, struct step_view *v, int group, int i, const slot *s, tn_tensor *t, int32_t rows, const tn_layout *l)
{
    if (slot_hold(n->owner, &v->free_buffer[group][i], &v->free_bytes[group][i], 4 * (size_t)(rows * s->spec.width))) return NULL;
    *t = (tn_tensor){ sizeof *t, s->spec.dtype, v->free_buffer[group][i], rows, s->spec.width, s->spec.width, l, NULL, NULL };
    return t;
}

const tn_call *run_enter_free(const tn_call *c, int child, int32_t rows)
{
    node *n = node_of(c)->child[child];
    struct step_view *v = view_of(n);
    size_t bytes = sizeof(int32_t) * (size_t)(rows + 1);
    if (slot_hold(n->owner, (void **)&v->ones, &v->ones_bytes, bytes) || slot_hold(n->owner, (void **)&v->iota, &v->iota_bytes, 2 * bytes))
        return NULL;
    int32_t *zeros = v->iota + rows + 1;
    for (int32_t i = 0; i < rows; i++) v->ones[i] = 1, v->iota[i] = i, zeros[i] = 0;
    one_step(v, rows, v->ones, v->iota, zeros, v->iota);
    for (int i = 0; i < n->count[G_IN]; i++) n->at_in[i] = free_slot(n, v, G_IN, i, &n->in[i], &v->in[i], rows, &v->step), n->at_d_in[i] = NULL;
    for (int i = 0; i < n->count[G_OUT]; i++) n->at_out[i] = free_slot(n, v, G_OUT, i, &n->out[i], &v->out[i], rows, &v->step), n->at_d_out[i] = NULL;
    for (int i = 0; i < n->count[G_SAVED]; i++) n->at_saved[i] = free_slot(n, v, G_SAVED, i, &n->saved[i], &v->saved[i], rows, &v->step);
    for (int i = 0; i < n->count[G_WORK]; i++) n->at_work[i] = free_slot(n, v, G_WORK, i, &n->work[i], &v->work[i], rows, &v->over);
    for (int i = 0; i < n->count[G_STATE]; i++) {
        n->at_state[i] = free_slot(n, v, G_STATE, i, &n->state[i], &v->state[i], rows, &v->over);
        n->at_next[i] = free_slot(n, v, G_NEXT, i, &n->next[i], &v->next[i], rows, &v->over);
        n->at_d_state[i] = n->at_d_next[i] = NULL;
    }
    n->call.flags = TN_C_STEP;
    return &n->call;
}

int run_touch(const tn_call *c, int param, int64_t rows, const int32_t *row)
{
    node *n = node_of(c);
    (void)rows, (void)row; /* ids that no input names: every row counts as in use in this step */
    if (param < 0 || param >= n->count[G_PARAM]) return TN_EINVAL;
    n->parameter[param]->touched_more = 1;
    return 0;
}
