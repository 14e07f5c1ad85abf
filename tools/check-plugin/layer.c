/* layer.c -- the checks of layers and losses. Finite differences cannot see wrong wiring, since forward and backward agree
 * in it; that each example alone equals itself in the batch, bit by bit, shows that. Both are needed.              */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "checks.h"

/* Batches that every check goes through: ragged with ties, an order of its own, one empty, one alone, all with the last first. */
static const struct { int64_t example[EXAMPLES]; int n; } batches[] = {
    { { 0, 1, 2, 3, 4, 5 }, 6 }, { { 4, 2, 7, 1, 6 }, 5 }, { { 1 }, 1 }, { { 5, 1 }, 2 }, { { 4 }, 1 },
    { { 7, 6, 5, 4, 3, 2, 1, 0 }, 8 } };
enum { BATCHES = sizeof batches / sizeof *batches };

const char *fault(const char *format, ...)
{
    static char text[700];
    char fresh[sizeof text]; /* an argument may be the fault of before */
    va_list args;
    va_start(args, format);
    vsnprintf(fresh, sizeof fresh, format, args);
    va_end(args);
    return memcpy(text, fresh, sizeof text);
}

/* ---- what inputs to offer ------------------------------------------------------------------------------------------------ */
static const offer one[][MOST_INPUTS] = {
    { REALS(L_TEXT, 5) }, { REALS(L_ROOT, 5) }, { IDS(L_TEXT, 7) }, { REALS(L_CHARS, 3) }, { IDS(L_CHARS, 7) } };
static const offer two[][MOST_INPUTS] = {
    { REALS(L_TEXT, 5), REALS(L_TEXT, 5) }, { REALS(L_TEXT, 5), REALS(L_TEXT, 4) }, { REALS(L_TARGET, 5), REALS(L_TEXT, 5) },
    { REALS(L_TARGET, 5), REALS(L_TEXT, 4) }, { REALS(L_ROOT, 5), REALS(L_ROOT, 5) }, { REALS(L_ROOT, 5), REALS(L_TEXT, 5) },
    { REALS(L_TEXT, 5), REALS(L_CHARS, 4) }, { IDS(L_TARGET, 7), REALS(L_TEXT, 5) } };
static const offer three[][MOST_INPUTS] = {
    { REALS(L_TEXT, 5), REALS(L_TEXT, 5), REALS(L_TEXT, 5) }, { REALS(L_TARGET, 5), REALS(L_TEXT, 5), REALS(L_TEXT, 5) },
    { REALS(L_TARGET, 5), REALS(L_TEXT, 5), REALS(L_ROOT, 5) } };
static const offer losses[][MOST_INPUTS] = {
    { REALS(L_ROOT, 5), IDS(L_ROOT, 5) }, { REALS(L_TEXT, 5), IDS(L_TEXT, 5) }, { REALS(L_ROOT, 1), IDS(L_ROOT, 2) },
    { REALS(L_TEXT, 1), IDS(L_TEXT, 2) }, { REALS(L_ROOT, 3), REALS(L_ROOT, 3) }, { REALS(L_TEXT, 3), REALS(L_TEXT, 3) },
    { MEANT(L_TEXT, 5, TN_LOGITS), IDS(L_TEXT, 5) }, { MEANT(L_TEXT, 5, TN_PROBABILITIES), IDS(L_TEXT, 5) },
    { MEANT(L_TEXT, 5, TN_LOG_PROBABILITIES), IDS(L_TEXT, 5) }, { MEANT(L_TEXT, 1, TN_LOGITS), IDS(L_TEXT, 2) },
    { MEANT(L_TEXT, 1, TN_PROBABILITIES), IDS(L_TEXT, 2) }, { MEANT(L_TEXT, 1, TN_LOG_PROBABILITIES), IDS(L_TEXT, 2) },
    { MEANT(L_TEXT, 3, TN_PROBABILITIES), REALS(L_TEXT, 3) },
    { MEANT(L_TEXT, 3, TN_PROBABILITIES), MEANT(L_TEXT, 3, TN_PROBABILITIES) }, { REALS(L_TEXT, 5), IDS(L_TARGET, 4) },
    { MEANT(L_TEXT, 5, TN_LOG_PROBABILITIES), IDS(L_TARGET, 4) } };

