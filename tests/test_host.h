/* test_host.h -- drives one part without a graph: options from TOML, layouts from lengths, a slot for whatever plan asks
 * for, the cpu backend. Every slot has an allocation of its own, and what a part must write is full of NaN before. */
#ifndef TEST_HOST_H
#define TEST_HOST_H
#include <math.h>
#include "../host/host.h"
#include "../host/layout.h"
#include "../host/part.h"
#include "expect.h"

#define TEST_MAYBE __attribute__((unused))  /* not every test drives layers */
/* Layouts: the root; TEXT and TARGET, one row a step; CHARS, steps inside those of TEXT; from GROWN on those that the part
 * makes. */
enum { TEXT = 2, CHARS, TARGET, GROWN, TEST_LAYOUTS = GROWN + 4, TEST_SLOTS = 96 };
enum { T_IN, T_OUT, T_PARAM, T_SAVED, T_WORK, T_STATE, T_NEXT, T_GROUPS };

typedef struct test_slot { char name[40]; tn_spec spec; tn_param param; tn_tensor value, grad; int used; } test_slot;
typedef struct test_pairs { int32_t a, b; tn_pairs p; } test_pairs;
typedef struct test_grown { tn_grow grow; int32_t from[8]; } test_grown;
typedef struct test_pack { int param, transposed; uint32_t groups; void *data; } test_pack;
typedef struct test_host {
    arena memory;
    tn_host host;
    tn_api api;
    part_context context;
    tn_part *backend;
    tn_be be;
    scratch scratch;
    tn_layout layout[TEST_LAYOUTS]; const tn_layout *layout_at[TEST_LAYOUTS];
} test_host;

/* A layer or loss in use. */
typedef struct tn_plan {
    test_host *h;
    tn_part *part;
    const tn_layer *layer;
    test_slot slot[T_GROUPS][TEST_SLOTS]; int count[T_GROUPS];
    test_pack pack[TEST_SLOTS]; int packs;
    test_grown grown[TEST_LAYOUTS - GROWN]; int grows;
    test_pairs pairs[8]; int n_pairs;
    tn_tensor *at[T_GROUPS][TEST_SLOTS], *d_at[T_GROUPS][TEST_SLOTS]; const void *pack_at[TEST_SLOTS];
    tn_call call;
} test_part;

/* ---- planning -------------------------------------------------------------------------------------- */
static int test_add(tn_plan *p, int group, const char *name, const tn_spec *spec)
{
    int i = p->count[group]++;
    test_slot *s = &p->slot[group][i];
    memset(s, 0, sizeof *s);
    snprintf(s->name, sizeof s->name, "%s", name ? name : "");
    s->spec = *spec;
    s->used = 1;
    return i;
}
static int test_parent(tn_plan *p, int32_t layout)
{
    if (layout >= GROWN) return p->grown[layout - GROWN].grow.parent;
    return layout == CHARS ? TEXT : layout > TN_ROOT ? TN_ROOT : 0;
}
static int test_add_layout(tn_plan *p, const tn_grow *q)
{
    test_grown *w = &p->grown[p->grows];
    w->grow = *q;
    for (uint32_t i = 0; i < q->n_from; i++) w->from[i] = q->from[i];
    w->grow.from = w->from;
    return GROWN + p->grows++;
}
static int test_out(tn_plan *p, const char *port, const tn_spec *s) { return test_add(p, T_OUT, port, s); }
static int test_saved(tn_plan *p, const tn_spec *s) { return test_add(p, T_SAVED, NULL, s); }
static int test_work(tn_plan *p, const tn_spec *s) { return test_add(p, T_WORK, NULL, s); }
static void test_uses(tn_plan *p, uint32_t what) { (void)p, (void)what; }
static int test_state(tn_plan *p, const char *port, const tn_spec *s, uint32_t flags)
{
    (void)flags;
    test_add(p, T_NEXT, port, s);
    return test_add(p, T_STATE, port, s);
}
static int test_param(tn_plan *p, const tn_param *q)
{
    tn_spec s = { .dtype = TN_F32, .rows = q->ndim > 1 ? q->dim[0] : 1, .width = q->ndim > 1 ? 1 : q->dim[0] };
    for (uint32_t d = 1; d < q->ndim; d++) s.width *= q->dim[d];
    int i = test_add(p, T_PARAM, q->name, &s);
    p->slot[T_PARAM][i].param = *q;
    return i;
}
static int test_packed(tn_plan *p, int param, int transposed, uint32_t groups)
{
    p->pack[p->packs] = (test_pack){ param, transposed, groups, NULL };
    return p->packs++;
}
static const void *test_part_table(tn_part *part, uint32_t kind, void **self)
{
    if (!part || !part->desc || part->kind != kind) return NULL;
    *self = part->self;
    return part->desc->table;
}

