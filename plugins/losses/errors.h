/* errors.h -- a loss on the difference of output and target, e = x - t. A file states error_value() and error_slope() and
 * ends in ERROR_LOSS(...). A file with options states its config and options[] first and defines HAS_OPTIONS. */
#ifndef ERRORS_H
#define ERRORS_H
#include "classes.h"

#ifdef HAS_OPTIONS
#define ERROR_TABLE TN_OPTIONS(options)
#else
typedef struct config { char none; } config;
#define ERROR_TABLE TN_NO_OPTIONS
#endif

typedef struct loss { int64_t width; int target; const config *options; } loss;
enum { NUMBERS, CLASS_NUMBERS, ONE_HOT };  /* what the target is: numbers; ids as the numbers 0, 1, 2 ...; ids as columns */
enum { OUTPUT, TARGET };
static const char *loss_name(void);

static double error_value(double e, const config *o);
static float error_slope(float e, const config *o);        /* its derivative */

static int plan(const tn_api *api, tn_host *host, const void *opts, void *self, tn_plan *p, uint32_t n_in,
                const tn_spec *const *in)
{
    loss *l = self;
    const tn_spec *x = in[OUTPUT], *t = in[TARGET];
    int rc = check_rows(api, host, loss_name(), x, t);
    (void)n_in;
    if (rc) return rc;
    int one_hot = t->means == TN_IDS && x->width > 1;
    int64_t width = one_hot ? t->classes : t->width;
    if (x->width != width && !(one_hot && !t->classes))
        return tn_fail(api, host, TN_ESHAPE, "%s: the input has %lld values a row, the target %lld%s", loss_name(),
                       (long long)x->width, (long long)width, one_hot ? " classes" : "");
    *l = (loss){ x->width, one_hot ? ONE_HOT : t->means == TN_IDS ? CLASS_NUMBERS : NUMBERS, opts };
    return add_row_loss(api, p, x, 0);
}

typedef struct job { const loss *l; const tn_call *c; } job;

/* Of column j in row r. */
static float error_of(const job *b, int64_t r, int64_t j)
{
    const float *x = (const float *)b->c->in[OUTPUT]->data + r * b->l->width;
    const void *t = b->c->in[TARGET]->data;
    if (b->l->target == NUMBERS) return x[j] - ((const float *)t)[r * b->l->width + j];
    int32_t id = ((const int32_t *)t)[r];
    return x[j] - (b->l->target == ONE_HOT ? (float)(id == j) : (float)id);
}

/* y = (f(e_1) + ... + f(e_W)) / W */
static void forward_rows(void *to, int64_t from, int64_t end)
{
    const job *b = to;
    float *y = b->c->out[LOSS]->data;
    for (int64_t r = from; r < end; r++) {
        double sum = 0;
        for (int64_t j = 0; j < b->l->width; j++) sum += error_value((double)error_of(b, r, j), b->l->options);
        y[r] = (float)(sum / (double)b->l->width);
    }
}

/* dx_j = dy f'(e_j) / W */
static void backward_rows(void *to, int64_t from, int64_t end)
{
    const job *b = to;
    const float *dy = b->c->d_out[LOSS]->data;
    float *dx = b->c->d_in[OUTPUT]->data;
    for (int64_t r = from; r < end; r++)
        for (int64_t j = 0; j < b->l->width; j++)
            dx[r * b->l->width + j] += dy[r] * error_slope(error_of(b, r, j), b->l->options) / (float)b->l->width;
}

static int forward(void *self, const tn_call *c)
{
    job b = { self, c };
    return c->be->ops->parallel_for(c->be, c->in[OUTPUT]->rows, 256, forward_rows, &b);
}

static int backward(void *self, const tn_call *c)
{
    job b = { self, c };
    if (!c->d_in[OUTPUT] || !c->d_out[LOSS]) return TN_OK;
    return c->be->ops->parallel_for(c->be, c->in[OUTPUT]->rows, 256, backward_rows, &b);
}

#define ERROR_TARGETS "A target of classes is a one in its column and zeros in the others, or for one value a row the number 0, 1, 2 ...\n"
#define ERROR_LOSS(NAME, BRIEF, DOC)                                                                     \
    static const char *loss_name(void) { return NAME; }                                                  \
    static const tn_impl on_cpu = { sizeof on_cpu, 0, "cpu", forward, backward, NULL };                  \
    static const tn_impl *const impls[] = { &on_cpu, NULL };                                             \
    static const tn_layer layer = { .size = sizeof layer, .min_in = 2, .max_in = 2, .plan = plan,        \
                                    .impls = impls, .port_size = sizeof(tn_port) };                      \
    static const tn_loss table = { sizeof table, 0, TN_VALUES, 0, &layer, NULL };                        \
    static const tn_desc desc = { .size = sizeof desc, .kind = TN_LOSS, .table = &table, .name = NAME,   \
                                  .brief = BRIEF, .doc = DOC, ERROR_TABLE,                               \
                                  .config_size = sizeof(config), .self_size = sizeof(loss) };            \
    static const tn_desc *const parts[] = { &desc, NULL };                                               \
    TN_PLUGIN(NAME, "1.0", "The Tenon authors", "MIT", "", parts)
#endif