const offer (*offers_of(uint32_t kind, uint32_t inputs, int *n))[MOST_INPUTS]
{
    if (kind == TN_LOSS) return *n = sizeof losses / sizeof *losses, losses;
    if (inputs == 1) return *n = sizeof one / sizeof *one, one;
    if (inputs == 2) return *n = sizeof two / sizeof *two, two;
    return *n = sizeof three / sizeof *three, three;
}

static const char *opened(probe *p, const subject *s)
{
    if (probe_open(p, s->path, s->kind, s->name, s->options, s->offer, s->n))
        return fault("cannot be opened a second time: %s", p->host.error);
    return NULL;
}

static const char *why(const probe *p, const char *phase)
{
    return fault("%s failed: %s", phase, p->host.error[0] ? p->host.error : "it gave no message");
}

/* ---- every row is written, nothing else is ------------------------------------------------------------------------------- */
static uint64_t hash_of(const tn_tensor *t)
{
    uint64_t h = 7;
    const unsigned char *b = t->data;
    for (int64_t i = 0; b && i < 4 * tensor_elements(t); i++) h = (h ^ b[i]) * 1099511628211u;
    return h;
}

static uint64_t hash_of_inputs(const probe *p)
{
    uint64_t h = 1;
    for (int i = 0; i < p->node->count[G_IN]; i++) h = mixed(h, hash_of(&p->node->in_slot[i]->value));
    for (int i = 0; i < p->node->count[G_STATE]; i++)
        if (p->node->state_slot[i]) h = mixed(h, hash_of(&p->node->state_slot[i]->value));
    for (int i = 0; i < p->graph->n_parameters; i++) {
        const parameter *w = p->graph->parameter[i];
        h = mixed(h, hash_of(&w->owner->param[w->slot].value));
    }
    return h;
}

static const char *not_written(probe *p)
{
    tensor list[32];
    int n = probe_results(p, list, 32);
    for (int k = 0; k < n; k++) {
        const tn_tensor *t = &list[k].s->value;
        for (int64_t i = 0; i < tensor_elements(t); i++)
            if (isnan(((float *)t->data)[i]))
                return fault("forward left row %lld of %s unwritten, or computed it from what was never written%s",
                             (long long)(i / (t->width ? t->width : 1)), list[k].what,
                             t->lay && t->lay->id == TN_ROOT ? " (an empty sequence must give something, too)" : "");
    }
    n = probe_wanted(p, list, 32);
    for (int k = 0; k < n; k++)
        for (int64_t i = 0; list[k].s->grad.data && i < tensor_elements(&list[k].s->grad); i++)
            if (isnan(((float *)list[k].s->grad.data)[i]))
                return fault("the gradient of %s is computed from what was never written", list[k].what);
    return NULL;
}

static const char *phases_in_bounds(const subject *s, int before)
{
    probe p;
    guard_before(before);
    const char *bad = opened(&p, s);
    if (bad) return bad;
    process_before(s->path);
    p.guards_layouts = 1;
    for (int training = 0; training < 2; training++)
        for (int b = 0; b < BATCHES; b++) {
            p.training = training;
            probe_bind(&p, batches[b].example, batches[b].n);
            uint64_t inputs = hash_of_inputs(&p);
            if (probe_forward(&p)) return why(&p, "forward");
            if (probe_backward(&p, 0)) return why(&p, "backward or gradient");
            if ((bad = not_written(&p)) || (bad = guard_check()) || (bad = process_after())) return bad;
            if (hash_of_inputs(&p) != inputs) return "changed its inputs, states or parameters";
        }
    probe_close(&p);
    return NULL;
}

/* Once with forbidden pages right behind all rows, once right before them. */
static const char *check_phases(const subject *s)
{
    const char *bad = phases_in_bounds(s, 0);
    guard_reset();
    return bad ? bad : phases_in_bounds(s, 1);
}

/* ---- finite differences ---------------------------------------------------------------------------------------------------- */
/* f(x + e u) */
static double value_at(probe *p, float *x, const float *keep, const float *u, int64_t n, double e, int *failed)
{
    for (int64_t i = 0; i < n; i++) x[i] = keep[i] + (float)(e * (double)u[i]);
    if (p->graph->n_parameters) graph_pack(p->graph);
    *failed |= probe_forward(p) != 0;
    double f = probe_sum(p);
    memcpy(x, keep, sizeof *x * (size_t)n);
    if (p->graph->n_parameters) graph_pack(p->graph);
    return f;
}

