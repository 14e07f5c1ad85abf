/* probe.c -- builds the graph around a part, binds batches to it, runs its phases. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "probe.h"
#include "../../host/buffers.h"

/* Lengths of the examples: ties, zeros, an order that is not its own inverse once sorted. */
static const int text_steps[EXAMPLES] = { 3, 0, 5, 3, 1, 0, 2, 5 }, target_steps[EXAMPLES] = { 2, 4, 0, 2, 3, 1, 4, 0 };

uint64_t mixed(uint64_t a, uint64_t b)
{
    a ^= b + 0x9e3779b97f4a7c15u + (a << 6) + (a >> 2);
    a = (a ^ (a >> 30)) * 0xbf58476d1ce4e5b9u;
    a = (a ^ (a >> 27)) * 0x94d049bb133111ebu;
    return a ^ (a >> 31);
}
float made_up(uint64_t key, uint64_t element) { return (float)((double)(mixed(key, element + 77) >> 40) / 8388608.0 - 1.0); }

uint64_t row_key(const probe *p, const tn_layout *l, int32_t r)
{
    if (l->id == TN_ROOT) return mixed(11, (uint64_t)p->batch.example[r]);
    return mixed(row_key(p, l->over, l->up[r]), (uint64_t)l->step[r] + 1);
}

int64_t tensor_elements(const tn_tensor *t)
{
    return t->pairs ? t->pairs->total : (t->index ? t->index->distinct : t->rows) * t->width;
}

/* ---- made-up data ------------------------------------------------------------------------------------------------------- */
static int chars_of(int e, int t) { return (e * 3 + t * 5) % 4; } /* 0 to 3 */

/* Probabilities stay away from 0 by more than finite differences reach; what losses and metrics compare with lies between 0
 * and 1, beyond which some take nothing. */
static void make_row(float *x, const offer *o, int target, uint64_t salt, int64_t row)
{
    float sum = 0, scale = o->means == TN_LOGITS ? 2.0f : 1.0f;
    for (int64_t j = 0; j < o->width; j++) x[j] = scale * made_up(salt, (uint64_t)(row * o->width + j)), sum += x[j] + 1.6f;
    for (int64_t j = 0; target && o->means == TN_VALUES && j < o->width; j++) x[j] = 0.5f + 0.4f * x[j];
    if (o->means != TN_PROBABILITIES && o->means != TN_LOG_PROBABILITIES) return;
    for (int64_t j = 0; j < o->width; j++) {
        x[j] = o->width == 1 ? 0.5f + 0.4f * x[j] : (x[j] + 1.6f) / sum;
        if (o->means == TN_LOG_PROBABILITIES) x[j] = logf(x[j]);
    }
}

static void make_store(probe *p, field *f, const offer *o, int target)
{
    store *s = &f->split[0];
    arena *a = &p->memory;
    s->examples = EXAMPLES;
    s->begin = arena_new(a, sizeof *s->begin * (EXAMPLES + 1));
    s->inner = arena_new(a, sizeof *s->inner * 64);
    int64_t steps = 0, leaves = 0;
    for (int e = 0; e < EXAMPLES; e++) {
        int n = o->layout == L_ROOT ? 1 : o->layout == L_TARGET ? target_steps[e] : text_steps[e];
        s->begin[e] = steps;
        for (int t = 0; t < n; t++) s->inner[steps + t] = leaves, leaves += o->layout == L_CHARS ? chars_of(e, t) : 1;
        steps += n;
    }
    s->begin[EXAMPLES] = steps, s->inner[steps] = leaves, s->leaves = leaves;
    if (o->layout != L_CHARS) s->inner = NULL;
    uint64_t salt = text_hash(f->name);
    if (o->classes) {
        s->id = arena_new(a, sizeof *s->id * (size_t)(leaves + 1));
        for (int64_t i = 0; i < leaves; i++) s->id[i] = (int32_t)(mixed(salt, (uint64_t)i) % (uint64_t)o->classes);
    } else {
        s->real = arena_new(a, sizeof *s->real * (size_t)(leaves * o->width + 1));
        for (int64_t i = 0; i < leaves; i++) make_row(s->real + i * o->width, o, target, salt, i);
    }
}

