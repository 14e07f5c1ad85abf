/* wrong.c -- one layer, y = sum of what came before in the sequence times w, with one fault built in by -DFAULT=n. FAULT 0
 * is right, and so is 38, which keeps a table. check-plugin must pass those and name the fault of every other.      */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif
#include "tenon/tenon.h"
#ifndef FAULT
#define FAULT 0
#endif

typedef struct { int64_t width, times, n_in, plans; } wrong;
typedef struct { int64_t times; } config;
static const tn_option options[] = { TN_INT(config, times, 1, 1, 1000, "what the output is multiplied by") };
#if FAULT == 6
static int64_t calls; /* a global that it writes */
#endif
#if FAULT == 15
__attribute__((visibility("default"))) int helper_that_should_be_hidden(void);
int helper_that_should_be_hidden(void) { return 1; }
#endif

#if FAULT == 34
/* Not monotone, though `like` says so. */
static int32_t odd_length(void *self, const int32_t *from) { return (void)self, from[0] % 3; }
#endif

/* Where row r of input 0 lies: at r, at its id's row where it comes by index, or in a table of inputs that it keeps. */
#define KEEPS (FAULT == 38 || FAULT == 39)
#if KEEPS
#define INPUT(r) (c->in[0]->index ? c->in[0]->index->of[(r) / n] * n + (r) % n : (r))
#else
#define INPUT(r) (r)
#endif

static int plan(const tn_api *api, tn_host *host, const void *opts, void *self, tn_plan *p, uint32_t n_in, const tn_spec *const *in)
{
    (void)n_in;
#if FAULT == 31
    if (in[0]->layout == TN_ROOT) return TN_ESHAPE; /* and does not say why */
#endif
    if (in[0]->dtype != TN_F32 || api->parent(p, in[0]->layout) <= 0)
        return api->fail(host, TN_ESHAPE, "needs the steps of a sequence");
    tn_spec y = *in[0], last = y;
    y.index_of = 0, last.layout = api->parent(p, in[0]->layout);
    wrong *own = self;
    if (n_in == 2 && (in[1]->layout != in[0]->layout || in[1]->width != in[0]->width))
        return api->fail(host, TN_ESHAPE, "needs two inputs alike");
#if FAULT == 24
    if (own->plans++ && api->add_work(p, &y) < 0) return TN_EINVAL; /* keeps count of its plans */
#endif
#if FAULT == 25
    if (!own->width) own->width = in[0]->width; /* the first plan decides */
#else
    own->width = in[0]->width;
#endif
    own->times = ((const config *)opts)->times, own->n_in = n_in;
#if FAULT == 34
    tn_grow odd = { sizeof odd, last.layout, "odd", 1, 0, &in[0]->layout, odd_length, in[0]->layout, 0 };
    if (api->add_layout(p, &odd) < 0) return TN_EINVAL;
#endif
    if (KEEPS && api->add_kept(p, 0, in[0]->width) < 0) return TN_EINVAL;
    tn_param w = { sizeof w, 0, "weight", "glorot_uniform", 1, 1, { in[0]->width, 0, 0, 0 }, in[0]->width, in[0]->width, 0, 0 };
    return api->add_out(p, NULL, &y) < 0 || api->add_state(p, "state", &last, FAULT == 35 ? 0 : TN_S_NO_CARRY) < 0
        || api->add_param(p, &w) < 0 || api->add_saved(p, &y) < 0 || api->add_work(p, &last) < 0 ? TN_EINVAL : TN_OK;
}

/* Faults that have nothing to do with the sum. */
static int misbehave(const tn_call *c)
{
    const tn_layout *l = c->in[0]->lay;
    const float *x = c->in[0]->data;
    (void)l, (void)x;
#if FAULT == 6
    calls++;
#endif
#if FAULT == 7 && defined(__x86_64__)
    _mm_setcsr(_mm_getcsr() | 0x6000); /* rounds towards zero from now on */
#endif
#if FAULT == 8
    if (l->sequences) *(volatile int *)(uintptr_t)8 = 1;
#endif
#if FAULT == 9
    for (volatile int64_t i = 0; l->rows || i == 0; i++) { }
#endif
#if FAULT == 10
    if (l->rows) ((float *)c->in[0]->data)[0] += 1;
#endif
#if FAULT == 13
    exit(0);
#endif
#if FAULT == 17
    float before = x[-1]; /* nothing comes before the first row */
    if (before != 0) ((float *)c->out[0]->data)[0] = before;
#endif
#if FAULT == 18
    if (l->order[-1] > l->rows) return TN_EINVAL; /* no sequence comes before the first */
#endif
#if FAULT == 19
    for (char *more; l->rows; ) /* goes on when there is no memory left, too */
        if ((more = malloc(1 << 20))) more[0] = 1;
#endif
#if FAULT == 20
    if (l->rows) pause();
#endif
#if FAULT == 21
    return l->rows ? misbehave(c) + 1 : TN_OK; /* a stack without end */
#endif
#if FAULT == 63
    float *gone = c->be->ops->alloc(c->be, sizeof *gone);
    c->be->ops->release(c->be, gone);
    if (gone && l->rows) gone[0] = 1;
#endif
#if FAULT == 28
    if (!malloc(40)) return TN_ENOMEM; /* that nobody frees */
#endif
    return TN_OK;
}