/* side 0: (f(x + e u) - f(x - e u)) / 2e and the same with 2e, put together so that the error is of fourth order. Else of one
 * side alone, of second order: (4 f(x + e u) - 3 f(x) - f(x + 2e u)) / 2e. */
static double slope(probe *p, float *x, const float *keep, const float *u, int64_t n, double e, int side, int *failed)
{
    double f[4];
    double at[2][4] = { { e, -e, 2 * e, -2 * e }, { side * e, 2 * side * e, 0, 0 } };
    for (int k = 0; k < (side ? 3 : 4); k++) f[k] = value_at(p, x, keep, u, n, at[side != 0][k], failed);
    if (side) return side * (4 * f[0] - 3 * f[2] - f[1]) / (2 * e);
    return (4 * (f[0] - f[1]) / (2 * e) - (f[2] - f[3]) / (4 * e)) / 3;
}

/* Along a direction: u = sign of the gradient (a factor shows), random signs (wiring shows), single elements. */
static const char *check_tensor(probe *p, const tensor *t, uint64_t seed)
{
    float *x = t->s->value.data, *g = t->s->grad.data;
    int64_t n = tensor_elements(&t->s->value);
    const size_t bytes = sizeof *x * (size_t)(n + 1);
    float *keep = malloc(bytes), *u = malloc(bytes), *grad = malloc(bytes);
    const char *bad = NULL;
    memcpy(keep, x, sizeof *x * (size_t)n), memcpy(grad, g, sizeof *x * (size_t)n);
    double size = 0;
    for (int64_t i = 0; i < n; i++) size += fabs((double)grad[i]);
    for (int k = 0; k < 14 && !bad && n; k++) {
        double want = 0;
        int failed = 0;
        for (int64_t i = 0; i < n; i++) {
            uint64_t r = mixed(seed + (uint64_t)k, (uint64_t)i);
            u[i] = k == 0 ? (grad[i] < 0 ? -1.0f : 1.0f)
                   : k < 6 ? (r & 1 ? 1.0f : -1.0f)
                   : i == (int64_t)(mixed(seed, (uint64_t)k) % (uint64_t)n) ? 1.0f : 0;
            want += (double)u[i] * (double)grad[i];
        }
        double first = k < 6 ? 4e-3 : 1e-2, best = HUGE_VAL, got = 0;
        double noise = 4e-3 * fabs(want) + (k < 6 ? 2e-4 * size / sqrt((double)n + 1) + 4e-4 : 1.5e-3 + 1e-3 * size / (double)n);
        for (int tried = 0; tried < 12 && !(best <= noise); tried++) { /* a kink (relu, max) may lie within one step, or on one side */
            double d = slope(p, x, keep, u, n, first / pow(2.5, tried % 4), tried < 4 ? 0 : tried < 8 ? 1 : -1, &failed);
            if (fabs(d - want) < best) best = fabs(d - want), got = d;
        }
        if (failed) bad = why(p, "forward");
        else if (!(best <= noise))
            bad = fault("the gradient of %s is wrong: %.6g, finite differences say %.6g (%s)", t->what, want, got,
                        k == 0 ? "along the sign of the gradient" : k < 6 ? "along random signs" : "one element");
    }
    free(keep), free(u), free(grad);
    return bad;
}

static const char *check_gradients(const subject *s)
{
    probe p;
    const char *bad = opened(&p, s);
    if (bad) return bad;
    for (int b = 0; b < (s->quick ? 2 : BATCHES) && !bad; b++) {
        tensor list[64];
        p.training = b != 1;
        probe_bind(&p, batches[b].example, batches[b].n);
        if (probe_forward(&p) || probe_backward(&p, 0)) return why(&p, "a phase");
        int n = probe_wanted(&p, list, 64);
        for (int k = 0; k < n && !bad; k++) bad = check_tensor(&p, &list[k], s->seed + (uint64_t)(100 * b + k));
    }
    probe_close(&p);
    return bad;
}