/* ---- opening --------------------------------------------------------------------------------------- */
/* A part from TOML; NULL after its mistakes were printed. */
static tn_part *test_part_of(test_host *h, uint32_t kind, const char *toml)
{
    where here = { "test", 1, 1 };
    config_value *v = config_parse_value(&h->memory, toml, here, h->context.messages);
    tn_part *part = v ? part_make(&h->context, kind, v, NULL, NULL) : NULL;
    if (diag_errors(h->context.messages) || !part || !part->desc || part_open(&h->context, part)) {
        diag_print(h->context.messages, stdout);
        printf("%s: %s\n", toml, h->host.error);
        return NULL;
    }
    return part;
}

/* plugins: where they were built. 0, or -1 after a message. */
static int test_open(test_host *h, const char *plugins, int isa, int threads)
{
    memset(h, 0, sizeof *h);
    static const char *const none[] = { NULL };
    const char **path = arena_new(&h->memory, 2 * sizeof *path);
    path[0] = plugins;
    h->api = (tn_api){ .size = sizeof h->api, .fail = api_fail, .log = api_log, .ext = api_ext,
                       .word = api_word,
                       .parent = test_parent, .add_layout = test_add_layout, .add_out = test_out, .add_param = test_param,
                       .add_state = test_state,
                       .add_saved = test_saved, .add_work = test_work, .add_packed = test_packed,
                       .uses = test_uses,
                       .part_table = test_part_table };
    h->context = (part_context){ .memory = &h->memory, .plugins = registry_new(&h->memory, path, isa),
                                 .messages = diag_new(),
                                 .data_dirs = none, .host = &h->host, .api = &h->api };
    for (int i = 0; i < TEST_LAYOUTS; i++) h->layout_at[i] = &h->layout[i];
    h->backend = test_part_of(h, TN_BACKEND, "cpu");
    if (!h->backend) return -1;
    return ((const tn_backend *)h->backend->desc->table)->start(h->backend->self, threads, &h->be);
}

static void test_close(test_host *h)
{
    ((const tn_backend *)h->backend->desc->table)->stop(h->backend->self, &h->be);
    part_close(h->backend);
    scratch_free(&h->scratch);
    diag_free(h->context.messages);
    arena_free(&h->memory);
}

/* A layout of a batch, with that many steps for each row of its parent (NULL: none). */
TEST_MAYBE static void test_layout(test_host *h, int32_t id, int32_t parent, const int32_t *length, int32_t like)
{
    const tn_layout *over = &h->layout[parent];
    int32_t *none = arena_new(&h->memory, sizeof *none * (size_t)(over->rows + 1));
    layout_build(&h->layout[id], id, over, length ? length : none, like ? &h->layout[like] : NULL, &h->scratch);
}

/* Layouts of a batch: n examples, with that many steps of TEXT each (NULL: there are no steps); the others have none. */
TEST_MAYBE static void test_layouts(test_host *h, int32_t n, const int32_t *length)
{
    layout_root(&h->layout[TN_ROOT], n, &h->scratch);
    test_layout(h, TEXT, TN_ROOT, length, 0);
    test_layout(h, CHARS, TEXT, NULL, 0);
    test_layout(h, TARGET, TN_ROOT, NULL, 0);
}