/* saved[r] = times (sum of x up to this step, plus the state); y = w saved. */
static int forward(void *self, const tn_call *c)
{
    int64_t n = ((wrong *)self)->width;
    float k = (float)((wrong *)self)->times;
    const tn_layout *l = c->in[0]->lay;
    const float *x = c->in[0]->data, *w = c->param[0]->data, *state = c->state[0] ? c->state[0]->data : NULL;
    float *y = c->out[0]->data, *sum = c->saved[0]->data, *next = c->next[0] ? c->next[0]->data : NULL;
    if (misbehave(c)) return TN_EINVAL;
#if KEEPS
    if (c->kept[0]) {
        int64_t more = c->in[0]->index->distinct, at = FAULT == 39 ? 0 : c->kept[0]->rows - more; /* 39: not behind the others */
        memcpy((float *)c->kept[0]->data + at * n, x, sizeof *x * (size_t)(more * n));
        x = c->kept[0]->data;
    }
#endif
    for (int32_t s = 0; s < l->sequences; s++)
        for (int64_t j = 0; j < n; j++) {
#if FAULT == 5
            int32_t p = s; /* the sorted position instead of the parent's row */
#else
            int32_t p = l->order[s];
#endif
            float a = state ? state[p * n + j] : 0;
#if FAULT == 4
            for (int32_t t = 0; t < l->steps; t++) { /* to the end of the batch's longest sequence */
                int64_t r = (l->first[t] + (s < l->live[t] ? s : 0)) * n + j;
                a += x[r];
                if (s < l->live[t]) sum[r] = k * a, y[r] = w[j] * sum[r];
            }
#else
            for (int32_t t = 0; t < l->length[s]; t++) {
                int64_t r = (l->first[t] + s) * n + j;
#if FAULT == 3
                a += x[r + l->rows * n]; /* past its rows */
#else
                a += x[INPUT(r)];
#endif
                if (((wrong *)self)->n_in == 2) a += ((float *)c->in[1]->data)[r];
#if FAULT == 11
                a += 1e-3f * (float)(rand() % 7); /* random numbers of its own */
#endif
#if FAULT == 37
                if (!(c->flags & TN_C_ALONE)) /* what nobody reads later need not be saved, but it reads it itself */
#endif
                    sum[r] = k * a;
                y[r] = w[j] * sum[r];
            }
#endif
#if FAULT == 12
            if (next && l->length[s]) next[p * n + j] = a; /* an empty sequence gives nothing */
#else
            if (next) next[p * n + j] = a;
#endif
#if FAULT == 35
            for (int32_t t = 0; state && t < l->length[s]; t++) { /* the outputs know nothing of the state */
                int64_t r = (l->first[t] + s) * n + j;
                sum[r] = k * (sum[r] / k - state[p * n + j]), y[r] = w[j] * sum[r];
            }
#endif
        }
#if FAULT == 14
    if (l->rows) y[l->rows * n] = 0; /* writes one behind its rows */
#endif
    return TN_OK;
}