/* The gradients after a backward pass into 1s: what they were after one into 0s, and 1. Where the part sets the first one. */
static const char *compare_added(probe *p, const tensor *list, int n, float *const *zero)
{
    if (probe_forward(p) || probe_backward(p, 1)) return why(p, "a phase");
    for (int k = 0; k < n; k++) {
        int set = p->set && list[k].s == p->node->in_slot[0];
        for (int64_t i = 0; i < tensor_elements(&list[k].s->grad); i++) {
            float a = zero[k][i], b = ((float *)list[k].s->grad.data)[i] - (set ? 0.0f : 1.0f);
            if (fabsf(a - b) <= 1e-4f * (1 + fabsf(a))) continue;
            return fault(set ? "the gradient of %s is added, not set, though the part says TN_L_SETS: "
                               "%g where there was 1, %g where there was 0"
                             : "the gradient of %s is set, not added: %g where there was 1, %g where there was 0",
                         list[k].what, (double)(set ? b : b + 1), (double)a);
        }
    }
    return NULL;
}

/* Where no gradient comes from above, zeros are to be set. */
static const char *check_set_to_zero(probe *p)
{
    node *n = p->node;
    p->zero_d_next = 1;
    for (int i = 0; i < n->count[G_OUT]; i++) n->at_d_out[i] = NULL;
    if (probe_forward(p) || probe_backward(p, 1)) return why(p, "a phase");
    const tn_tensor *t = &n->in_slot[0]->grad;
    for (int64_t i = 0; t->data && i < tensor_elements(t); i++)
        if (((float *)t->data)[i] != 0)
            return fault("the gradient of input 1 is not set where d_out is NULL, though the part says TN_L_SETS");
    return NULL;
}

static const char *check_added(const subject *s)
{
    probe p;
    const char *bad = opened(&p, s);
    if (bad) return bad;
    tensor list[64];
    float *zero[64];
    probe_bind(&p, batches[0].example, batches[0].n);
    if (probe_forward(&p) || probe_backward(&p, 0)) return why(&p, "a phase");
    int n = probe_wanted(&p, list, 64);
    for (int k = 0; k < n; k++) {
        size_t bytes = sizeof(float) * (size_t)tensor_elements(&list[k].s->grad);
        zero[k] = arena_new(&p.memory, bytes + 1);
        memcpy(zero[k], list[k].s->grad.data, bytes);
    }
    bad = compare_added(&p, list, n, zero);
    p.set = !bad && p.node->layer->flags & TN_L_SETS;
    if (p.set) bad = compare_added(&p, list, n, zero);
    if (p.set && !bad && s->kind == TN_LAYER) bad = check_set_to_zero(&p);
    probe_close(&p);
    return bad;
}

/* ---- alone as in the batch --------------------------------------------------------------------------------------------------- */
typedef struct rows { uint64_t *key; float *v; int64_t n, width; } rows;

/* The rows of a tensor by their names. */
static rows rows_of(probe *p, const tn_tensor *t)
{
    rows r = { arena_new(&p->memory, 8 * (size_t)(t->rows + 1)), arena_new(&p->memory, 4 * (size_t)(t->rows * t->width + 1)),
               t->rows, t->width };
    for (int64_t i = 0; i < t->rows; i++) r.key[i] = row_key(p, t->lay, (int32_t)i);
    if (t->data) memcpy(r.v, t->data, 4 * (size_t)(t->rows * t->width));
    return r;
}

static const char *compare_rows(const rows *all, const rows *few, const char *what, const char *how)
{
    for (int64_t i = 0; i < few->n; i++) {
        int64_t k = 0;
        while (k < all->n && all->key[k] != few->key[i]) k++;
        if (k == all->n) return fault("%s has rows that the batch lacks", what);
        for (int64_t j = 0; j < all->width; j++)
            if (memcmp(&all->v[k * all->width + j], &few->v[i * all->width + j], 4))
                return fault("%s of an example differs %s: %.9g, then %.9g; it must not depend on who else is in the batch",
                             what, how, (double)all->v[k * all->width + j], (double)few->v[i * all->width + j]);
    }
    return NULL;
}

/* Values and data gradients of all rows, with the batch that is bound. */
static int collect(probe *p, rows *of, const char **what, int most)
{
    tensor list[64];
    int m = 0, n = probe_results(p, list, 32);
    for (int k = 0; k < n && m < most; k++)
        if (list[k].s->value.lay && !list[k].s->value.pairs) of[m] = rows_of(p, &list[k].s->value), what[m++] = list[k].what;
    n = probe_wanted(p, list, 64);
    for (int k = 0; k < n && m < most; k++)
        if (!list[k].is_parameter) {
            of[m] = rows_of(p, &list[k].s->grad);
            what[m++] = arena_print(&p->memory, "the gradient of %s", list[k].what);
        }
    return m;
}

