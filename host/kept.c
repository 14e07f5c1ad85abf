/* kept.c -- tables of rows by id that forward passes alone keep from batch to batch (tn_api.add_kept), as long as no parameter
 * changes; and which outputs are given by index, since that is how tables are filled: a part that reads one gets the rows of
 * those ids only that its tables lack.
 *
 * Rows come in the order in which ids are met, so that frequent ids lie close together and memory is touched as it is
 * filled. Which ids there are is a sparse set (Briggs and Torczon, 1993): an id is there where row[id] < n and
 * id[row[id]] == id. To forget them all is n = 0.                                                               */
#include <string.h>
#include "buffers.h"
#include "graph.h"

struct kept_ids {                          /* the ids in the tables of all readers of an output                   */
    int64_t ids;                           /* there can be: 0 .. ids - 1                                          */
    int32_t *row, *id, n;                  /* [ids], [ids]                                                        */
    int32_t *of; size_t room;              /* [rows of the batch] row of each in the tables; bytes                */
    tn_index index;                        /* what readers get                                                    */
};

/* The ids that output 0 of a node may be indexed by; NULL: none. */
static const slot *ids_of(const node *n)
{
    uint32_t input = n->out[0].spec.index_of & ~(uint32_t)TN_INDEX_ALONE;
    return input && !n->boss && (int)input <= n->count[G_IN] ? n->in_slot[input - 1] : NULL;
}

/* ---- which outputs, and how much memory --------------------------------------------------------------------- */
/* Whether a child of n is given its input 0 and keeps nothing of it. */
static int given_unkept(const node *n)
{
    for (int i = 0; i < n->n_children; i++) {
        const node *c = n->child[i];
        int kept = !(c->child_flags & TN_C_GIVEN);
        for (int k = 0; k < c->n_kept; k++) kept |= c->kept[k].input == 0;
        if (!kept) return 1;
    }
    return 0;
}

/* Floats of a row of all tables that n keeps of a slot; -1: it reads the slot without one. */
static int64_t width_of(const node *n, const slot *s)
{
    int64_t width = 0;
    for (int i = 0; i < n->count[G_IN]; i++) {
        int64_t before = width;
        if (n->in_slot[i] != s) continue;
        for (int k = 0; k < n->n_kept; k++)
            if (n->kept[k].input == (uint32_t)i) width += n->kept[k].width;
        if (width == before || (i == 0 && given_unkept(n))) return -1;
    }
    return width;
}

/* Bytes of an id in the tables of all readers of an output; 0: not all of them keep one. */
static double bytes_of_id(const graph *g, const slot *s)
{
    int64_t floats = 0;
    for (int i = 0; i < g->n_nodes; i++) {
        int64_t width = g->node[i]->unknown ? 0 : width_of(g->node[i], s);
        if (width < 0) return 0;
        floats += width;
    }
    return floats ? 4.0 * (double)floats + 2 * sizeof(int32_t) : 0;
}

void kept_trace(graph *g)
{
    g->kept_bytes = 0;
    for (int i = 0; i < g->n_nodes; i++) {
        node *n = g->node[i];
        const slot *ids = n->unknown ? NULL : ids_of(n);
        if (!ids || ids->spec.means != TN_IDS || ids->spec.classes <= 0 || n->out[0].read_plain) continue;
        double bytes = bytes_of_id(g, &n->out[0]) * (double)ids->spec.classes;
        if (bytes == 0) continue;
        n->out[0].known = arena_new(g->memory, sizeof *n->out[0].known);
        n->out[0].known->ids = ids->spec.classes;
        g->kept_bytes += bytes;
    }
}

double graph_kept_bytes(const graph *g) { return g->kept_bytes <= g->kept_limit ? g->kept_bytes : 0; }