static field *add_field(probe *p, const char *name, const offer *o, int target)
{
    data *d = &p->data;
    field *f = d->field[d->n_fields++] = arena_new(&p->memory, sizeof *f);
    f->name = name, f->kind = o->classes ? FIELD_TEXT : FIELD_NUMBERS, f->layout = o->layout;
    f->depth = o->layout == L_ROOT ? 0 : o->layout == L_CHARS ? 2 : 1, f->width = (uint32_t)(o->classes ? 1 : o->width);
    f->spec = (tn_spec){ .dtype = o->classes ? TN_I32 : TN_F32, .means = o->means, .layout = o->layout,
                         .width = o->classes ? 1 : o->width,
                         .classes = o->classes ? o->classes : o->means == TN_VALUES ? 0 : o->width == 1 ? 2 : o->width };
    make_store(p, f, o, target);
    return f;
}

static void make_data(probe *p)
{
    static const offer shape[] = { IDS(L_TEXT, 2), IDS(L_CHARS, 2), IDS(L_TARGET, 2) };
    data *d = &p->data;
    d->context = &p->context, d->n_layouts = 4, d->seed = 1;
    d->field = arena_new(&p->memory, sizeof *d->field * 64);
    d->dataset = arena_new(&p->memory, sizeof *d->dataset);
    d->layout_parent[L_TEXT] = d->layout_parent[L_TARGET] = L_ROOT, d->layout_parent[L_CHARS] = L_TEXT;
    d->count[0] = EXAMPLES;
    for (int i = 0; i < 3; i++)
        d->layout_of[shape[i].layout] = add_field(p, i == 0 ? "text" : i == 1 ? "chars" : "target", &shape[i], 0);
}

static node *field_node(probe *p, field *f, int wants)
{
    graph *g = p->graph;
    node *n = node_new(g, NULL, f->name);
    n->source = f, n->count[G_OUT] = 1, n->out[0].spec = f->spec, n->out[0].name = f->name;
    n->out[0].read = n->out[0].read_plain = 1;
    n->out[0].wants_gradient = n->out[0].gradient_comes = wants && f->spec.dtype == TN_F32;
    return n;
}

/* ---- the part in its graph ---------------------------------------------------------------------------------------------- */
static void make_inputs(probe *p, const offer *o, int n, const tn_spec **in)
{
    graph *g = p->graph = arena_new(&p->memory, sizeof *g);
    g->context = &p->context, g->data = &p->data, g->memory = &p->memory, g->seed = 1, g->learns = 1, g->n_layouts = 5;
    memcpy(g->layout_parent, p->data.layout_parent, sizeof *g->layout_parent * 5);
    g->node = arena_new(&p->memory, sizeof *g->node);
    node *k = p->node = node_new(g, p->part, "part");
    k->count[G_IN] = n;
    for (int i = 0; i < n; i++) {
        field *f = add_field(p, arena_print(&p->memory, "in%d", i), &o[i], (p->kind == TN_LOSS || p->kind == TN_METRIC) && i == 1);
        k->in_node[i] = field_node(p, f, p->kind != TN_LOSS || i == 0), k->in_slot[i] = &k->in_node[i]->out[0];
        in[i] = &k->in_slot[i]->spec;
    }
}

/* The nodes of all fields: those that the part reads, and others that no one does. */
static void list_fields(probe *p)
{
    graph *g = p->graph;
    node *k = p->node;
    g->field_node = arena_new(&p->memory, sizeof *g->field_node * (size_t)(p->data.n_fields + 1));
    for (int i = 0; i < p->data.n_fields; i++) {
        g->field_node[i] = field_node(p, p->data.field[i], 0);
        g->field_node[i]->out[0].read = 0;
    }
    for (int i = 0; i < p->data.n_fields; i++) {
        for (int j = 0; j < k->count[G_IN]; j++) if (k->in_node[j]->source == p->data.field[i]) g->field_node[i] = k->in_node[j];
        for (int j = 0; j < k->count[G_STATE]; j++)
            if (k->state_node[j] && k->state_node[j]->source == p->data.field[i]) g->field_node[i] = k->state_node[j];
    }
}

