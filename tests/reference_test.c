/* reference_test.c -- parts against PyTorch: forward and gradients on ragged batches, 20 steps of each optimizer, regularizers;
 * metrics against scikit-learn and sacrebleu. The references are tests/reference/NAME.safetensors, made by make_references.py in
 * float64; for each tensor max|a - b| <= 1e-5 max|b|.
 *
 *     reference_test PLUGINS REFERENCES     for each instruction set that this processor has */
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "../host/checkpoint.h"
#include "../include/tenon/metric_rows.h"
#include "test_host.h"

#define TOLERANCE 1e-5
static const int isas[] = { 0, 3, 4 };
static const char *const files[] = { "layers", "recurrent", "shapes", "activations", "losses", "optimizers", "metrics", "schedules",
                                     "tagging", "multi_label", "regularizers" };
enum { FILES = sizeof files / sizeof *files };

typedef struct reference {
    test_host *h;
    const checkpoint *file;
    const char *name, *toml;
    int isa;
    double worst;
    uint64_t bits;
} reference;

static const checkpoint_tensor *given(const reference *r, const char *what, int i)
{
    char key[256];
    if (i < 0) snprintf(key, sizeof key, "%.60s/%.160s", r->name, what);
    else snprintf(key, sizeof key, "%.60s/%.160s.%d", r->name, what, i);
    return checkpoint_find(r->file, key);
}

static const checkpoint_tensor *given_named(const reference *r, const char *what, const char *name)
{
    char key[160];
    snprintf(key, sizeof key, "%.60s.%.90s", what, name);
    return given(r, *name ? key : what, -1);
}

static int64_t elements(const checkpoint_tensor *t)
{
    int64_t n = 1;
    for (int i = 0; i < t->ndim; i++) n *= t->dim[i];
    return n;
}

static int32_t integer(const reference *r, const char *what, int i, int32_t otherwise)
{
    const checkpoint_tensor *t = given(r, what, i);
    return t ? *(const int32_t *)t->data : otherwise;
}

/* max|a - b| <= 1e-5 max|b|, and no NaN. The bits found go into r->bits. */
static void compare(reference *r, const char *what, const float *found, const float *expected, int64_t n)
{
    double far = 0, most = 0;
    int64_t at = 0;
    for (int64_t i = 0; i < n; i++) {
        double d = fabs((double)found[i] - (double)expected[i]);
        if (!(d <= far)) far = isnan(d) ? INFINITY : d, at = i;
        if (fabs((double)expected[i]) > most) most = fabs((double)expected[i]);
    }
    if (most > 0 && far / most > r->worst) r->worst = far / most;
    for (int64_t i = 0; i < 4 * n; i++)
        r->bits = (r->bits ^ ((const unsigned char *)found)[i]) * 1099511628211u;
    expect(
        far <= TOLERANCE * most,
        "%s (isa %d): %s: element %lld is %.9g, expected %.9g; the largest is %.9g, %.3g of it is allowed",
        r->name, r->isa, what, (long long)at, n ? (double)found[at] : 0, n ? (double)expected[at] : 0, most,
        TOLERANCE);
}

/* Each number for itself within 1e-5 of it: rates or rows of weights, of which one may be a million times another. */
static void compare_each(reference *r, const float *found, const float *expected, int64_t n)
{
    int64_t far = -1;
    for (int64_t i = 0; i < n && far < 0; i++)
        if (!(fabs((double)found[i] - (double)expected[i]) <= TOLERANCE * fabs((double)expected[i]) + 1e-12)) far = i;
    expect(far < 0, "%s: number %lld is %.9g, expected %.9g", r->name, (long long)far, far < 0 ? 0 : (double)found[far],
           far < 0 ? 0 : (double)expected[far]);
}

/* The packed rows of a layout, example by example and within each step by step. */
static int64_t in_order(const tn_layout *l, int32_t *row)
{
    if (!l->parent) {
        for (int32_t r = 0; r < l->rows; r++) row[r] = r;
        return l->rows;
    }
    int32_t *up = memory_new(sizeof *up * (size_t)(l->over->rows + 1));
    int64_t n = 0, parents = in_order(l->over, up);
    for (int64_t i = 0; i < parents; i++)
        for (int32_t s = l->place[up[i]], t = 0; t < l->length[s]; t++) row[n++] = l->first[t] + s;
    memory_free(up);
    return n;
}