static int backward(void *self, const tn_call *c)
{
    int64_t n = ((wrong *)self)->width;
    float k = (float)((wrong *)self)->times;
    const tn_layout *l = c->in[0]->lay;
#if FAULT == 22
    if (k > 16) k = 16; /* the gradient is right in the lower part of the range only */
#endif
    const float *w = c->param[0]->data, *dy = c->d_out[0] ? c->d_out[0]->data : NULL;
    const float *dn = c->d_next[0] ? c->d_next[0]->data : NULL;
    float *dx = c->d_in[0] ? c->d_in[0]->data : NULL, *ds = c->d_state[0] ? c->d_state[0]->data : NULL;
    float *dx2 = ((wrong *)self)->n_in == 2 && c->d_in[1] ? c->d_in[1]->data : NULL;
#if FAULT == 29
    if (!dx) return TN_OK; /* and forgets the state */
#endif
    for (int32_t s = 0; s < l->sequences; s++)
        for (int64_t j = 0; j < n; j++) {
            int32_t p = l->order[s];
            float g = dn ? dn[p * n + j] : 0;
            for (int32_t t = l->length[s]; t-- > 0; ) {
                int64_t r = (l->first[t] + s) * n + j;
                if (dy) g += k * w[j] * dy[r];
#if FAULT == 1
                if (dx) dx[r] += 1.01f * g; /* off by 1 % */
#elif FAULT == 2
                if (dx) dx[r] = g; /* sets instead of adds */
#elif FAULT == 30
                float one = dx ? dx[r] : 0, two = dx2 ? dx2[r] : 0; /* both may be the same number */
                if (dx) dx[r] = one + g;
                if (dx2) dx2[r] = two + g;
#else
                if (dx) dx[INPUT(r)] += g;
                if (dx2) dx2[r] += g;
#endif
            }
#if FAULT == 35
            if (ds) ds[p * n + j] += dn ? dn[p * n + j] : 0;
#else
            if (ds) ds[p * n + j] += g;
#endif
        }
    return TN_OK;
}

static int gradient(void *self, const tn_call *c)
{
    int64_t n = ((wrong *)self)->width, rows = c->in[0]->rows;
    const float *sum = c->saved[0]->data, *dy = c->d_out[0] ? c->d_out[0]->data : NULL;
    float *dw = c->d_param[0] ? c->d_param[0]->data : NULL;
#if FAULT == 16
    sum = c->work[0]->data; /* scratch is not kept from phase to phase */
    rows = rows < c->work[0]->rows ? rows : c->work[0]->rows;
#endif
    for (int64_t r = 0; dw && dy && r < rows; r++)
        for (int64_t j = 0; j < n; j++) dw[j] += sum[r * n + j] * dy[r * n + j];
    return TN_OK;
}

#if FAULT == 23 || FAULT == 32
/* A loss, -log x_t of probabilities and -x_t of values, whose gradient is right for values only. */
typedef struct { int64_t classes; uint32_t means; } row_loss;
static int plan_loss(const tn_api *api, tn_host *host, const void *opts, void *self, tn_plan *p, uint32_t n_in,
                     const tn_spec *const *in)
{
    (void)opts, (void)n_in;
    if (in[1]->means != TN_IDS || in[0]->width != in[1]->classes)
        return api->fail(host, TN_ESHAPE, "needs a number for each class");
    *(row_loss *)self = (row_loss){ in[0]->width, in[0]->means };
    tn_spec y = { .dtype = TN_F32, .layout = in[0]->layout, .width = 1 };
    return api->add_out(p, NULL, &y) < 0 ? TN_EINVAL : TN_OK;
}
static int loss_forward(void *self, const tn_call *c)
{
    const row_loss *l = self;
    const float *x = c->in[0]->data;
    for (int64_t r = 0; r < c->in[0]->rows; r++) {
        float at = x[r * l->classes + ((int32_t *)c->in[1]->data)[r]];
        ((float *)c->out[0]->data)[r] = l->means == TN_PROBABILITIES ? -logf(at) : -at;
    }
    return TN_OK;
}
static int loss_backward(void *self, const tn_call *c)
{
    for (int64_t r = 0; c->d_in[0] && c->d_out[0] && r < c->in[0]->rows; r++)
        ((float *)c->d_in[0]->data)[r * ((row_loss *)self)->classes + ((int32_t *)c->in[1]->data)[r]] -=
            ((float *)c->d_out[0]->data)[r];
    return TN_OK;
}
static int loss_predict(void *self, const tn_call *c, int64_t classes, float *probability) /* values are none */
{
    (void)self;
    memcpy(probability, c->in[0]->data, sizeof(float) * (size_t)(c->in[0]->rows * classes));
    return TN_OK;
}
static const tn_impl loss_impl = { sizeof loss_impl, 0, "cpu", loss_forward, loss_backward, NULL };
static const tn_impl *const loss_impls[] = { &loss_impl, NULL };
static const tn_layer loss_layer = { sizeof loss_layer, 0, 2, 2, plan_loss, loss_impls, NULL, 0, 0, NULL, NULL };
static const tn_loss loss_table = { sizeof loss_table, 0, TN_VALUES, 0, &loss_layer, loss_predict };
static const tn_desc loss_desc = { sizeof loss_desc, TN_LOSS, &loss_table, "wrong_loss",
                                   "a loss, with a fault", "For a test.", TN_NO_OPTIONS, 0, sizeof(row_loss),
                                   NULL, NULL, NULL, NULL, NULL, NULL };