static int make_graph(probe *p, const offer *o, int n)
{
    const tn_spec *in[MOST_INPUTS];
    make_inputs(p, o, n, in);
    node *k = p->graph->node[0] = p->node;
    p->graph->n_nodes = 1;
    int rc = node_plan(k, (uint32_t)n, in);
    if (rc) return rc;
    for (int i = 0; i < k->count[G_STATE]; i++) { /* every initial state comes from somewhere */
        offer s = REALS(k->state[i].spec.layout, k->state[i].spec.width);
        if (s.layout < L_ROOT || s.layout > L_TARGET) continue;
        k->state_node[i] = field_node(p, add_field(p, arena_print(&p->memory, "state%d", i), &s, 0), 1);
        k->state_slot[i] = &k->state_node[i]->out[0];
    }
    for (int i = 0; i < k->count[G_OUT]; i++) {
        slot *s = &k->out[i];
        s->read = s->read_plain = s->wants_gradient = s->gradient_comes = s->spec.dtype == TN_F32;
    }
    for (int i = 0; i < k->count[G_NEXT]; i++) k->next[i].read = k->next[i].wants_gradient = k->next[i].gradient_comes = 1;
    list_fields(p);
    return 0;
}

static int start_backend(probe *p)
{
    char error[900];
    const plugin_file *f = registry_find(p->plugins, TN_BACKEND, "cpu", error, sizeof error);
    if (!f) return host_fail(&p->host, TN_EINVAL, "%s", error);
    p->backend = f->desc->table;
    p->backend_self = memory_new(f->desc->self_size);
    int rc = p->backend->start(p->backend_self, 1, &p->be);
    if (rc) return rc;
    tn_ops *ops = arena_new(&p->memory, sizeof *ops);
    *ops = *p->be.ops;
    ops->alloc = ops->reserve = guard_alloc, ops->release = guard_release;
    p->be.ops = ops;
    return 0;
}

/* Each parameter leaves the flat buffer for one of its own: there, its neighbours would hide what lies outside it. */
static void place_parameters(probe *p)
{
    for (int i = 0; i < p->graph->n_parameters; i++) {
        parameter *w = p->graph->parameter[i];
        slot *s = &w->owner->param[w->slot];
        size_t bytes = sizeof(float) * (size_t)(w->rows * w->width);
        s->value.data = guard_alloc(&p->be, bytes);
        if (s->grad.data) s->grad.data = guard_alloc(&p->be, bytes), memset(s->grad.data, 0, bytes);
        for (int64_t k = 0; k < w->rows * w->width; k++)
            ((float *)s->value.data)[k] = 0.6f * made_up(text_hash(w->name), (uint64_t)k);
    }
}

/* A part of a file, which an experiment could only name by its folder. NULL where its options are refused. */
static tn_part *part_of_file(probe *p, const char *path, uint32_t kind, const char *name, const char *options)
{
    char error[900];
    where at = { "options", 1, 1 };
    const plugin_file *f = registry_find(p->plugins, kind, arena_print(&p->memory, "%s:%s", path, name), error, sizeof error);
    config_value *v = config_parse_value(&p->memory, arena_print(&p->memory, "{ %s }", options), at, p->messages);
    if (!f) return host_fail(&p->host, TN_EINVAL, "%s", error), NULL;
    if (!v) return host_fail(&p->host, TN_EINVAL, "its options are not TOML: %s", options), NULL;
    tn_part *part = arena_new(&p->memory, sizeof *part);
    part->kind = kind, part->type = part->name = name, part->desc = f->desc, part->file = f, part->table = v, part->at = at;
    part->config = arena_new(&p->memory, f->desc->config_size);
    options_fill(&p->context, f->desc, v, at, NULL, part->config);
    if (diag_errors(p->messages)) return host_fail(&p->host, TN_EINVAL, "its options are not accepted: %s", options), NULL;
    if (f->desc->check && f->desc->check(&host_api, &p->host, part->config) < 0) return NULL;
    return part;
}

