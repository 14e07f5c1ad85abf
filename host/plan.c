/* plan.c -- a node plans itself: its part says what it gives and what memory it wants, by the planning half of tn_api. */
#include <stdio.h>
#include <string.h>
#include "graph.h"
#include "plan.h"

uint64_t text_hash(const char *s) /* FNV-1a */
{
    uint64_t h = 1469598103934665603u;
    for (; *s; s++) h = (h ^ (unsigned char)*s) * 1099511628211u;
    return h;
}

node *node_new(graph *g, tn_part *part, const char *name)
{
    node *n = arena_new(g->memory, sizeof *n);
    n->owner = g, n->part = part, n->name = name;
    n->id = text_hash(name);
    return n;
}

static const tn_impl *choose_impl(const tn_layer *layer, const char *backend)
{
    for (const tn_impl *const *i = layer->impls; i && *i; i++)
        if (!strcmp((*i)->backend, backend)) return *i;
    for (const tn_impl *const *i = layer->impls; i && *i; i++)
        if (!strcmp((*i)->backend, "*")) return *i;
    return layer->impls ? layer->impls[0] : NULL;
}

int node_plan(node *n, uint32_t n_in, const tn_spec *const *in)
{
    graph *g = n->owner;
    part_context *c = g->context;
    tn_part *part = n->part;
    if (n->boss) { /* the boss may use one option for several children: each has its own self */
        tn_part *own = arena_new(g->memory, sizeof *own);
        *own = *part;
        own->self = NULL, own->listed = 0;
        n->part = part = own;
    }
    host_clear(c->host);
    int rc = part_open(c, part);
    if (rc) return rc;
    n->loss = part->kind == TN_LOSS ? part->desc->table : NULL;
    n->layer = n->loss ? n->loss->layer : part->desc->table;
    n->impl = choose_impl(n->layer, "cpu");
    if (!n->impl) return host_fail(c->host, TN_EUNSUPPORTED, "has no implementation for this backend");
    tn_plan p = { n };
    rc = n->layer->plan(c->api, c->host, part->config, part->self, &p, n_in, in);
    if (!rc && !n->count[G_OUT]) rc = host_fail(c->host, TN_EINVAL, "planned no output");
    return rc;
}

/* ---- what a part asks for ------------------------------------------------------------------------------- */
static int too_many(tn_plan *p, const char *what, int most)
{
    return host_fail(p->of->owner->context->host, TN_EINVAL, "asks for more than %d %s", most, what);
}

/* A new slot of a group, or NULL after a message. */
static slot *add_slot(tn_plan *p, int group, slot *array, int most, const char *name, const tn_spec *spec)
{
    int i = p->of->count[group];
    if (i >= most) {
        too_many(p, "tensors of one sort", most);
        return NULL;
    }
    p->of->count[group]++;
    slot *s = &array[i];
    memset(s, 0, sizeof *s);
    s->name = name ? arena_text(p->of->owner->memory, name) : NULL;
    s->spec = *spec;
    if (!s->spec.dtype) s->spec.dtype = TN_F32;
    return s;
}

/* A ragged tensor needs the pairs of its two layouts in every batch. */
static int need_pairs(tn_plan *p, const tn_spec *spec)
{
    graph *g = p->of->owner;
    if (!spec->across) return 0;
    for (int i = 0; i < g->n_pairs; i++)
        if (g->pairs[i].a == spec->layout && g->pairs[i].b == spec->across) return 0;
    if (g->n_pairs == MAX_PAIRS) return too_many(p, "pairs of layouts", MAX_PAIRS);
    g->pairs[g->n_pairs].a = spec->layout, g->pairs[g->n_pairs].b = spec->across;
    g->n_pairs++;
    return 0;
}

int plan_parent(tn_plan *p, int32_t layout)
{
    graph *g = p->of->owner;
    return layout > 0 && layout < g->n_layouts ? g->layout_parent[layout] : -1;
}

int plan_layout(tn_plan *p, const tn_grow *q)
{
    node *n = p->of;
    graph *g = n->owner;
    if (n->n_grow == 4) return too_many(p, "layouts", 4);
    if (g->n_layouts == MAX_LAYOUTS) return too_many(p, "layouts in the whole graph", MAX_LAYOUTS);
    if (q->n_from > 8) return too_many(p, "layouts that a new one depends on", 8);
    int k = n->n_grow++, id = g->n_layouts++;
    grown *w = &n->grow[k];
    w->grow = *q, w->id = id;
    for (uint32_t i = 0; i < q->n_from; i++) w->from[i] = q->from[i];
    w->grow.from = w->from;
    g->layout_parent[id] = q->parent;
    g->layout_maker[id] = n, g->layout_grow[id] = k;
    return id;
}