/* Rows example by example to packed rows, or back. */
static void reorder(const tn_layout *l, int64_t width, const void *from, void *to, int packs)
{
    int32_t *at = memory_new(sizeof *at * (size_t)(l->rows + 1));
    int64_t rows = in_order(l, at);
    for (int64_t row = 0; row < rows; row++)
        memcpy((char *)to + 4 * width * (packs ? at[row] : row), (const char *)from + 4 * width * (packs ? row : at[row]),
               4 * (size_t)width);
    memory_free(at);
}

static void fill_tensor(const reference *r, tn_tensor *t, const checkpoint_tensor *from)
{
    if (!from) return;
    if (t->lay && t->lay->parent) reorder(t->lay, t->width, from->data, t->data, 1);
    else memcpy(t->data, from->data, 4 * (size_t)elements(from));
    (void)r;
}

static void compare_tensor(reference *r, const char *what, const char *name, const tn_tensor *t,
                           const checkpoint_tensor *expected)
{
    char label[120];
    if (!expected) return;
    int64_t n = elements(expected);
    snprintf(label, sizeof label, "%s %s", what, name);
    expect(n == t->rows * t->width, "%s: %s has %lld numbers, expected %lld", r->name, label,
           (long long)(t->rows * t->width), (long long)n);
    if (n != t->rows * t->width) return;
    float *rows = memory_new(4 * (size_t)n);
    if (t->lay && t->lay->parent) reorder(t->lay, t->width, t->data, rows, 0);
    else memcpy(rows, t->data, 4 * (size_t)n);
    compare(r, label, rows, expected->data, n);
    memory_free(rows);
}

/* ---- layers and losses ----------------------------------------------------------------------------- */
/* Specs of the inputs, from their tensors; how many. "layout.I" names the layout of input I: 1 the root, 2 TEXT (the default
 * where there are lengths), 3 CHARS, 4 TARGET. */
static int read_specs(const reference *r, tn_spec *in)
{
    int n = 0;
    for (const checkpoint_tensor *t; (t = given(r, "in", n)); n++) {
        in[n] = (tn_spec){ .dtype = t->dtype,
                           .means = t->dtype == TN_I32 ? TN_IDS : (uint32_t)integer(r, "means", n, TN_VALUES),
                           .layout = integer(r, "layout", n, given(r, "length", -1) ? TEXT : TN_ROOT),
                           .width = t->ndim > 1 ? t->dim[1] : 1,
                           .classes = integer(r, "classes", n, 0) };
    }
    return n;
}

/* "length" has the steps of TEXT, "length.3" those of CHARS for each step of TEXT, "length.4" those of TARGET. */
static void set_layouts(const reference *r)
{
    const checkpoint_tensor *length = given(r, "length", -1), *x = given(r, "in", 0), *more;
    test_layouts(r->h, (int32_t)(length ? length : x)->dim[0], length ? length->data : NULL);
    if ((more = given(r, "length", CHARS))) {
        int32_t *packed = arena_new(&r->h->memory, sizeof *packed * (size_t)(elements(more) + 1));
        reorder(&r->h->layout[TEXT], 1, more->data, packed, 1);
        test_layout(r->h, CHARS, TEXT, packed, 0);
    }
    if ((more = given(r, "length", TARGET))) test_layout(r->h, TARGET, TN_ROOT, more->data, 0);
}

/* States that the reference does not name: none are given, none wanted. */
static void choose_states(const reference *r, test_part *p)
{
    for (int i = 0; i < p->count[T_STATE]; i++)
        p->slot[T_STATE][i].used = given_named(r, "state", p->slot[T_STATE][i].name) != NULL;
}

static void check_probabilities(reference *r, test_part *p)
{
    const checkpoint_tensor *expected = given(r, "probability", -1);
    const tn_loss *loss = p->part->desc->table;
    if (!expected) return;
    float *found = memory_new(4 * (size_t)elements(expected)),
          *rows = memory_new(4 * (size_t)elements(expected));
    expect(!loss->predict(p->part->self, &p->call, expected->dim[1], found), "%s: predict: %s", r->name,
           r->h->host.error);
    const tn_layout *l = p->slot[T_IN][0].value.lay;
    if (l->parent) reorder(l, expected->dim[1], found, rows, 0);
    compare(r, "probability", l->parent ? rows : found, expected->data, elements(expected));
    memory_free(found);
    memory_free(rows);
}