/* The layouts that a planned part makes, from those of the batch. */
static void test_grow(tn_plan *p)
{
    for (int k = 0; k < p->grows; k++) {
        const tn_grow *q = &p->grown[k].grow;
        int32_t rows = p->h->layout[q->parent].rows, *length = arena_new(&p->h->memory, sizeof *length * (size_t)(rows + 1));
        for (int32_t r = 0; r < rows; r++) {
            int32_t from[8] = { 0 };
            for (uint32_t i = 0; i < q->n_from; i++) {
                const tn_layout *l = &p->h->layout[q->from[i]];
                from[i] = l->length[l->place[r]];
            }
            length[r] = q->length(p->part->self, from);
        }
        test_layout(p->h, GROWN + k, q->parent, length, q->like);
    }
}

static const tn_pairs *test_pairs_of(tn_plan *p, int32_t a, int32_t b)
{
    for (int i = 0; i < p->n_pairs; i++)
        if (p->pairs[i].a == a && p->pairs[i].b == b) return &p->pairs[i].p;
    test_pairs *x = &p->pairs[p->n_pairs++];
    x->a = a, x->b = b;
    pairs_build(&x->p, &p->h->layout[a], &p->h->layout[b], &p->h->scratch);
    return &x->p;
}

static int64_t test_rows(const test_host *h, const tn_spec *s)
{
    return s->layout ? h->layout[s->layout].rows : s->rows;
}

/* Plans a layer or loss. NULL after a message. */
TEST_MAYBE static test_part *test_plan(test_host *h, uint32_t kind, const char *toml, int n_in,
                                       const tn_spec *in)
{
    test_part *p = memory_new(sizeof *p);
    const tn_spec *at[TEST_SLOTS];
    p->h = h, p->part = test_part_of(h, kind, toml);
    if (!p->part) {
        memory_free(p);
        return NULL;
    }
    p->layer = kind == TN_LOSS ? ((const tn_loss *)p->part->desc->table)->layer : p->part->desc->table;
    for (int i = 0; i < n_in; i++) {
        test_add(p, T_IN, NULL, &in[i]);
        at[i] = &in[i];
    }
    host_clear(&h->host);
    if (!p->layer->plan(&h->api, &h->host, p->part->config, p->part->self, p, (uint32_t)n_in, at)) {
        test_grow(p);
        return p;
    }
    part_close(p->part);
    memory_free(p);
    return NULL;
}

/* ---- slots ----------------------------------------------------------------------------------------- */
static size_t test_bytes(test_part *p, const test_slot *s)
{
    const tn_spec *of = &s->spec;
    int64_t n = of->across ? test_pairs_of(p, of->layout, of->across)->total : test_rows(p->h, of) * of->width;
    return 4 * (size_t)n;
}

/* Memory of all slots: zeros in inputs, parameters and states, NaN in the rest, zeros in gradients. */
TEST_MAYBE static void test_allocate(test_part *p)
{
    for (int g = 0; g < T_GROUPS; g++)
        for (int i = 0; i < p->count[g]; i++) {
            test_slot *s = &p->slot[g][i];
            size_t bytes = test_bytes(p, s);
            const tn_layout *l = s->spec.layout ? &p->h->layout[s->spec.layout] : NULL;
            s->value = (tn_tensor){ sizeof(tn_tensor),
                                    s->spec.dtype,
                                    memory_new(bytes),
                                    test_rows(p->h, &s->spec),
                                    s->spec.width,
                                    s->spec.width,
                                    l,
                                    s->spec.across ? test_pairs_of(p, s->spec.layout, s->spec.across) : NULL,
                                    NULL };
            s->grad = s->value;
            s->grad.data = memory_new(bytes);
            if (g == T_OUT || g == T_NEXT || g == T_SAVED || g == T_WORK) memset(s->value.data, 0xff, bytes);
            p->at[g][i] = s->used ? &s->value : NULL;
            p->d_at[g][i] = s->used && s->spec.dtype == TN_F32 ? &s->grad : NULL;
        }
    for (int i = 0; i < p->packs; i++) {
        test_slot *w = &p->slot[T_PARAM][p->pack[i].param];
        int64_t rows = w->spec.rows, width = w->spec.width, k = p->pack[i].transposed ? width : rows;
        int64_t units = (p->pack[i].transposed ? rows : width) / p->pack[i].groups;
        p->pack[i].data = memory_new((size_t)p->h->be.ops->pack_size(&p->h->be, k, units, p->pack[i].groups));
        p->pack_at[i] = p->pack[i].data;
    }
}