#endif

#if FAULT == 26 /* load reads less than save writes */
static int save(void *self, int (*put)(void *to, const void *, size_t), void *to)
{
    return put(to, &((wrong *)self)->width, sizeof(int64_t));
}
static int load(void *self, int (*get)(void *from, void *, size_t), void *from)
{
    return (void)self, (void)get, (void)from, TN_OK;
}
#define SAVE save, load
#else
#define SAVE NULL, NULL
#endif
#if FAULT == 27 /* says that it wrote them all */
static int initialize(void *self, const tn_api *api, tn_host *host, uint32_t slot, tn_rng rng, float *p)
{
    (void)self, (void)api, (void)host, (void)slot, (void)rng;
    p[0] = 1;
    return 1;
}
#define INITIALIZE initialize
#else
#define INITIALIZE NULL
#endif

static const tn_impl impl = { sizeof impl, 0, "cpu", forward, backward, gradient };
static const tn_impl *const impls[] = { &impl, NULL };
static const tn_layer table = { sizeof table, TN_L_RECURRENT | (FAULT == 36 ? TN_L_SETS : 0) | (KEEPS ? TN_L_INDEXED : 0), 1, 2, plan, impls, NULL, 0, 0, NULL,
                                INITIALIZE };
static const tn_desc desc = { sizeof desc, TN_LAYER, &table, "wrong", "a running sum, with a fault", "For a test.",
                              TN_OPTIONS(options), sizeof(config), sizeof(wrong), NULL, NULL, NULL, SAVE, NULL };
#if FAULT == 33
static int add(void *self, tn_be *be, int64_t n, const float *p, float *g, double *penalty) /* sets g */
{
    (void)self, (void)be;
    *penalty = 0;
    for (int64_t i = 0; i < n; i++) *penalty += (double)p[i] * (double)p[i], g[i] = 2 * p[i];
    return TN_OK;
}
static const tn_regularizer penalty_table = { sizeof penalty_table, 0, add };
static const tn_desc penalty_desc = { sizeof penalty_desc, TN_REGULARIZER, &penalty_table, "wrong_penalty",
                                      "a penalty, with a fault", "For a test.", TN_NO_OPTIONS, 0, 0,
                                      NULL, NULL, NULL, NULL, NULL, NULL };
#endif
#if FAULT == 40 || FAULT == 41
static int constrain(void *self, tn_be *be, int64_t rows, int64_t width, float *p)
{
    float by = FAULT == 40 ? 0.5f : 1 / (1 + fabsf(p[0]));       /* halves rows for ever; by the first row of those given */
    (void)self, (void)be;
    for (int64_t i = 0; i < rows * width; i++) p[i] = FAULT == 41 && fabsf(p[i]) <= 1 ? p[i] : p[i] * by;
    return TN_OK;
}
static const tn_regularizer bound_table = { sizeof bound_table, 0, NULL, constrain };
static const tn_desc bound_desc = { sizeof bound_desc, TN_REGULARIZER, &bound_table, "wrong_bound",
                                    "a bound, with a fault", "For a test.", TN_NO_OPTIONS, 0, 0,
                                    NULL, NULL, NULL, NULL, NULL, NULL };
#endif
#if FAULT >= 42 && FAULT <= 44
static int update(void *self, tn_be *be, const tn_update *u)
{
    (void)self, (void)be;
    for (int64_t i = 0; i < u->n; i++) {
        float g = u->g ? u->g[i] : FAULT == 42 ? 1.0f : 0.0f;    /* moves what has no gradient */
        u->p[i] -= (float)u->rate * g / (FAULT == 43 ? (float)u->n : 1);
    }
    return TN_OK;
}
static uint32_t slots_used(const void *self) { return (void)self, FAULT == 44 ? 2 : 1; }
static const tn_optimizer update_table = { sizeof update_table, 1, update, NULL, slots_used };
static const tn_desc update_desc = { sizeof update_desc, TN_OPTIMIZER, &update_table, "wrong_update",
                                     "an optimizer, with a fault", "For a test.", TN_NO_OPTIONS, 0, 0,
                                     NULL, NULL, NULL, NULL, NULL, NULL };
#endif
static const tn_desc *const parts[] = { &desc,
#if FAULT == 23 || FAULT == 32
    &loss_desc,
#endif
#if FAULT == 33
    &penalty_desc,
#endif
#if FAULT == 40 || FAULT == 41
    &bound_desc,
#endif
#if FAULT >= 42 && FAULT <= 44
    &update_desc,
#endif
    NULL };
TN_PLUGIN("wrong", "1.0.0", "Tenon", "MIT", "", parts)