/* ---- memory, taken at the first forward pass alone ------------------------------------------------------------- */
static int allocate(graph *g)
{
    tn_be *be = &g->be;
    for (int i = 0; i < g->n_nodes; i++) {
        node *n = g->node[i];
        for (int k = 0; k < n->n_kept; k++) {
            kept_table *t = &n->kept[k];
            const kept_ids *w = n->in_slot[t->input]->known;
            if (!w) continue;
            size_t bytes = sizeof(float) * (size_t)(w->ids * t->width);
            t->value = (tn_tensor){ sizeof t->value, TN_F32, NULL, 0, t->width, t->width, NULL, NULL, NULL };
            t->value.data = TN_HAS(be->ops, reserve) ? be->ops->reserve(be, bytes) : be->ops->alloc(be, bytes);
            if (!t->value.data) return TN_ENOMEM;
        }
        kept_ids *w = n->out[0].known;
        if (!w) continue;
        w->row = memory_new(sizeof *w->row * (size_t)w->ids), w->id = memory_new(sizeof *w->id * (size_t)w->ids);
        if (!w->row || !w->id) return TN_ENOMEM;
    }
    return 0;
}

void kept_free(graph *g)
{
    for (int i = 0; i < g->n_nodes; i++) {
        node *n = g->node[i];
        for (int k = 0; k < n->n_kept; k++) {
            if (n->kept[k].value.data) g->be.ops->release(&g->be, n->kept[k].value.data);
            n->kept[k].value.data = NULL;
        }
        kept_ids *w = n->out[0].known;
        if (!w) continue;
        memory_free(w->row), memory_free(w->id), memory_free(w->of);
        w->row = w->id = w->of = NULL, w->room = 0;
    }
    g->keeps = 0;
}

/* Whether there are tables. Where memory does not suffice everything is computed each time, as without them. */
static int keeps(graph *g)
{
    if (!g->keeps && g->kept_bytes > 0 && g->kept_bytes <= g->kept_limit) {
        g->keeps = 1;
        if (allocate(g)) kept_free(g), g->kept_limit = 0;
    }
    return g->keeps;
}

void kept_forget(graph *g)
{
    for (int i = 0; i < g->n_nodes; i++)
        if (g->node[i]->out[0].known) g->node[i]->out[0].known->n = 0;
}

/* ---- a forward pass ------------------------------------------------------------------------------------------ */
/* The index of the ids that the tables lack; they count as there from now on. */
static const tn_index *narrow(kept_ids *w, const slot *ids)
{
    const tn_index *all = ids->value.index;
    const int32_t *id = ids->value.data;
    size_t bytes = sizeof *w->of * (size_t)all->rows;
    if (bytes > w->room) {
        memory_free(w->of);
        w->of = memory_new(bytes), w->room = bytes;
    }
    int32_t *fresh = w->id + w->n, before = w->n;
    for (int32_t u = 0; u < all->distinct; u++) {
        int32_t key = all->key[u], at = w->row[key];
        if (at >= w->n || w->id[at] != key) w->id[w->n] = key, w->row[key] = w->n++;
    }
    for (int32_t r = 0; r < all->rows; r++) w->of[r] = w->row[id[r]];
    w->index = (tn_index){ sizeof w->index, w->n - before, all->rows, 0, fresh, w->of, NULL, NULL, &w->index };
    return &w->index;
}

/* An output may stand for its distinct rows where the layer offers it and every reader takes it. */
static void offer_index(node *n, int alone, int keep)
{
    slot *s = &n->out[0];
    const slot *ids = ids_of(n);
    s->value.index = s->grad.index = NULL;
    if (!ids || s->read_plain || !s->read || (s->spec.index_of & TN_INDEX_ALONE && !alone)) return;
    s->value.index = s->grad.index = ids->value.index;
    if (keep && s->known && ids->value.index) s->value.index = narrow(s->known, ids);
}

void kept_open(graph *g, int alone)
{
    int keep = alone && keeps(g);
    for (int i = 0; i < g->n_nodes; i++) {
        node *n = g->node[i];
        for (int k = 0; k < n->n_kept; k++) {
            const slot *s = n->in_slot[n->kept[k].input];
            n->at_kept[k] = keep && s->known && s->value.index ? &n->kept[k].value : NULL;
            if (n->at_kept[k]) n->kept[k].value.rows = s->known->n;
        }
        offer_index(n, alone, keep);
    }
}
