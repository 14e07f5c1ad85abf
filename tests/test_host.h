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
enum {
    TEXT = 2,
    TEST_LAYOUTS = 3,
    TEST_SLOTS = 96
}; /* layouts: the root, and TEXT, one row a step            */
enum { T_IN, T_OUT, T_PARAM, T_SAVED, T_WORK, T_STATE, T_NEXT, T_GROUPS };

typedef struct test_slot { char name[40]; tn_spec spec; tn_param param; tn_tensor value, grad; int used; } test_slot;
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
static int test_parent(tn_plan *p, int32_t layout) { (void)p; return layout == TEXT ? TN_ROOT : 0; }
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
    tn_spec s = { .dtype = TN_F32, .rows = q->ndim > 1 ? q->dim[0] : 1,
                  .width = q->ndim > 1 ? q->dim[1] : q->dim[0] };
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
                       .parent = test_parent, .add_out = test_out, .add_param = test_param,
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

/* Layouts of a batch: n examples, with that many steps each (NULL: there are no steps). */
TEST_MAYBE static void test_layouts(test_host *h, int32_t n, const int32_t *length)
{
    int32_t *none = arena_new(&h->memory, sizeof *none * (size_t)(n + 1));
    layout_root(&h->layout[TN_ROOT], n, &h->scratch);
    layout_build(&h->layout[TEXT], TEXT, &h->layout[TN_ROOT], length ? length : none, NULL, &h->scratch);
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
    if (!p->layer->plan(&h->api, &h->host, p->part->config, p->part->self, p, (uint32_t)n_in, at)) return p;
    part_close(p->part);
    memory_free(p);
    return NULL;
}

/* ---- slots ----------------------------------------------------------------------------------------- */
static size_t test_bytes(const test_host *h, const test_slot *s)
{
    return 4 * (size_t)(test_rows(h, &s->spec) * s->spec.width);
}

/* Memory of all slots: zeros in inputs, parameters and states, NaN in the rest, zeros in gradients. */
TEST_MAYBE static void test_allocate(test_part *p)
{
    for (int g = 0; g < T_GROUPS; g++)
        for (int i = 0; i < p->count[g]; i++) {
            test_slot *s = &p->slot[g][i];
            size_t bytes = test_bytes(p->h, s);
            const tn_layout *l = s->spec.layout ? &p->h->layout[s->spec.layout] : NULL;
            s->value = (tn_tensor){ sizeof(tn_tensor),
                                    s->spec.dtype,
                                    memory_new(bytes),
                                    test_rows(p->h, &s->spec),
                                    s->spec.width,
                                    s->spec.width,
                                    l,
                                    NULL,
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
        memset(p->slot[T_WORK][i].value.data, 0xff, test_bytes(p->h, &p->slot[T_WORK][i]));
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