static const char *const *places;

void probe_places(const char *const *list) { places = list; }

registry *probe_registry(arena *a) { return registry_new(a, places, registry_isa()); }

int probe_part(probe *p, const char *path, uint32_t kind, const char *name, const char *options)
{
    static const char *const nowhere[] = { NULL };
    memset(p, 0, sizeof *p);
    p->messages = diag_new(), p->path = path, p->name = name, p->kind = kind;
    p->plugins = probe_registry(&p->memory);
    p->context = (part_context){ .memory = &p->memory, .plugins = p->plugins, .messages = p->messages, .data_dirs = nowhere,
                                 .host = &p->host, .api = &host_api };
    p->part = part_of_file(p, path, kind, name, options);
    return p->part ? start_backend(p) : TN_EINVAL;
}

int probe_open(probe *p, const char *path, uint32_t kind, const char *name, const char *options, const offer *o, int n)
{
    int rc = probe_part(p, path, kind, name, options);
    if (rc) return rc;
    make_data(p);
    rc = make_graph(p, o, n);
    if (!rc) rc = graph_allocate(p->graph, p->be);
    if (rc) return rc;
    place_parameters(p);
    return 0;
}

int probe_inputs(probe *p, const offer *o, int n, const tn_spec **in)
{
    make_data(p);
    make_inputs(p, o, n, in);
    list_fields(p);
    return graph_allocate(p->graph, p->be);
}

void probe_close(probe *p)
{
    if (p->backend && p->be.ops) p->backend->stop(p->backend_self, &p->be);
}

static const int32_t *at_guard(probe *p, const int32_t *a, int64_t n)
{
    return a ? memcpy(guard_alloc(&p->be, sizeof *a * (size_t)n), a, sizeof *a * (size_t)n) : NULL;
}

static void guard_layouts(probe *p)
{
    for (int id = 1; id < p->graph->n_layouts; id++) {
        tn_layout *l = &p->batch.layout[id];
        l->length = at_guard(p, l->length, l->sequences), l->live = at_guard(p, l->live, l->steps + 1);
        l->first = at_guard(p, l->first, l->steps + 1), l->order = at_guard(p, l->order, l->sequences);
        l->place = at_guard(p, l->place, l->sequences), l->up = at_guard(p, l->up, l->rows);
        l->step = at_guard(p, l->step, l->rows), l->root = at_guard(p, l->root, l->rows);
    }
}

/* A buffer of exactly the size that this batch needs, so that the guard page lies right at its rows. */
static void exact(probe *p, tn_tensor *t, size_t *have)
{
    if (*have) guard_release(&p->be, t->data);
    *have = 0, t->data = NULL;
}

static void exact_node(probe *p, node *n)
{
    for (int sort = 0; sort < G_COUNT; sort++)
        for (int k = 0; sort != G_PARAM && k < n->count[sort]; k++) {
            exact(p, &node_slots(n, sort)[k].value, &node_slots(n, sort)[k].value_bytes);
            exact(p, &node_slots(n, sort)[k].grad, &node_slots(n, sort)[k].grad_bytes);
        }
    for (int i = 0; i < n->n_children; i++) exact_node(p, n->child[i]);
}

void probe_bind(probe *p, const int64_t *example, int n)
{
    graph *g = p->graph;
    exact_node(p, p->node);
    memset(g->reserved_rows, 0, sizeof g->reserved_rows);
    memset(g->reserved_pairs, 0, sizeof g->reserved_pairs);
    batch_build(g, &p->batch, 0, example, n);
    if (p->guards_layouts) guard_layouts(p);
    for (int i = 0; i < p->data.n_fields; i++) { /* inputs, too, lie at a guard page */
        slot *s = &g->field_node[i]->out[0];
        if (!p->batch.field_data[i]) continue;
        size_t bytes = 4 * (size_t)(p->batch.layout[s->spec.layout].rows * s->spec.width);
        void *copy = guard_alloc(&p->be, bytes);
        memcpy(copy, p->batch.field_data[i], bytes);
        p->batch.field_data[i] = copy;
        exact(p, &s->grad, &s->grad_bytes);
        if (s->wants_gradient) s->grad.data = guard_alloc(&p->be, bytes), s->grad_bytes = bytes ? bytes : 1;
    }
    graph_bind(g, &p->batch);
    for (int i = 0; i < p->data.n_fields; i++) {
        slot *s = &g->field_node[i]->out[0];
        void *buffer = s->grad.data;
        s->grad = s->value;
        s->grad.data = buffer;
    }
    graph_pack(g);
}