static void check_slots(reference *r, test_part *p)
{
    static const struct { int group, gradient; const char *what; } all[] = {
        { T_OUT, 0, "out" }, { T_NEXT, 0, "next" }, { T_PARAM, 1, "d_param" }, { T_STATE, 1, "d_state" } };
    for (int k = 0; k < 4; k++)
        for (int i = 0; i < p->count[all[k].group]; i++) {
            test_slot *s = &p->slot[all[k].group][i];
            const checkpoint_tensor *t = given_named(r, all[k].what, s->name);
            if (all[k].gradient && all[k].group == T_PARAM)
                expect(t != NULL, "%s: the reference lacks parameter %s", r->name, s->name);
            compare_tensor(r, all[k].what, s->name, all[k].gradient ? &s->grad : &s->value, t);
        }
    for (int i = 0; i < p->count[T_IN]; i++)
        compare_tensor(r, "d_in", "", &p->slot[T_IN][i].grad, given(r, "d_in", i));
}

static void check_layer(reference *r, uint32_t kind)
{
    tn_spec in[4];
    int n = read_specs(r, in);
    set_layouts(r);
    test_part *p = test_plan(r->h, kind, r->toml, n, in);
    expect(p != NULL, "%s: cannot be planned: %s", r->name, r->h->host.error);
    if (!p) return;
    choose_states(r, p);
    test_allocate(p);
    for (int i = 0; i < n; i++) {
        fill_tensor(r, &p->slot[T_IN][i].value, given(r, "in", i));
        if (in[i].dtype == TN_I32) test_index(p, i);
    }
    for (int i = 0; i < p->count[T_PARAM]; i++)
        fill_tensor(r, &p->slot[T_PARAM][i].value, given_named(r, "param", p->slot[T_PARAM][i].name));
    for (int i = 0; i < p->count[T_STATE]; i++) {
        fill_tensor(r, &p->slot[T_STATE][i].value, given_named(r, "state", p->slot[T_STATE][i].name));
        fill_tensor(r, &p->slot[T_NEXT][i].grad, given_named(r, "d_next", p->slot[T_NEXT][i].name));
    }
    fill_tensor(r, &p->slot[T_OUT][0].grad, given(r, "d_out", -1));
    expect(!test_forward(p, TN_C_TRAINING, (tn_rng){ 1, 1 }), "%s: forward: %s", r->name, r->h->host.error);
    expect(!test_backward(p), "%s: backward: %s", r->name, r->h->host.error);
    check_slots(r, p);
    if (kind == TN_LOSS) check_probabilities(r, p);
    test_free(p);
}

/* ---- activations, optimizers, regularizers, metrics -------------------------------------------------------------- */
static void check_activation(reference *r)
{
    const checkpoint_tensor *x = given(r, "in", 0), *y = given(r, "out", -1), *dy = given(r, "d_out", -1);
    tn_part *part = test_part_of(r->h, TN_ACTIVATION, r->toml);
    expect(part != NULL, "%s: no such activation", r->name);
    if (!part) return;
    const tn_activation *a = part->desc->table;
    int64_t n = elements(x);
    float *out = memory_new(4 * (size_t)n), *in_place = memory_new(4 * (size_t)n),
          *dx = memory_new(4 * (size_t)n);
    memcpy(in_place, x->data, 4 * (size_t)n);
    a->forward(part->self, &r->h->be, x->dim[0], x->dim[1], x->data, out);
    a->forward(part->self, &r->h->be, x->dim[0], x->dim[1], in_place, in_place);
    compare(r, "out", out, y->data, n);
    expect(!memcmp(out, in_place, 4 * (size_t)n), "%s: in place it gives other numbers", r->name);
    memset(dx, 0xff, 4 * (size_t)n);
    memcpy(in_place, dy->data, 4 * (size_t)n);
    a->backward(part->self, &r->h->be, x->dim[0], x->dim[1], a->flags & TN_USES_IN ? x->data : NULL, out,
                dy->data, dx);
    a->backward(part->self, &r->h->be, x->dim[0], x->dim[1], a->flags & TN_USES_IN ? x->data : NULL, out,
                in_place, in_place);
    compare(r, "d_in", dx, given(r, "d_in", 0)->data, n);
    expect(!memcmp(dx, in_place, 4 * (size_t)n), "%s: backward in place gives other numbers", r->name);
    memory_free(out);
    memory_free(in_place);
    memory_free(dx);
    part_close(part);
}

