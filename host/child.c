/* child.c -- the running half of tn_api: a part that holds another part (a decoder its cell) enters it, for all steps at
 * once, for one step of its layout, or for free rows that belong to no batch (generation, beams).             */
#include <string.h>
#include "buffers.h"
#include "plan.h"

static node *node_of(const tn_call *c) { return (node *)(void *)((char *)(uintptr_t)c - offsetof(node, call)); }

/* One step of a child: a layout of one step over a parent that has the same rows, and slices of every slot. */
struct step_view {
    tn_layout step, over;
    int32_t live[2], first[2];
    tn_tensor in[MAX_IN], out[MAX_OUT], saved[MAX_SAVED], work[MAX_WORK], state[MAX_STATE], next[MAX_STATE],
              d_in[MAX_IN], d_out[MAX_OUT], d_state[MAX_STATE], d_next[MAX_STATE];
    void *free_buffer[G_COUNT][MAX_SAVED]; size_t free_bytes[G_COUNT][MAX_SAVED];
    int32_t *ones, *iota; size_t ones_bytes, iota_bytes;
};

struct step_view *child_view(node *n)
{
    if (!n->view) n->view = arena_new(n->owner->memory, sizeof *n->view);
    return n->view;
}

void child_free(node *n)
{
    struct step_view *v = n->view;
    tn_be *be = &n->owner->be;
    for (int group = 0; v && group < G_COUNT; group++)
        for (int i = 0; i < MAX_SAVED; i++)
            if (v->free_bytes[group][i]) be->ops->release(be, v->free_buffer[group][i]);
    if (v && v->ones_bytes) be->ops->release(be, v->ones);
    if (v && v->iota_bytes) be->ops->release(be, v->iota);
    n->view = NULL;
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

/* What has no rows of a layout is the same memory at every step. */
static tn_tensor *slice_memory(tn_tensor *view, slot *s, int64_t row, int64_t rows, const tn_layout *l)
{
    return s->spec.layout == TN_FIXED ? &s->value : slice(view, &s->value, row, rows, l);
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
        n->at_saved[i] = slice_memory(&v->saved[i], &n->saved[i], row, m, n->saved[i].spec.layout == l->id ? s : o);
    for (int i = 0; i < n->count[G_WORK]; i++)
        n->at_work[i] = slice_memory(&v->work[i], &n->work[i], row, m, n->work[i].spec.layout == l->id ? s : o);
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
    for (int i = 0; i < n->count[G_IN]; i++) {
        n->at_in[i] = &n->in[i].value;
        n->at_d_in[i] = n->in[i].grad.data ? &n->in[i].grad : NULL;
    }
    for (int i = 0; i < n->count[G_OUT]; i++) {
        n->at_out[i] = &n->out[i].value;
        n->at_d_out[i] = n->out[i].grad.data ? &n->out[i].grad : NULL;
    }
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
    struct step_view *v = child_view(n);
    one_step(v, l->live[t], g->bound->ones, g->bound->iota, l->step, l->root + l->first[t]);
    v->step.step = l->step; /* rows of step 0 hold zeros, and step 0 has the most rows */
    slice_step(n, v, l, t);
    n->call.flags |= TN_C_STEP;
    return &n->call;
}

const tn_call *run_enter_on(const tn_call *c, int child, tn_tensor *in)
{
    node *boss = node_of(c), *n = boss->child[child];
    run_enter(c, child, -1);
    n->at_in[0] = in;
    n->in[0].grad.index = in->index;
    if (!boss->at_d_in[0]) n->at_d_in[0] = NULL;
    for (int k = 0; k < n->n_kept; k++)
        if (n->kept[k].input == 0) n->at_kept[k] = boss->at_kept[n->kept[k].of_boss];
    return &n->call;
}

int run_phase(const tn_call *c, uint32_t phase) { return node_run(node_of(c), phase); }

/* A buffer of `rows` rows for one slot of a free step; kept for the next one. */
static tn_tensor *free_slot(node *n, struct step_view *v, int group, int i, const slot *s, tn_tensor *t, int32_t rows,
                            const tn_layout *l)
{
    int64_t n_rows = s->spec.layout == TN_FIXED ? s->spec.rows : rows;
    if (slot_hold(n->owner, &v->free_buffer[group][i], &v->free_bytes[group][i], 4 * (size_t)(n_rows * s->spec.width))) return NULL;
    *t = (tn_tensor){ sizeof *t, s->spec.dtype, v->free_buffer[group][i], n_rows, s->spec.width, s->spec.width,
                      s->spec.layout == TN_FIXED ? NULL : l, NULL, NULL };
    return t;
}

const tn_call *run_enter_free(const tn_call *c, int child, int32_t rows)
{
    node *n = node_of(c)->child[child];
    struct step_view *v = child_view(n);
    size_t bytes = sizeof(int32_t) * (size_t)(rows + 1);
    if (slot_hold(n->owner, (void **)&v->ones, &v->ones_bytes, bytes)
        || slot_hold(n->owner, (void **)&v->iota, &v->iota_bytes, 2 * bytes))
        return NULL;
    int32_t *zeros = v->iota + rows + 1;
    for (int32_t i = 0; i < rows; i++) v->ones[i] = 1, v->iota[i] = i, zeros[i] = 0;
    one_step(v, rows, v->ones, v->iota, zeros, v->iota);
    for (int i = 0; i < n->count[G_IN]; i++) {
        n->at_in[i] = free_slot(n, v, G_IN, i, &n->in[i], &v->in[i], rows, &v->step);
        n->at_d_in[i] = NULL;
    }
    for (int i = 0; i < n->count[G_OUT]; i++) {
        n->at_out[i] = free_slot(n, v, G_OUT, i, &n->out[i], &v->out[i], rows, &v->step);
        n->at_d_out[i] = NULL;
    }
    for (int i = 0; i < n->count[G_SAVED]; i++)
        n->at_saved[i] = free_slot(n, v, G_SAVED, i, &n->saved[i], &v->saved[i], rows, &v->step);
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