/* ---- phases ------------------------------------------------------------------------------------------------------------- */
static void set_all(tn_tensor *t, float v)
{
    if (!t->data || t->dtype != TN_F32) return;
    for (int64_t i = 0, n = tensor_elements(t); i < n; i++) ((float *)t->data)[i] = v;
}

static void poison(node *n, int sort)
{
    for (int k = 0; k < n->count[sort]; k++) {
        tn_tensor *t = &node_slots(n, sort)[k].value;
        if (t->data && t->dtype == TN_I32) memset(t->data, 0xFF, sizeof(int32_t) * (size_t)tensor_elements(t));
        else set_all(t, NAN);
    }
    for (int i = 0; i < n->n_children; i++) poison(n->child[i], sort);
}

static void prepare(probe *p, node *n)
{
    n->call.flags = p->training ? TN_C_TRAINING : p->own ? TN_C_ALONE | TN_C_OWN : p->alone ? TN_C_ALONE : 0;
    n->call.step = p->training ? 1 : 0;
    n->call.rng = (tn_rng){ 5, 1 };
    for (int i = 0; i < n->n_children; i++) prepare(p, n->child[i]);
}

int probe_forward(probe *p)
{
    poison(p->node, G_OUT), poison(p->node, G_NEXT), poison(p->node, G_SAVED), poison(p->node, G_WORK);
    prepare(p, p->node);
    host_clear(&p->host);
    return p->node->impl->forward(p->part->self, &p->node->call);
}

int probe_results(probe *p, tensor *list, int most)
{
    int n = 0;
    for (int i = 0; i < p->node->count[G_OUT] && n < most; i++) {
        slot *s = &p->node->out[i];
        if (s->spec.dtype == TN_F32) list[n++] = (tensor){ s->name ? s->name : "the output", s, 0, s->spec.layout };
    }
    for (int i = 0; i < p->node->count[G_NEXT] && n < most; i++) {
        slot *s = &p->node->next[i];
        list[n++] = (tensor){ arena_print(&p->memory, ".%s", s->name), s, 0, s->spec.layout };
    }
    return n;
}

static void wanted_parameters(probe *p, node *n, tensor *list, int *at, int most)
{
    for (int i = 0; i < n->count[G_PARAM] && *at < most; i++)
        if (n->param[i].grad.data) list[(*at)++] = (tensor){ n->parameter[i]->name, &n->param[i], 1, 0 };
    for (int i = 0; i < n->n_children; i++) wanted_parameters(p, n->child[i], list, at, most);
}

int probe_wanted(probe *p, tensor *list, int most)
{
    int n = 0;
    for (int i = 0; i < p->node->count[G_IN] && n < most; i++) {
        slot *s = p->node->in_slot[i];
        if (s->wants_gradient) list[n++] = (tensor){ arena_print(&p->memory, "input %d", i + 1), s, 0, s->spec.layout };
    }
    for (int i = 0; i < p->node->count[G_STATE] && n < most; i++) {
        slot *s = p->node->state_slot[i];
        if (s) list[n++] = (tensor){ arena_print(&p->memory, "initial %s", p->node->state[i].name), s, 0, s->spec.layout };
    }
    wanted_parameters(p, p->node, list, &n, most);
    return n;
}

