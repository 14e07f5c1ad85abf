/* batch.c -- from examples to packed rows: builds the layouts of a batch, lays out the rows of every field, and binds
 * the slots of a graph to them.                                                                               */
#include <string.h>
#include "../include/tenon/random.h"
#include "buffers.h"
#include "graph.h"

/* What batch_build reads: the fields' stores, by field, and which example of them each root row is. */
typedef struct source { const store *const *of; const int64_t *example; } source;

/* ---- layouts ------------------------------------------------------------------------------------------ */
/* Steps that row r of the parent layout has in a field: of an example, or, nested, of one step of it. */
static int32_t field_length(const tn_layout *parent, int32_t r, const source *from, int index)
{
    const store *s = from->of[index];
    int64_t e = from->example[parent->root[r]];
    if (parent->id == TN_ROOT) return (int32_t)(s->begin[e + 1] - s->begin[e]);
    int64_t outer = s->begin[e] + parent->step[r];
    return (int32_t)(s->inner[outer + 1] - s->inner[outer]);
}

static int field_number(const data *d, const field *f)
{
    for (int i = 0; i < d->n_fields; i++)
        if (d->field[i] == f) return i;
    return -1;
}

static tn_host *host_of(const graph *g, const batch *b) { return b->host ? b->host : g->context->host; }

static void build_field_layout(graph *g, batch *b, int id, const source *from)
{
    const field *f = g->data->layout_of[id];
    int index = field_number(g->data, f);
    const tn_layout *parent = &b->layout[g->layout_parent[id]];
    int32_t *length = scratch_new(&b->memory, sizeof *length * (size_t)(parent->rows + 1));
    int32_t otherwise = parent->id == TN_ROOT ? (int32_t)f->assumed_steps : 0;
    for (int32_t r = 0; r < parent->rows; r++)
        length[r] = from->of[index] ? field_length(parent, r, from, index) : otherwise;
    layout_build(&b->layout[id], id, parent, length, NULL, &b->memory);
}

static int build_grown_layout(graph *g, batch *b, int id)
{
    node *maker = g->layout_maker[id];
    const tn_grow *w = &maker->grow[g->layout_grow[id]].grow;
    const tn_layout *parent = &b->layout[w->parent];
    int32_t *length = scratch_new(&b->memory, sizeof *length * (size_t)(parent->rows + 1)), of[8];
    for (int32_t r = 0; r < parent->rows; r++) {
        for (uint32_t i = 0; i < w->n_from; i++) {
            const tn_layout *x = &b->layout[w->from[i]];
            of[i] = x->length[x->place[r]];
        }
        length[r] = w->length(maker->part->self, of);
        if (length[r] < 0)
            return host_fail(host_of(g, b), TN_EINVAL, "'%s' gave the length %d for its layout '%s'",
                             maker->name, length[r], w->name);
    }
    layout_build(&b->layout[id], id, parent, length, w->like ? &b->layout[w->like] : NULL, &b->memory);
    return 0;
}

/* ---- rows --------------------------------------------------------------------------------------------- */
/* Leaf of field f at row r of its layout. */
static int64_t leaf_of(const field *f, const store *s, const tn_layout *l, int32_t r, const int64_t *example)
{
    int64_t e = example[l->root[r]];
    if (f->depth == 0) return e;
    if (f->depth == 1) return s->begin[e] + l->step[r];
    return s->inner[s->begin[e] + l->over->step[l->up[r]]] + l->step[r];
}

static int wrong_id(tn_host *h, const field *f, int32_t id)
{
    if (id >= 0 && id < f->spec.classes) return 0;
    return host_fail(h, TN_EINVAL, "field '%s' has the id %d, outside [0, %lld)", f->name, id, (long long)f->spec.classes);
}

