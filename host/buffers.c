/* buffers.c -- memory of a graph: flat buffers of parameters and gradients, packed weights, and the slots, which are
 * reserved once for the largest batch that an epoch holds.                                                    */
#include <string.h>
#include "graph.h"
#include "buffers.h"
#include "plan.h"

static size_t element_bytes(uint32_t dtype)
{
    return dtype == TN_F64 || dtype == TN_I64 ? 8 : dtype == TN_F16 || dtype == TN_BF16 ? 2 : dtype == TN_U8 ? 1 : 4;
}

/* A child that is stepped keeps states and scratch for every row of its boss's layout: step t is a slice. */
static int is_stepped(const node *n) { return n->boss && (n->child_flags & TN_C_STEP); }

int32_t slot_layout(const node *n, int group, const slot *s)
{
    if (s->spec.layout != TN_FIXED && is_stepped(n) && !s->spec.across
        && (group == G_SAVED || group == G_WORK || group == G_STATE || group == G_NEXT)) return n->in[0].spec.layout;
    return s->spec.layout;
}

int64_t slot_elements(const graph *g, const node *n, int group, const slot *s, const int64_t *rows, const int64_t *pairs)
{
    if (s->spec.across) {
        for (int i = 0; i < g->n_pairs; i++)
            if (g->pairs[i].a == s->spec.layout && g->pairs[i].b == s->spec.across) return pairs[i];
        return 0;
    }
    int32_t layout = slot_layout(n, group, s);
    return (layout == TN_FIXED ? s->spec.rows : rows[layout]) * s->spec.width;
}

int slot_hold(graph *g, void **buffer, size_t *have, size_t bytes)
{
    if (bytes <= *have && *buffer) return 0;
    if (*have) g->be.ops->release(&g->be, *buffer);
    *buffer = g->be.ops->alloc(&g->be, bytes ? bytes : 64);
    *have = *buffer ? (bytes ? bytes : 64) : 0;
    return *buffer ? 0 : host_fail(g->context->host, TN_ENOMEM, "no memory for %zu bytes", bytes);
}

/* A state goes on to the next batch when the data set has lanes, it has one row a lane and the layer did not forbid it. */
int state_carries(const node *n, int k)
{
    return n->owner->carries && !n->boss && !(n->state[k].flags & TN_S_NO_CARRY) && !n->state_slot[k]
        && slot_layout(n, G_STATE, &n->state[k]) == TN_ROOT;
}

/* Which buffers a slot needs of its own. */
int slot_needs(const node *n, int group, int k, int *gradient)
{
    const slot *s = group == G_OUT ? &n->out[k] : group == G_STATE ? &n->state[k] : group == G_NEXT ? &n->next[k] : NULL;
    int learns = n->owner->learns;
    *gradient = 0;
    switch (group) {
    case G_OUT: *gradient = learns && (n->boss || (s->wants_gradient && s->gradient_comes)); return 1;
    case G_IN: *gradient = learns && n->boss != NULL; return n->boss != NULL && !(k == 0 && n->child_flags & TN_C_GIVEN);
    case G_STATE: *gradient = learns && n->boss != NULL; return n->boss != NULL || state_carries(n, k);
    case G_NEXT:
        *gradient = learns && (n->boss || (s->wants_gradient && s->gradient_comes));
        return n->boss != NULL || s->read || state_carries(n, k);
    default: return 1;
    }
}

slot *parameter_slot(const node *n, int i)
{
    const parameter *w = n->parameter[i];
    return &w->owner->param[w->slot];
}

slot *node_slots(node *n, int group)
{
    slot *const all[] = { n->in, n->out, n->param, n->saved, n->work, n->state, n->next };
    return all[group];
}

/* Of the bytes of all columns, those that the gradient has at a time. */
static size_t gradient_share(const slot *s, size_t bytes)
{
    return s->piece ? bytes / (size_t)s->spec.width * (size_t)s->piece : bytes;
}