static void check_optimizer(reference *r)
{
    const checkpoint_tensor *first = given(r, "param", -1), *g = given(r, "gradient", -1),
                            *after = given(r, "out", -1);
    const float *rate = given(r, "rate", -1)->data, *decay = given(r, "decay", -1)->data;
    tn_part *part = test_part_of(r->h, TN_OPTIMIZER, r->toml);
    expect(part != NULL, "%s: no such optimizer", r->name);
    if (!part) return;
    const tn_optimizer *o = part->desc->table;
    int64_t n = elements(first);
    float *p = memory_new(4 * (size_t)n), *slot[8];
    for (uint32_t i = 0; i < o->slots; i++) slot[i] = memory_new(4 * (size_t)n);
    memcpy(p, first->data, 4 * (size_t)n);
    for (int64_t t = 0; t < g->dim[0]; t++) {
        char label[32];
        float number[TN_NUMBERS] = { 0 };
        tn_update u = { .size = sizeof u, .t = t + 1, .rate = (double)rate[t], .decay = (double)decay[0], .number = number,
                        .slot = slot };
        snprintf(label, sizeof label, "step %d", (int)t + 1);
        if (o->prepare) expect(!o->prepare(part->self, &u, number), "%s: %s cannot be prepared", r->name, label);
        u.n = n, u.p = p, u.g = (const float *)g->data + t * n;
        expect(!o->step(part->self, &r->h->be, &u), "%s: %s fails", r->name, label);
        compare(r, label, p, (const float *)after->data + t * n, n);
    }
    for (uint32_t i = 0; i < o->slots; i++) memory_free(slot[i]);
    memory_free(p);
    part_close(part);
}

/* A penalty: what it adds to the loss and to a gradient. A constraint: the rows of a parameter scaled. */
static void check_regularizer(reference *r)
{
    const checkpoint_tensor *p = given(r, "param", -1), *after = given(r, "out", -1), *g = given(r, "gradient", -1);
    tn_part *part = test_part_of(r->h, TN_REGULARIZER, r->toml);
    expect(part != NULL, "%s: no such regularizer", r->name);
    if (!part) return;
    const tn_regularizer *t = part->desc->table;
    int64_t n = elements(p);
    float *found = memory_new(4 * (size_t)n);
    memcpy(found, after ? p->data : g->data, 4 * (size_t)n);
    if (after) {
        expect(!t->constrain(part->self, &r->h->be, p->dim[0], p->dim[1], found), "%s: %s", r->name, r->h->host.error);
        compare_each(r, found, after->data, n);
    } else {
        double penalty = NAN;
        expect(!t->add(part->self, &r->h->be, n, p->data, found, &penalty), "%s: %s", r->name, r->h->host.error);
        compare(r, "d_param", found, given(r, "d_param", -1)->data, n);
        compare_each(r, (float[]){ (float)penalty }, given(r, "penalty", -1)->data, 1);
    }
    memory_free(found);
    part_close(part);
}

/* A metric on all rows, in batches: only sums over all may count. */
static void count_rows(reference *r, tn_part *part, const tn_spec *spec, double *sum)
{
    tn_tensor value[2], *at[2] = { &value[0], &value[1] }, keep, *out[1] = { &keep };
    const tn_metric_rows *k = part->desc->ext ? part->desc->ext(TN_METRIC_ROWS) : NULL;
    int64_t rows = given(r, "in", 0)->dim[0], width = k && k->keeps ? k->keeps(part->self) : 0;
    float *kept = memory_new(4 * (size_t)(rows * width + 1));
    for (int64_t from = 0; from < rows; from += 17) {
        tn_call c = { .size = sizeof c, .api = &r->h->api, .host = &r->h->host, .be = &r->h->be, .in = at, .out = out };
        int64_t n = rows - from < 17 ? rows - from : 17;
        keep = (tn_tensor){ sizeof(tn_tensor), TN_F32, kept + from * width, n, width, width, NULL, NULL, NULL };
        for (int i = 0; i < 2; i++)
            value[i] = (tn_tensor){ sizeof(tn_tensor), spec[i].dtype,
                                    (char *)given(r, "in", i)->data + 4 * from * spec[i].width,
                                    n, spec[i].width, spec[i].width, NULL, NULL, NULL };
        expect(!((const tn_metric *)part->desc->table)->update(part->self, &c, sum), "%s: %s", r->name, r->h->host.error);
    }
    if (k && k->finish) expect(!k->finish(part->self, rows, kept, sum), "%s: %s", r->name, r->h->host.error);
    memory_free(kept);
}