static int lay_out_ids(graph *g, batch *b, int i, const source *from)
{
    const field *f = g->data->field[i];
    const store *s = from->of[i];
    const tn_layout *l = &b->layout[f->layout];
    int32_t *id = scratch_new(&b->memory, sizeof *id * (size_t)(l->rows + 1));
    const char *once = b->replaces ? f->singleton : NULL;
    double any = b->replaces && f->words && f->words->unknown >= 0 ? f->word_dropout : 0;
    tn_rng rng = once || any > 0 ? tn_random_fork(b->rng, text_hash(f->name)) : b->rng;
    for (int32_t r = 0; r < l->rows; r++) {
        int64_t leaf = leaf_of(f, s, l, r, from->example);
        id[r] = s->id[leaf];
        if (wrong_id(host_of(g, b), f, id[r])) return TN_EINVAL;
        double rate = once && once[id[r]] && f->replace_rate > any ? f->replace_rate : any;
        if (rate > 0 && tn_random_uniform(rng, (uint64_t)leaf) < (float)rate) id[r] = (int32_t)f->words->unknown;
    }
    index_build(&b->field_index[i], id, l->rows, b->slot_of ? b->slot_of : g->slot_of, &b->memory);
    b->field_data[i] = id;
    return 0;
}

static int lay_out_field(graph *g, batch *b, int i, const source *from)
{
    const field *f = g->data->field[i];
    const store *s = from->of[i];
    const tn_layout *l = &b->layout[f->layout];
    if (!s) {
        b->field_data[i] = NULL;
        return 0;
    }
    if (s->id) return lay_out_ids(g, b, i, from);
    float *x = scratch_new(&b->memory, sizeof *x * ((size_t)l->rows * f->width + 1));
    for (int32_t r = 0; r < l->rows; r++)
        memcpy(x + (int64_t)r * f->width, s->real + leaf_of(f, s, l, r, from->example) * f->width, sizeof *x * f->width);
    b->field_data[i] = x;
    return 0;
}

static int has_children(const graph *g)
{
    for (int i = 0; i < g->n_nodes; i++)
        if (g->node[i]->n_children) return 1;
    return 0;
}

static int build_layouts(graph *g, batch *b, const source *from, int32_t n)
{
    layout_root(&b->layout[TN_ROOT], n, &b->memory);
    for (int id = 2; id <= g->data->n_layouts; id++) build_field_layout(g, b, id, from);
    for (int id = g->data->n_layouts + 1; id < g->n_layouts; id++) {
        int rc = build_grown_layout(g, b, id);
        if (rc) return rc;
    }
    for (int id = 1; id < g->n_layouts; id++) b->layout_at[id] = &b->layout[id];
    b->n_pairs = g->n_pairs;
    for (int i = 0; i < g->n_pairs; i++)
        pairs_build(&b->pairs[i].p, &b->layout[g->pairs[i].a], &b->layout[g->pairs[i].b], &b->memory);
    return 0;
}

static void make_room(graph *g, batch *b)
{
    int32_t most = 1;
    for (int id = 1; id < g->n_layouts; id++)
        if (b->layout[id].rows > most) most = b->layout[id].rows;
    size_t fields = (size_t)g->data->n_fields;
    b->field_data = scratch_new(&b->memory, sizeof *b->field_data * (fields + 1));
    b->field_index = scratch_new(&b->memory, sizeof *b->field_index * (fields + 1));
    b->ones = b->iota = NULL;
    if (!has_children(g)) return;
    b->ones = scratch_new(&b->memory, sizeof(int32_t) * (size_t)most);
    b->iota = scratch_new(&b->memory, sizeof(int32_t) * (size_t)most);
    for (int32_t i = 0; i < most; i++) b->ones[i] = 1, b->iota[i] = i;
}

static int build(graph *g, batch *b, const source *from, int32_t n)
{
    int rc = build_layouts(g, b, from, n);
    if (rc) return rc;
    make_room(g, b);
    for (int i = 0; i < g->data->n_fields; i++) {
        b->field_data[i] = NULL;
        if (g->field_node[i]->out[0].read && (rc = lay_out_field(g, b, i, from))) return rc;
    }
    return 0;
}