static int reserve_node(graph *g, node *n)
{
    for (int group = 0; group < G_COUNT; group++) {
        if (group == G_PARAM) continue;
        slot *s = node_slots(n, group);
        for (int k = 0; k < n->count[group]; k++) {
            int gradient, value = slot_needs(n, group, k, &gradient);
            size_t bytes = element_bytes(s[k].spec.dtype)
                         * (size_t)slot_elements(g, n, group, &s[k], g->reserved_rows, g->reserved_pairs);
            if (value && slot_hold(g, &s[k].value.data, &s[k].value_bytes, bytes)) return TN_ENOMEM;
            if (gradient && slot_hold(g, &s[k].grad.data, &s[k].grad_bytes, gradient_share(&s[k], bytes))) return TN_ENOMEM;
        }
    }
    if (n->reads_decoded && n->decoded.spec.layout > 0)
        if (slot_hold(g, &n->decoded.value.data, &n->decoded.value_bytes, 4 * (size_t)g->reserved_rows[n->decoded.spec.layout]))
            return TN_ENOMEM;
    for (int k = 0; k < n->n_children; k++)
        if (reserve_node(g, n->child[k])) return TN_ENOMEM;
    return 0;
}

void graph_measure(graph *g, const batch *b)
{
    for (int id = 1; id < g->n_layouts; id++)
        if (b->layout[id].rows > g->reserved_rows[id]) g->reserved_rows[id] = b->layout[id].rows;
    for (int i = 0; i < g->n_pairs; i++)
        if (b->pairs[i].p.total > g->reserved_pairs[i]) g->reserved_pairs[i] = b->pairs[i].p.total;
}

int graph_reserve(graph *g)
{
    for (int i = 0; i < g->n_nodes; i++)
        if (reserve_node(g, g->node[i])) return TN_ENOMEM;
    return slot_hold(g, &g->count, &g->count_bytes, sizeof(double) * (size_t)g->reserved_rows[TN_ROOT]) ? TN_ENOMEM : 0;
}

/* ---- parameters --------------------------------------------------------------------------------------- */
static void bind_parameters(graph *g)
{
    for (int i = 0; i < g->n_parameters; i++) {
        parameter *w = g->parameter[i];
        slot *s = &w->owner->param[w->slot];
        s->value = (tn_tensor){ sizeof(tn_tensor), TN_F32, g->value + w->offset, w->rows, w->width, w->width, NULL, NULL, NULL };
        s->grad = s->value;
        s->grad.data = g->gradient && !w->frozen ? g->gradient + w->offset : NULL;
    }
}

static int allocate_packed(graph *g, node *n)
{
    for (int k = 0; k < n->n_packed; k++) {
        packing *p = &n->packed[k];
        int64_t bytes = g->be.ops->pack_size(&g->be, p->k, p->units, p->groups);
        p->data = g->be.ops->alloc(&g->be, (size_t)bytes);
        if (!p->data) return host_fail(g->context->host, TN_ENOMEM, "no memory for packed weights");
        n->at_packed[k] = p->data;
    }
    for (int k = 0; k < n->n_children; k++)
        if (allocate_packed(g, n->child[k])) return TN_ENOMEM;
    return 0;
}

int graph_allocate(graph *g, tn_be be)
{
    g->be = be;
    g->value = be.ops->alloc(&g->be, sizeof(float) * (size_t)(g->floats + 16));
    g->gradient = g->learns ? be.ops->alloc(&g->be, sizeof(float) * (size_t)(g->floats + 16)) : NULL;
    if (!g->value || (g->learns && !g->gradient))
        return host_fail(g->context->host, TN_ENOMEM, "no memory for %lld parameters", (long long)g->floats);
    bind_parameters(g);
    for (int i = 0; i < g->n_nodes; i++)
        if (allocate_packed(g, g->node[i])) return TN_ENOMEM;
    for (int i = 0; i < g->data->n_fields; i++)
        if (g->data->field[i]->spec.classes > g->slot_of_n) g->slot_of_n = g->data->field[i]->spec.classes;
    g->slot_of = slots_new(g);
    return 0;
}