/* The same where output and target have steps of their own, three examples a batch. */
static void count_sequences(reference *r, tn_part *part, const tn_spec *spec, double *sum)
{
    tn_tensor value[2], *at[2] = { &value[0], &value[1] };
    const int32_t *length[2] = { given(r, "length", 0)->data, given(r, "length", 1)->data };
    int64_t examples = elements(given(r, "length", 0)), done[2] = { 0, 0 };
    for (int64_t from = 0; from < examples; from += 3) {
        int32_t n = (int32_t)(examples - from < 3 ? examples - from : 3);
        tn_call c = { .size = sizeof c, .api = &r->h->api, .host = &r->h->host, .be = &r->h->be, .in = at };
        test_layouts(r->h, n, length[0] + from);
        test_layout(r->h, TARGET, TN_ROOT, length[1] + from, 0);
        for (int i = 0; i < 2; i++) {
            const tn_layout *l = &r->h->layout[spec[i].layout];
            value[i] = (tn_tensor){ sizeof(tn_tensor), TN_I32, memory_new(4 * (size_t)(l->rows + 1)), l->rows, 1, 1, l, NULL, NULL };
            reorder(l, 1, (const int32_t *)given(r, "in", i)->data + done[i], value[i].data, 1);
            done[i] += l->rows;
        }
        expect(!((const tn_metric *)part->desc->table)->update(part->self, &c, sum), "%s: %s", r->name, r->h->host.error);
        for (int i = 0; i < 2; i++) memory_free(value[i].data);
    }
}

static void check_metric(reference *r)
{
    tn_spec spec[4];
    const tn_spec *in[4] = { &spec[0], &spec[1] };
    uint32_t sums = 0, results = 0;
    tn_part *part = test_part_of(r->h, TN_METRIC, r->toml);
    expect(part != NULL, "%s: no such metric", r->name);
    if (!part) return;
    const tn_metric *m = part->desc->table;
    int n = read_specs(r, spec);
    if (given(r, "length", 0)) spec[0].layout = TEXT, spec[1].layout = TARGET;
    else set_layouts(r);
    int rc = m->plan(&r->h->api, &r->h->host, part->config, part->self, (uint32_t)n, in, &sums);
    expect(!rc, "%s: cannot be planned: %s", r->name, r->h->host.error);
    if (rc) return;
    double *sum = memory_new(sizeof *sum * (sums + 1));
    if (given(r, "length", 0)) count_sequences(r, part, spec, sum);
    else count_rows(r, part, spec, sum);
    for (const char *name; ; results++) {
        double found;
        int32_t higher;
        if (m->result(part->self, sum, results, &name, &found, &higher)) break;
        const checkpoint_tensor *t = given_named(r, "result", name && *name ? name : "");
        if (!t) t = given(r, "result.", -1);
        double expected = (double)*(const float *)t->data;
        expect(fabs(found - expected) <= 1e-6 * fmax(1, fabs(expected)), "%s: %s is %.9g, expected %.9g", r->name,
               name ? name : "(main)", found, expected);
    }
    expect(results > 0, "%s: no results", r->name);
    memory_free(sum);
    part_close(part);
}