/* The stores of a split, and a copy of the examples. */
static source source_of(graph *g, batch *b, int split, const int64_t *example, int32_t n)
{
    scratch_reset(&b->memory);
    int fields = g->data->n_fields;
    int64_t *own = scratch_new(&b->memory, sizeof *own * (size_t)(n + 1));
    memcpy(own, example, sizeof *own * (size_t)n);
    const store **of = scratch_new(&b->memory, sizeof *of * (size_t)(fields + 1));
    for (int i = 0; i < fields; i++) of[i] = &g->data->field[i]->split[split];
    b->n = n, b->split = split, b->example = own;
    return (source){ of, own };
}

int batch_build(graph *g, batch *b, int split, const int64_t *example, int32_t n)
{
    source from = source_of(g, b, split, example, n);
    return build(g, b, &from, n);
}

int batch_measure(graph *g, batch *b, int split, const int64_t *example, int32_t n)
{
    source from = source_of(g, b, split, example, n);
    int rc = build_layouts(g, b, &from, n);
    if (rc) return rc;
    make_room(g, b);
    for (int i = 0; i < g->data->n_fields; i++) {
        const field *f = g->data->field[i];
        size_t rows = (size_t)b->layout[f->layout].rows;
        if (!g->field_node[i]->out[0].read) continue;
        if (from.of[i]->real) scratch_new(&b->memory, sizeof(float) * (rows * f->width + 1));
        for (int k = 0; from.of[i]->id && k < 7; k++) /* the ids, and six arrays of their index, if none comes twice */
            scratch_new(&b->memory, sizeof(int32_t) * (rows + 1));
    }
    graph_measure(g, b);
    return 0;
}

int batch_check_ids(graph *g, int split)
{
    for (int i = 0; i < g->data->n_fields; i++) {
        const field *f = g->data->field[i];
        const store *s = &f->split[split];
        for (int64_t k = 0; s->id && g->field_node[i]->out[0].read && k < s->leaves; k++)
            if (wrong_id(g->context->host, f, s->id[k])) return TN_EINVAL;
    }
    return 0;
}

int32_t *slots_new(const graph *g)
{
    int32_t *slot_of = memory_new(sizeof *slot_of * (size_t)(g->slot_of_n + 1));
    for (int64_t i = 0; i <= g->slot_of_n; i++) slot_of[i] = -1;
    return slot_of;
}

int batch_build_stores(graph *g, batch *b, const store *of_field)
{
    scratch_reset(&b->memory);
    int fields = g->data->n_fields;
    int64_t *zero = scratch_new(&b->memory, sizeof *zero);
    const store **of = scratch_new(&b->memory, sizeof *of * (size_t)(fields + 1));
    for (int i = 0; i < fields; i++) of[i] = of_field[i].examples ? &of_field[i] : NULL;
    zero[0] = 0;
    b->n = 1, b->split = -1, b->example = zero;
    source from = { of, zero };
    return build(g, b, &from, 1);
}

/* ---- binding ------------------------------------------------------------------------------------------ */
static void bind_tensor(graph *g, tn_tensor *t, const node *n, int group, const slot *s)
{
    const batch *b = g->bound;
    int32_t layout = slot_layout(n, group, s);
    void *keep = t->data;
    *t = (tn_tensor){ sizeof *t, s->spec.dtype, keep, layout ? b->layout[layout].rows : s->spec.rows,
                      s->spec.width, s->spec.width, layout ? &b->layout[layout] : NULL, NULL, NULL };
    if (s->spec.across)
        for (int i = 0; i < g->n_pairs; i++)
            if (g->pairs[i].a == s->spec.layout && g->pairs[i].b == s->spec.across) t->pairs = &b->pairs[i].p;
}

static void bind_own_slots(graph *g, node *n)
{
    for (int group = 0; group < G_COUNT; group++) {
        if (group == G_PARAM || (group == G_IN && !n->boss)) continue;
        slot *s = node_slots(n, group);
        for (int k = 0; k < n->count[group]; k++) {
            bind_tensor(g, &s[k].value, n, group, &s[k]);
            bind_tensor(g, &s[k].grad, n, group, &s[k]);
            if (s[k].piece) s[k].grad.width = s[k].grad.ld = s[k].piece;
        }
    }
    if (n->decoded.value.data) bind_tensor(g, &n->decoded.value, n, G_OUT, &n->decoded);
}