static int pack_node(graph *g, node *n)
{
    for (int k = 0; k < n->n_packed; k++) {
        packing *p = &n->packed[k];
        const slot *s = parameter_slot(n, p->param);
        int rc = g->be.ops->pack(&g->be, p->transposed, p->k, p->units, p->groups, s->value.data, s->value.width, p->data);
        if (rc) return host_fail(g->context->host, rc, "packing the weights of '%s' failed", n->name);
    }
    for (int k = 0; k < n->n_children; k++)
        if (pack_node(g, n->child[k])) return TN_EINVAL;
    return 0;
}

int graph_pack(graph *g)
{
    kept_forget(g);
    for (int i = 0; i < g->n_nodes; i++)
        if (pack_node(g, g->node[i])) return TN_EINVAL;
    return 0;
}

/* ---- sizes and the end -------------------------------------------------------------------------------- */
static double node_bytes(const graph *g, node *n)
{
    double sum = 0;
    for (int group = 0; group < G_COUNT; group++)
        for (int k = 0; group != G_PARAM && k < n->count[group]; k++) {
            slot *s = &node_slots(n, group)[k];
            int gradient, value = slot_needs(n, group, k, &gradient);
            size_t bytes = element_bytes(s->spec.dtype) * (size_t)slot_elements(g, n, group, s, g->reserved_rows, g->reserved_pairs);
            sum += (value ? (double)bytes : 0) + (gradient ? (double)gradient_share(s, bytes) : 0);
        }
    for (int k = 0; k < n->n_children; k++) sum += node_bytes(g, n->child[k]);
    return sum;
}

static double packed_bytes(const graph *g, const node *n)
{
    double sum = 0;
    for (int k = 0; k < n->n_packed; k++)
        sum += (double)g->be.ops->pack_size((tn_be *)&g->be, n->packed[k].k, n->packed[k].units, n->packed[k].groups);
    for (int k = 0; k < n->n_children; k++) sum += packed_bytes(g, n->child[k]);
    return sum;
}

double graph_bytes(const graph *g, double *slots)
{
    double packed = *slots = 0;
    for (int i = 0; i < g->n_nodes; i++) {
        if (g->node[i]->unknown) continue;
        *slots += node_bytes(g, g->node[i]);
        packed += packed_bytes(g, g->node[i]);
    }
    return (double)g->floats * 4 * (g->learns ? 2 : 1) + packed;
}

static void free_node(graph *g, node *n)
{
    for (int group = 0; group < G_COUNT; group++)
        for (int k = 0; group != G_PARAM && k < n->count[group]; k++) {
            slot *s = &node_slots(n, group)[k];
            if (s->value_bytes) g->be.ops->release(&g->be, s->value.data);
            if (s->grad_bytes) g->be.ops->release(&g->be, s->grad.data);
        }
    if (n->decoded.value_bytes) g->be.ops->release(&g->be, n->decoded.value.data);
    for (int k = 0; k < n->n_packed; k++)
        if (n->packed[k].data) g->be.ops->release(&g->be, n->packed[k].data);
    child_free(n);
    for (int k = 0; k < n->n_children; k++) free_node(g, n->child[k]);
    if (n->part) part_close(n->part);
}

void graph_free(graph *g)
{
    if (!g) return;
    kept_free(g);
    for (int i = 0; i < g->n_nodes; i++) free_node(g, g->node[i]);
    if (g->value) g->be.ops->release(&g->be, g->value);
    if (g->gradient) g->be.ops->release(&g->be, g->gradient);
    if (g->count_bytes) g->be.ops->release(&g->be, g->count);
    memory_free(g->slot_of);
    g->value = g->gradient = NULL, g->slot_of = NULL, g->count = NULL, g->count_bytes = 0;
}
