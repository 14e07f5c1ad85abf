/* again.c -- what must come out the same when it is asked for again: a plan, what self has learned, first values; and
 * memory, of which a second hundred of calls may not need more.                                                    */
#include <malloc.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "checks.h"
#include "../../host/buffers.h"

static const int64_t all_examples[] = { 0, 1, 2, 3, 4, 5, 6, 7 };

static const char *begin(probe *p, const subject *s)
{
    if (probe_open(p, s->path, s->kind, s->name, s->options, s->offer, s->n))
        return fault("cannot be opened a second time: %s", p->host.error);
    return NULL;
}

/* ---- plan, twice ----------------------------------------------------------------------------------------- */
static int same_text(const char *a, const char *b) { return a && b ? !strcmp(a, b) : a == b; }

static const char *slots_differ(node *a, node *b)
{
    static const char *const what[] = { "inputs", "outputs", "parameters", "saved tensors", "scratch", "states", "states" };
    for (int sort = G_IN + 1; sort < G_COUNT; sort++) {
        if (a->count[sort] != b->count[sort])
            return fault("asks for %d %s the first time, %d the second", a->count[sort], what[sort], b->count[sort]);
        for (int k = 0; k < a->count[sort]; k++) {
            const slot *x = &node_slots(a, sort)[k], *y = &node_slots(b, sort)[k];
            if (memcmp(&x->spec, &y->spec, sizeof x->spec) || x->flags != y->flags || !same_text(x->name, y->name))
                return fault("asks for other %s the second time: number %d, %lld wide, then %lld wide", what[sort], k,
                             (long long)x->spec.width, (long long)y->spec.width);
        }
    }
    return NULL;
}

static const char *parameters_differ(const node *a, const node *b)
{
    for (int k = 0; k < a->count[G_PARAM]; k++) {
        const tn_param *x = &a->parameter[k]->p, *y = &b->parameter[k]->p;
        if (x->flags != y->flags || x->ndim != y->ndim || memcmp(x->dim, y->dim, sizeof x->dim[0] * x->ndim)
            || x->blocks != y->blocks || x->fan_in != y->fan_in || x->fan_out != y->fan_out
            || x->touched_by != y->touched_by || !same_text(x->init, y->init))
            return fault("asks for the parameter %s otherwise the second time", x->name);
    }
    if (a->n_packed != b->n_packed) return "asks for other packed weights the second time";
    for (int k = 0; k < a->n_packed; k++) {
        const packing *x = &a->packed[k], *y = &b->packed[k];
        if (x->param != y->param || x->transposed != y->transposed || x->groups != y->groups)
            return "asks for other packed weights the second time";
    }
    return NULL;
}

static const char *plans_differ(node *a, node *b)
{
    const char *bad = slots_differ(a, b);
    if (bad || (bad = parameters_differ(a, b))) return bad;
    if (a->n_grow != b->n_grow)
        return fault("asks for %d layouts the first time, %d the second", a->n_grow, b->n_grow);
    for (int k = 0; k < a->n_grow; k++) {
        const tn_grow *x = &a->grow[k].grow, *y = &b->grow[k].grow;
        if (x->parent != y->parent || x->n_from != y->n_from || x->length != y->length || x->like != y->like
            || strcmp(x->name, y->name) || memcmp(a->grow[k].from, b->grow[k].from, sizeof(int32_t) * x->n_from))
            return fault("asks for the layout %s otherwise the second time", x->name);
    }
    if (a->n_children != b->n_children)
        return fault("asks for %d children the first time, %d the second", a->n_children, b->n_children);
    for (int k = 0; k < a->n_children; k++)
        if ((bad = plans_differ(a->child[k], b->child[k]))) return bad;
    return NULL;
}

/* Plans the opened part again, into a record of its own. NULL: it refuses. */
static node *plan_again(probe *p, const tn_spec *const *in)
{
    graph *g = arena_new(&p->memory, sizeof *g);
    *g = *p->graph;
    g->n_layouts = 5, g->n_pairs = g->n_parameters = 0, g->floats = g->values = 0;
    node *n = node_new(g, p->part, "part");
    n->layer = p->node->layer, n->loss = p->node->loss, n->impl = p->node->impl;
    n->count[G_IN] = p->node->count[G_IN];
    tn_plan record = { n };
    const tn_part *part = p->part;
    return n->layer->plan(&host_api, &p->host, part->config, part->self, &record, (uint32_t)n->count[G_IN], in) ? NULL : n;
}

static const char *check_plan(const subject *s)
{
    probe once, p;
    const char *bad = begin(&once, s);
    if (bad || (bad = begin(&p, s))) return bad;
    tn_spec other[MOST_INPUTS];
    const tn_spec *in[MOST_INPUTS], *changed[MOST_INPUTS];
    for (int i = 0; i < s->n; i++) {
        in[i] = &p.node->in_slot[i]->spec, other[i] = *in[i], changed[i] = &other[i];
        if (other[i].dtype == TN_F32) other[i].width += 2;
    }
    for (int wider = 0; wider < 2; wider++) {
        if (wider) { /* a self that has seen other sizes only; that plan may well be refused */
            part_close(p.part);
            if (part_open(&p.context, p.part)) return fault("opens once, but not again: %s", p.host.error);
            plan_again(&p, changed);
        }
        node *n = plan_again(&p, in);
        if (!n) return fault("plans once, but not again: %s", p.host.error);
        if ((bad = plans_differ(p.node, n)))
            return fault("%s%s; plan may be called again", bad, wider ? ", after a plan for wider inputs" : "");
    }
    snapshot a, b;
    probe_bind(&once, all_examples, EXAMPLES), probe_bind(&p, all_examples, EXAMPLES);
    if ((bad = snapshot_run(&once, &a)) || (bad = snapshot_run(&p, &b))) return bad;
    return snapshot_differs(&a, &b, SNAP_ALL, 0, "after a second plan");
}