int plan_out(tn_plan *p, const char *port, const tn_spec *spec)
{
    if (need_pairs(p, spec)) return TN_EINVAL;
    slot *s = add_slot(p, G_OUT, p->of->out, MAX_OUT, port, spec);
    return s ? (int)(s - p->of->out) : TN_EINVAL;
}

/* "encoder.weight_ih"; of a child "decoder.gru.weight_ih". */
static const char *full_name(node *n, const char *name)
{
    arena *a = n->owner->memory;
    return n->boss ? full_name(n->boss, arena_print(a, "%s.%s", n->name, name)) : arena_print(a, "%s.%s", n->name, name);
}

/* A parameter of a child that has those of another one. */
static int share_parameter(node *n, int i)
{
    const slot *own = &n->param[i], *its = &n->shares->param[i];
    if (i >= n->shares->count[G_PARAM] || own->spec.rows != its->spec.rows || own->spec.width != its->spec.width)
        return host_fail(n->owner->context->host, TN_ESHAPE, "'%s' and '%s' cannot share: parameter %s has another shape", n->name,
                         n->shares->name, own->name);
    n->parameter[i] = n->shares->parameter[i];
    n->parameter[i]->sparse = 0; /* the rows in use are those of both */
    n->trainable |= !n->parameter[i]->frozen;
    return i;
}