static const char *compare_batches(const subject *s, const int64_t *first, int n_first, const int64_t *second, int n_second,
                                   const char *how)
{
    probe p;
    rows a[32], b[32];
    const char *what[32], *bad = opened(&p, s);
    if (bad) return bad;
    probe_bind(&p, first, n_first);
    if (probe_forward(&p) || probe_backward(&p, 0)) return why(&p, "a phase");
    int n = collect(&p, a, what, 32);
    probe_bind(&p, second, n_second);
    if (probe_forward(&p) || probe_backward(&p, 0)) return why(&p, "a phase");
    if (collect(&p, b, what, 32) != n) return fault("has other results %s", how);
    for (int k = 0; k < n && !bad; k++) bad = compare_rows(&a[k], &b[k], what[k], how);
    probe_close(&p);
    return bad;
}

static const char *check_alone(const subject *s)
{
    const char *bad = NULL;
    for (int64_t e = 0; e < EXAMPLES && !bad; e++) {
        guard_reset();
        bad = compare_batches(s, batches[5].example, batches[5].n, &e, 1, "when it is alone");
    }
    return bad;
}

static const char *check_order(const subject *s)
{
    static const int64_t upwards[] = { 0, 1, 2, 3, 4, 5, 6, 7 };
    return compare_batches(s, batches[5].example, batches[5].n, upwards, 8, "when the examples come in another order");
}

/* ---- the same bits ---------------------------------------------------------------------------------------------------- */
static const char *compare_hashes(const subject *s, int cuts)
{
    probe p;
    const char *bad = opened(&p, s);
    if (bad) return bad;
    uint64_t first[96] = { 0 };
    const tn_ops *real = p.be.ops;
    for (int round = 0; round < (cuts ? 6 : 2) && !bad; round++) {
        tensor list[96];
        p.training = !cuts;
        p.graph->be.ops = cuts && round ? random_cuts(real, s->seed + (uint64_t)round) : real;
        probe_bind(&p, batches[0].example, batches[0].n);
        if (probe_forward(&p) || probe_backward(&p, 0)) return why(&p, "a phase");
        int n = probe_results(&p, list, 32), m = n + probe_wanted(&p, list + n, 64);
        for (int k = 0; k < m && !bad; k++) {
            uint64_t h = hash_of(k < n ? &list[k].s->value : &list[k].s->grad);
            if (round && h != first[k])
                bad = fault(cuts ? "%s%s has other bits when parallel_for is cut otherwise"
                                 : "%s%s has other bits the second time; random numbers must come from call->rng",
                            k < n ? "" : "the gradient of ", list[k].what);
            first[k] = h;
        }
    }
    p.graph->be.ops = real;
    probe_close(&p);
    return bad;
}
static const char *check_repeat(const subject *s) { return compare_hashes(s, 0); }
static const char *check_cuts(const subject *s) { return compare_hashes(s, 1); }

/* Two instances in one process, in turn, must not see each other. */
static const char *check_instances(const subject *s)
{
    probe a, b;
    const char *bad = opened(&a, s);
    if (bad || (bad = opened(&b, s))) return bad;
    b.training = 1;
    probe_bind(&a, batches[0].example, batches[0].n);
    if (probe_forward(&a)) return why(&a, "forward");
    double alone = probe_sum(&a);
    probe_bind(&b, batches[1].example, batches[1].n);
    if (probe_forward(&a) || probe_forward(&b) || probe_backward(&b, 0)) return why(&b, "a phase");
    double beside = probe_sum(&a);
    if (memcmp(&alone, &beside, sizeof alone) && !(isnan(alone) && isnan(beside)))
        return "two of its kind in one network disturb each other";
    if (probe_backward(&a, 0)) return why(&a, "backward");
    return NULL;
}

const char *check_quickly(const subject *s)
{
    static check_fn *const all[] = { check_phases, check_gradients, check_alone };
    const char *bad = NULL;
    for (size_t i = 0; i < sizeof all / sizeof *all && !bad; i++) {
        guard_reset(), guard_before(0);
        bad = all[i](s);
    }
    return bad;
}

const check layer_checks[] = {
    { "writes its rows and nothing else", check_phases }, { "gradients against finite differences", check_gradients },
    { "gradients are added", check_added }, { "an example alone as in the batch", check_alone },
    { "the order of the examples", check_order }, { "loops cut at random", check_cuts },
    { "the same bits twice", check_repeat }, { "two of its kind", check_instances }, { NULL, NULL } };