/* The rate at every step of a training, the history growing by a value an epoch. */
static void check_schedule(reference *r)
{
    const checkpoint_tensor *expected = given(r, "out", -1), *history = given(r, "value", -1);
    int64_t n = elements(expected);
    tn_part *part = test_part_of(r->h, TN_SCHEDULE, r->toml);
    expect(part != NULL, "%s: no such schedule", r->name);
    if (!part) return;
    double value[64];
    float *found = memory_new(4 * (size_t)n);
    tn_progress p = { .size = sizeof p, .higher_is_better = (uint32_t)integer(r, "higher", -1, 0), .steps = n,
                      .epoch_steps = integer(r, "epoch_steps", -1, 1), .value = value };
    p.epochs = n / p.epoch_steps;
    for (int64_t i = 0; history && i < elements(history) && i < 64; i++) value[i] = (double)((const float *)history->data)[i];
    for (int64_t i = 0; i < n; i++) {
        p.step = i + 1, p.epoch = 1 + i / p.epoch_steps, p.values = history ? p.epoch - 1 : 0;
        found[i] = (float)((const tn_schedule *)part->desc->table)->rate(part->self, &p, (double)*(const float *)given(r, "base", -1)->data);
    }
    compare_each(r, found, expected->data, n);
    memory_free(found);
    part_close(part);
}

/* ---- files ----------------------------------------------------------------------------------------- */
static void check_case(reference *r)
{
    char kind[32] = "";
    const char *text = r->toml;
    size_t n = strcspn(text, " ");
    if (n >= sizeof kind) return;
    memcpy(kind, text, n);
    r->toml = text + n + 1;
    switch (kind_of(kind)) {
    case TN_LAYER: check_layer(r, TN_LAYER); break;
    case TN_LOSS: check_layer(r, TN_LOSS); break;
    case TN_ACTIVATION: check_activation(r); break;
    case TN_OPTIMIZER: check_optimizer(r); break;
    case TN_METRIC: check_metric(r); break;
    case TN_SCHEDULE: check_schedule(r); break;
    case TN_REGULARIZER: check_regularizer(r); break;
    default: expect(0, "%s: no kind '%s'", r->name, kind);
    }
    scratch_reset(&r->h->scratch);
}

/* What the process of an instruction set tells: the bits of all tensors of each case, by file, and its counts. */
typedef struct findings { uint64_t bits[FILES][128]; int passed, failed; double worst; } findings;

static void check_file(test_host *h, const char *folder, int number, int isa, findings *found)
{
    const char *name = files[number];
    char path[4096], error[512];
    snprintf(path, sizeof path, "%s/%s.safetensors", folder, name);
    checkpoint *file = checkpoint_read(path, error, sizeof error);
    expect(file != NULL, "%s", error);
    if (!file) return;
    for (int i = 0; i < file->n_texts; i++) {
        reference r = { h, file, file->text[i].key, file->text[i].value, isa, 0, 1469598103934665603u };
        check_case(&r);
        if (r.worst > found->worst) found->worst = r.worst;
        if (i < 128) found->bits[number][i] = r.bits;
    }
    checkpoint_free(file);
}

/* In a process of its own: one instruction set. */
static int check_isa(const char *plugins, const char *folder, int isa, findings *found)
{
    test_host h;
    expect_passed = expect_failed = 0;
    if (test_open(&h, plugins, isa, 2)) return 1;
    for (int i = 0; i < FILES; i++) check_file(&h, folder, i, isa, found);
    printf("reference, instruction set %d: the largest difference is %.2g of a tensor's largest number\n",
           isa, found->worst);
    fflush(stdout);
    test_close(&h);
    found->passed = expect_passed, found->failed = expect_failed;
    return 0;
}

int main(int argc, char **argv)
{
    if (argc < 3) return 2;
    findings *found = mmap(NULL, 3 * sizeof *found, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
                           0);
    if (found == MAP_FAILED) return 2;
    for (int k = 0; k < 3 && isas[k] <= registry_isa(); k++) {
        int status = 1;
        fflush(stdout);
        pid_t child = fork();
        if (child == 0) exit(check_isa(argv[1], argv[2], isas[k], &found[k]));
        expect(child > 0 && waitpid(child, &status, 0) == child && !status,
               "instruction set %d: its process ends with %d", isas[k], status);
        expect_passed += found[k].passed, expect_failed += found[k].failed;
        for (int i = 0; i < FILES; i++)
            for (int c = 0; c < 128; c++)
                if (found[0].bits[i][c] || found[k].bits[i][c])
                    expect(found[k].bits[i][c] == found[0].bits[i][c],
                           "%s, case %d: other bits with instruction set %d than with plain C", files[i],
                           c + 1, isas[k]);
    }
    return expect_end("reference");
}