/* A parameter that another layer has already. */
static int borrow_parameter(node *n, int i, const char *name)
{
    graph *g = n->owner;
    tn_host *host = g->context->host;
    const char **names = arena_new(g->memory, sizeof *names * (size_t)(g->n_parameters + 1));
    const slot *own = &n->param[i];
    parameter *w = NULL;
    for (int k = 0; k < g->n_parameters; k++) {
        names[k] = g->parameter[k]->name;
        if (!strcmp(names[k], name)) w = g->parameter[k];
    }
    if (!w) {
        const char *near = nearest_name(name, names, g->n_parameters);
        return host_fail(host, TN_EINVAL, "no layer that runs before it has a parameter '%s' to share%s%s%s", name,
                         near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
    }
    int known = w->rows > 0, wider = w->width != own->spec.width; /* how many words there are, the data may have to tell */
    if (wider || (known && w->rows != own->spec.rows))
        return host_fail(host, TN_ESHAPE, "it can't share '%s', which has %lld %s; its %s has %lld", name,
                         (long long)(wider ? w->width : w->rows), wider ? "numbers a row" : "rows", own->name,
                         (long long)(wider ? own->spec.width : own->spec.rows));
    n->parameter[i] = w;
    w->sparse = 0; /* the rows in use are those of both */
    if (!w->frozen) n->trainable = 1;
    return i;
}

int plan_param(tn_plan *p, const tn_param *q)
{
    node *n = p->of;
    graph *g = n->owner;
    tn_spec spec = { TN_F32, TN_VALUES, TN_FIXED, 0, 1, q->dim[0], 0, 0, 0, 0 };
    if (q->ndim > 1) {
        spec.rows = q->dim[0], spec.width = 1;
        for (uint32_t d = 1; d < q->ndim && d < 4; d++) spec.width *= q->dim[d];
    }
    slot *s = add_slot(p, G_PARAM, n->param, MAX_PARAM, q->name, &spec);
    if (!s) return TN_EINVAL;
    if (n->shares) return share_parameter(n, (int)(s - n->param));
    if (TN_HAS(q, shares)) return borrow_parameter(n, (int)(s - n->param), q->shares);
    parameter *w = arena_new(g->memory, sizeof *w);
    w->name = full_name(n, q->name);
    memcpy(&w->p, q, q->size < sizeof w->p ? q->size : sizeof w->p);
    w->p.name = s->name;
    w->p.init = q->init ? arena_text(g->memory, q->init) : NULL;
    w->owner = n, w->slot = (uint32_t)(s - n->param);
    w->rows = spec.rows, w->width = spec.width;
    w->frozen = (q->flags & TN_P_FROZEN) != 0;
    w->sparse = q->touched_by != 0;
    w->offset = g->floats;
    g->floats += (spec.rows * spec.width + 15) & ~(int64_t)15;
    g->values += spec.rows * spec.width;
    parameter **all = arena_new(g->memory, sizeof *all * (size_t)(g->n_parameters + 1));
    if (g->n_parameters) memcpy(all, g->parameter, sizeof *all * (size_t)g->n_parameters);
    all[g->n_parameters++] = w;
    g->parameter = all;
    n->parameter[w->slot] = w;
    if (!w->frozen) n->trainable = 1;
    return (int)w->slot;
}

int plan_state(tn_plan *p, const char *port, const tn_spec *spec, uint32_t flags)
{
    node *n = p->of;
    slot *s = add_slot(p, G_STATE, n->state, MAX_STATE, port, spec);
    if (!s) return TN_EINVAL;
    s->flags = flags;
    slot *next = add_slot(p, G_NEXT, n->next, MAX_STATE, port, spec);
    next->flags = flags;
    return (int)(s - n->state);
}

int plan_saved(tn_plan *p, const tn_spec *spec)
{
    if (need_pairs(p, spec)) return TN_EINVAL;
    slot *s = add_slot(p, G_SAVED, p->of->saved, MAX_SAVED, NULL, spec);
    return s ? (int)(s - p->of->saved) : TN_EINVAL;
}

int plan_work(tn_plan *p, const tn_spec *spec)
{
    if (need_pairs(p, spec)) return TN_EINVAL;
    slot *s = add_slot(p, G_WORK, p->of->work, MAX_WORK, NULL, spec);
    return s ? (int)(s - p->of->work) : TN_EINVAL;
}

int plan_packed(tn_plan *p, int param, int transposed, uint32_t groups)
{
    node *n = p->of;
    if (n->n_packed == MAX_PACKED) return too_many(p, "packed weights", MAX_PACKED);
    if (param < 0 || param >= n->count[G_PARAM] || !groups)
        return host_fail(n->owner->context->host, TN_EINVAL, "add_packed: there is no parameter %d in %u groups", param, groups);
    packing *k = &n->packed[n->n_packed];
    const tn_spec *s = &n->param[param].spec;
    k->param = param, k->transposed = transposed, k->groups = groups;
    k->k = transposed ? s->width : s->rows;
    k->units = (transposed ? s->rows : s->width) / groups;
    return n->n_packed++;
}

int plan_kept(tn_plan *p, uint32_t input, int64_t width)
{
    node *n = p->of;
    if (n->n_kept == MAX_KEPT) return too_many(p, "kept tables", MAX_KEPT);
    if ((int)input >= n->count[G_IN] || width < 1)
        return host_fail(n->owner->context->host, TN_EINVAL, "add_kept: there is no input %u, or no row of %lld floats", input,
                         (long long)width);
    kept_table *t = &n->kept[n->n_kept];
    *t = (kept_table){ .input = input, .width = width };
    if (input == 0 && n->boss && n->child_flags & TN_C_GIVEN) {
        tn_plan boss = { n->boss };
        if ((t->of_boss = plan_kept(&boss, 0, width)) < 0) return t->of_boss;
    }
    return n->n_kept++;
}

int plan_decoded(tn_plan *p, const tn_spec *spec)
{
    const graph *g = p->of->owner;
    if (spec->dtype != TN_I32 || spec->layout <= TN_ROOT || spec->layout >= g->n_layouts)
        return host_fail(g->context->host, TN_EINVAL, "add_decoded: paths are ids on a layout with steps");
    p->of->decoded.spec = *spec;
    return TN_OK;
}

void plan_uses(tn_plan *p, uint32_t what) { p->of->uses = what; } /* every value is kept until the step ends */

/* A part inside another's options becomes a node of its own below its boss. */
int plan_child(tn_plan *p, tn_part *part, uint32_t flags, uint32_t n_in, const tn_spec *const *in, tn_child *got)
{
    node *n = p->of;
    graph *g = n->owner;
    tn_host *host = g->context->host;
    if (n->n_children == MAX_CHILDREN) return too_many(p, "children", MAX_CHILDREN);
    if (n_in > MAX_IN) return too_many(p, "inputs of a child", MAX_IN);
    if (!part || !part->desc) return host_fail(host, TN_EINVAL, "there is no part to be a child");
    if (part->kind != TN_LAYER) return host_fail(host, TN_EINVAL, "'%s' is no layer", part->type);
    node *k = node_new(g, part, part->type);
    k->boss = n, k->child_flags = flags;
    node *last = n->n_children ? n->child[n->n_children - 1] : NULL;
    if (flags & TN_C_SHARED && last) k->shares = last->shares ? last->shares : last;
    for (int i = 0; i < n->n_children; i++)
        if (!strcmp(n->child[i]->name, k->name)) k->name = arena_print(g->memory, "%s_%d", part->type, n->n_children + 1);
    for (uint32_t i = 0; i < n_in; i++) {
        tn_plan inner = { k };
        if (!add_slot(&inner, G_IN, k->in, MAX_IN, NULL, in[i])) return TN_EINVAL;
    }
    if (flags & TN_C_STEP) child_view(k); /* here, since several may be entered at once later */
    int rc = node_plan(k, n_in, in);
    if (rc) return rc;
    n->trainable |= k->trainable;
    for (int i = 0; i < k->count[G_OUT]; i++) k->child_out[i] = &k->out[i].spec;
    for (int i = 0; i < k->count[G_STATE]; i++) k->child_state[i] = &k->state[i].spec, k->child_state_name[i] = k->state[i].name;
    got->size = sizeof *got;
    got->outs = (uint32_t)k->count[G_OUT], got->states = (uint32_t)k->count[G_STATE];
    got->out = k->child_out, got->state = k->child_state, got->state_name = k->child_state_name;
    n->child[n->n_children] = k;
    return n->n_children++;
}