/* ---- save and load --------------------------------------------------------------------------------------- */
typedef struct bytes { char *at; size_t n, used; int over; } bytes;
static int put(void *to, const void *p, size_t n)
{
    bytes *b = to;
    b->at = memory_grow(b->at, b->n, b->n + n);
    if (n) memcpy(b->at + b->n, p, n);
    b->n += n;
    return TN_OK;
}
static int get(void *from, void *p, size_t n)
{
    bytes *b = from;
    if (n > b->n - b->used) return b->over = 1, TN_EIO;
    if (n) memcpy(p, b->at + b->used, n);
    b->used += n;
    return TN_OK;
}

/* A part opened; of layers and losses planned, and run once where `run`. "": it refuses these options. */
static const char *use(probe *p, const subject *s, int run)
{
    snapshot ignored;
    if (s->kind != TN_LAYER && s->kind != TN_LOSS)
        return probe_part(p, s->path, s->kind, s->name, s->options) || part_open(&p->context, p->part) ? "" : NULL;
    const char *bad = begin(p, s);
    if (bad || !run) return bad;
    p->training = 1;
    probe_bind(p, all_examples, EXAMPLES);
    return snapshot_run(p, &ignored);
}

const char *check_saved(const subject *s)
{
    probe a, b, c;
    bytes first = { NULL, 0, 0, 0 }, second = first;
    const char *bad = use(&a, s, 1);
    if (bad) return *bad ? bad : NULL;
    const tn_desc *d = a.part->desc;
    if (!d->save != !d->load) return "has only one of save and load";
    if (!d->save) return NULL;
    if (d->save(a.part->self, put, &first)) return "save failed";
    if ((bad = use(&b, s, 0))) return bad;
    if (d->load(b.part->self, get, &first)) return "load refuses what save wrote";
    if (first.over || first.used != first.n)
        return fault("load reads %zu of the %zu bytes that save wrote", first.used, first.n);
    if (d->save(b.part->self, put, &second)) return "save failed, after load";
    if (first.n != second.n || memcmp(first.at, second.at, first.n))
        return "saves something else after it loaded what it had saved";
    if ((bad = use(&c, s, 0)) || !first.n) return bad;
    first.n--, first.used = 0, first.over = 0;
    return d->load(c.part->self, get, &first) ? NULL : "load takes bytes that are cut off; it must pass on what get() returns";
}

/* ---- first values ---------------------------------------------------------------------------------------- */
static const char *check_first_values(const subject *s)
{
    probe p;
    const char *bad = begin(&p, s);
    if (bad || !p.node->layer->initialize) return bad;
    for (int i = 0; i < p.node->count[G_PARAM]; i++) {
        const tn_spec *w = &p.node->param[i].spec;
        int64_t n = w->rows * w->width;
        float *v[2];
        int rc[2];
        for (int k = 0; k < 2; k++) {
            v[k] = guard_alloc(&p.be, sizeof(float) * (size_t)n);
            for (int64_t j = 0; j < n; j++) v[k][j] = NAN;
            rc[k] = p.node->layer->initialize(p.part->self, &host_api, &p.host, (uint32_t)i, (tn_rng){ 3, 4 }, v[k]);
        }
        const char *name = p.node->param[i].name;
        if (rc[0] < 0) return fault("initialize failed for %s: %s", name, p.host.error);
        for (int64_t j = 0; rc[0] && j < n; j++)
            if (!isfinite(v[0][j]))
                return fault("initialize left number %lld of %s unwritten, or it is not finite", (long long)j, name);
        if (rc[0] != rc[1] || memcmp(v[0], v[1], sizeof(float) * (size_t)n))
            return fault("initialize gives %s other values for the same random numbers", name);
        if ((bad = guard_check())) return bad;
    }
    return NULL;
}

/* ---- memory ---------------------------------------------------------------------------------------------- */
static size_t in_use(void)
{
    struct mallinfo2 m = mallinfo2();
    return m.uordblks + m.hblkhd;
}

/* The phases alone, for the probe itself needs memory. */
static int bare_step(const probe *p)
{
    const tn_impl *f = p->node->impl;
    const tn_call *c = &p->node->call;
    void *self = p->part->self;
    return f->forward(self, c) || (f->backward && f->backward(self, c))
        || (f->gradient && p->node->trainable && f->gradient(self, c));
}

/* A step like the one before it needs no further memory. */
static const char *check_memory(const subject *s)
{
    enum { WARM_UP = 20, CALLS = 100 };
    probe p;
    size_t before = 0;
    snapshot ignored;
    const char *bad = begin(&p, s);
    if (bad) return bad;
    p.training = 1;
    probe_bind(&p, all_examples, EXAMPLES);
    if ((bad = snapshot_run(&p, &ignored))) return bad;
    for (int k = 0; k < WARM_UP + CALLS; k++) {
        if (k == WARM_UP) before = in_use();
        if (bare_step(&p)) return fault("a phase failed: %s", p.host.error);
    }
    size_t after = in_use();
    if (after >= before + CALLS * 16)
        return fault("keeps %zu bytes more after each call", (after - before) / CALLS);
    return NULL;
}

const check again_checks[] = {
    { "planned twice", check_plan }, { "save and load", check_saved }, { "first values", check_first_values },
    { "memory from call to call", check_memory }, { NULL, NULL } };