#define HAVE(tensor) ((tensor).data ? &(tensor) : NULL)
static void point(graph *g, node *n)
{
    for (int i = 0; i < n->count[G_IN]; i++) {
        slot *s = n->boss ? &n->in[i] : n->in_slot[i];
        n->at_in[i] = &s->value;
        n->at_d_in[i] = n->boss || s->wants_gradient ? HAVE(s->grad) : NULL;
    }
    for (int i = 0; i < n->count[G_OUT]; i++) n->at_out[i] = &n->out[i].value, n->at_d_out[i] = HAVE(n->out[i].grad);
    for (int i = 0; i < n->count[G_PARAM]; i++) {
        slot *s = parameter_slot(n, i);
        n->at_param[i] = &s->value, n->at_d_param[i] = HAVE(s->grad);
    }
    for (int i = 0; i < n->count[G_SAVED]; i++) n->at_saved[i] = &n->saved[i].value;
    for (int i = 0; i < n->count[G_WORK]; i++) n->at_work[i] = &n->work[i].value;
    for (int i = 0; i < n->count[G_STATE]; i++) {
        slot *s = n->state_slot[i] ? n->state_slot[i] : &n->state[i];
        n->at_state[i] = HAVE(s->value);
        n->at_d_state[i] = n->state_slot[i] && !s->wants_gradient ? NULL : HAVE(s->grad);
        n->at_next[i] = HAVE(n->next[i].value);
        n->at_d_next[i] = HAVE(n->next[i].grad);
    }
    n->call = (tn_call){ sizeof(tn_call), 0, g->step, g->context->api, g->context->host, &g->be, { 0, 0 }, g->bound->layout_at,
                         n->at_in, n->at_out, n->at_param, n->at_saved, n->at_work, n->at_packed, n->at_state, n->at_next,
                         n->at_d_in, n->at_d_out, n->at_d_param, n->at_d_state, n->at_d_next, n->at_kept, &g->search };
}

static void bind_node(graph *g, node *n)
{
    bind_own_slots(g, n);
    point(g, n);
    for (int k = 0; k < n->n_children; k++) bind_node(g, n->child[k]);
}

/* Rows in use of the parameters that ids point into. */
static void bind_touched(graph *g)
{
    for (int i = 0; i < g->n_parameters; i++) {
        parameter *w = g->parameter[i];
        w->touched_more = 0, w->row = NULL, w->n_rows = 0;
        if (!w->sparse) continue;
        node *n = w->owner;
        slot *s = n->boss ? &n->in[w->p.touched_by - 1] : n->in_slot[w->p.touched_by - 1];
        const tn_index *x = s->value.index;
        if (x) w->row = x->key, w->n_rows = x->distinct;
        else w->touched_more = 1;
    }
}

int graph_bind(graph *g, const batch *b)
{
    g->bound = b;
    int larger = 0;
    for (int id = 1; id < g->n_layouts; id++) larger |= b->layout[id].rows > g->reserved_rows[id];
    for (int i = 0; i < g->n_pairs; i++) larger |= b->pairs[i].p.total > g->reserved_pairs[i];
    if (larger || !g->reserved_rows[TN_ROOT]) {
        graph_measure(g, b);
        int rc = graph_reserve(g);
        if (rc) return rc;
    }
    for (int i = 0; i < g->data->n_fields; i++) {
        slot *s = &g->field_node[i]->out[0];
        s->value.data = b->field_data[i];
        bind_tensor(g, &s->value, g->field_node[i], G_OUT, s);
        s->value.index = s->spec.dtype == TN_I32 && b->field_data[i] ? &b->field_index[i] : NULL;
    }
    for (int i = 0; i < g->n_nodes; i++) bind_node(g, g->node[i]);
    bind_touched(g);
    return 0;
}