/* Id inputs get their index; to be called when the ids are in place. */
TEST_MAYBE static void test_index(test_part *p, int i)
{
    test_slot *s = &p->slot[T_IN][i];
    int32_t *slot_of = arena_new(&p->h->memory, sizeof *slot_of * (size_t)(s->spec.classes + 1));
    tn_index *x = arena_new(&p->h->memory, sizeof *x);
    for (int64_t k = 0; k < s->spec.classes; k++) slot_of[k] = -1;
    index_build(x, s->value.data, (int32_t)s->value.rows, slot_of, &p->h->scratch);
    s->value.index = x;
}

TEST_MAYBE static void test_free(test_part *p)
{
    for (int g = 0; g < T_GROUPS; g++)
        for (int i = 0; i < p->count[g]; i++) {
            memory_free(p->slot[g][i].value.data);
            memory_free(p->slot[g][i].grad.data);
        }
    for (int i = 0; i < p->packs; i++) memory_free(p->pack[i].data);
    part_close(p->part);
    memory_free(p);
}

TEST_MAYBE static test_slot *test_find(test_part *p, int group, const char *name)
{
    for (int i = 0; i < p->count[group]; i++)
        if (!strcmp(p->slot[group][i].name, name)) return &p->slot[group][i];
    return NULL;
}

/* ---- running --------------------------------------------------------------------------------------- */
static const tn_impl *test_impl(const test_part *p)
{
    for (int i = 0; p->layer->impls[i]; i++)
        if (!strcmp(p->layer->impls[i]->backend, "cpu") || !strcmp(p->layer->impls[i]->backend, "*"))
            return p->layer->impls[i];
    return NULL;
}

static void test_poison_work(test_part *p)
{
    for (int i = 0; i < p->count[T_WORK]; i++)
        memset(p->slot[T_WORK][i].value.data, 0xff, test_bytes(p, &p->slot[T_WORK][i]));
}

static void test_call(test_part *p, uint32_t flags, tn_rng rng)
{
    p->call = (tn_call){ .size = sizeof p->call, .flags = flags, .step = 1, .api = &p->h->api,
                         .host = &p->h->host, .be = &p->h->be,
                         .rng = rng, .layout = p->h->layout_at, .in = p->at[T_IN], .out = p->at[T_OUT],
                         .param = p->at[T_PARAM],
                         .saved = p->at[T_SAVED], .work = p->at[T_WORK], .packed = p->pack_at,
                         .state = p->at[T_STATE],
                         .next = p->at[T_NEXT], .d_in = p->d_at[T_IN], .d_out = p->d_at[T_OUT],
                         .d_param = p->d_at[T_PARAM],
                         .d_state = p->d_at[T_STATE], .d_next = p->d_at[T_NEXT] };
}

TEST_MAYBE static int test_forward(test_part *p, uint32_t flags, tn_rng rng)
{
    for (int i = 0; i < p->packs; i++) {
        const test_pack *k = &p->pack[i];
        const tn_tensor *w = &p->slot[T_PARAM][k->param].value;
        int64_t depth = k->transposed ? w->width : w->rows,
                units = (k->transposed ? w->rows : w->width) / k->groups;
        p->h->be.ops->pack(&p->h->be, k->transposed, depth, units, k->groups, w->data, w->width, k->data);
    }
    test_poison_work(p);
    test_call(p, flags, rng);
    return test_impl(p)->forward(p->part->self, &p->call);
}

/* Gradients of the output are in place. */
TEST_MAYBE static int test_backward(test_part *p)
{
    const tn_impl *f = test_impl(p);
    test_poison_work(p);
    int rc = f->backward ? f->backward(p->part->self, &p->call) : 0;
    test_poison_work(p);
    return rc ? rc : f->gradient ? f->gradient(p->part->self, &p->call) : 0;
}
#endif