/* The weight of element i of a result in the sum. */
static float weight(const probe *p, const tn_tensor *t, const char *what, int64_t i)
{
    uint64_t salt = text_hash(what);
    if (!t->lay || t->pairs) return made_up(salt, (uint64_t)i);
    return made_up(mixed(salt, row_key(p, t->lay, (int32_t)(i / t->width))), (uint64_t)(i % t->width));
}

double probe_sum(const probe *p)
{
    tensor list[32];
    int n = probe_results((probe *)(uintptr_t)p, list, 32);
    double sum = 0;
    for (int k = 0; k < n; k++) {
        const tn_tensor *t = &list[k].s->value;
        for (int64_t i = 0; t->data && i < tensor_elements(t); i++)
            if (p->kind != TN_LOSS || !isinf(((float *)t->data)[i])) /* a loss of infinity, and its slope of 0, count for nothing */
                sum += (double)weight(p, t, list[k].what, i) * (double)((float *)t->data)[i];
    }
    return sum;
}

static void clear_child(node *n)
{
    for (int i = 0; i < n->count[G_IN]; i++) set_all(&n->in[i].grad, 0);
    for (int i = 0; i < n->count[G_OUT]; i++) set_all(&n->out[i].grad, 0);
    for (int i = 0; i < n->count[G_STATE]; i++) set_all(&n->state[i].grad, 0);
    for (int i = 0; i < n->count[G_NEXT]; i++) set_all(&n->next[i].grad, 0);
    for (int i = 0; i < n->n_children; i++) clear_child(n->child[i]);
}

static int phases(probe *p, int set)
{
    const tn_impl *f = p->node->impl;
    if (set) p->node->call.flags |= TN_C_SET;
    int rc = f->backward ? f->backward(p->part->self, &p->node->call) : 0;
    p->node->call.flags &= ~(uint32_t)TN_C_SET;
    if (rc) return rc;
    poison(p->node, G_WORK);
    return f->gradient && p->node->trainable ? f->gradient(p->part->self, &p->node->call) : 0;
}

static void copy_columns(float *to, int64_t to_ld, const float *from, int64_t from_ld, int64_t rows, int64_t width)
{
    for (int64_t r = 0; r < rows; r++) memcpy(to + r * to_ld, from + r * from_ld, sizeof *to * (size_t)width);
}

/* The same piece by piece, each in a buffer that holds it and no more. */
static int phases_by_columns(probe *p)
{
    int loss = p->kind == TN_LOSS, rc = 0;
    tn_tensor *t = loss ? &p->node->in_slot[0]->grad : &p->node->out[0].grad, all = *t;
    for (int64_t at = 0; at < all.width && !rc; at += p->piece) {
        int64_t wide = all.width - at < p->piece ? all.width - at : p->piece;
        float *whole = (float *)all.data + at;
        t->width = t->ld = wide, t->data = guard_alloc(&p->be, sizeof(float) * (size_t)(all.rows * wide));
        copy_columns(t->data, wide, whole, all.width, all.rows, wide);
        p->node->call.column = at;
        rc = phases(p, p->set && (loss || !at));
        if (loss) copy_columns(whole, all.width, t->data, wide, all.rows, wide);
        guard_release(&p->be, t->data);
    }
    p->node->call.column = 0, *t = all;
    return rc;
}

int probe_backward(probe *p, float prefill)
{
    tensor list[64];
    int n = probe_wanted(p, list, 64);
    for (int k = 0; k < n; k++) set_all(&list[k].s->grad, prefill);
    for (int i = 0; i < p->node->n_children; i++) clear_child(p->node->child[i]);
    n = probe_results(p, list, 64);
    for (int k = 0; k < n; k++) {
        tn_tensor *t = &list[k].s->grad;
        int zero = list[k].what[0] == '.' ? p->zero_d_next : p->zero_d_out;
        for (int64_t i = 0; t->data && i < tensor_elements(t); i++)
            ((float *)t->data)[i] = zero ? 0 : weight(p, t, list[k].what, i);
    }
    poison(p->node, G_WORK);
    prepare(p, p->node);
    return p->piece ? phases_by_columns(p) : phases(p, p->set);
}
