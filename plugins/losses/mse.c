/* mse.c -- mean squared error. */
#include "classes.h"

typedef struct loss { int64_t width; int ids; } loss;
enum { OUTPUT, TARGET };

static int plan(const tn_api *api, tn_host *host, const void *opts, void *self, tn_plan *p, uint32_t n_in,
                const tn_spec *const *in)
{
    loss *l = self;
    const tn_spec *x = in[OUTPUT], *t = in[TARGET];
    (void)opts, (void)n_in;
    if (x->means == TN_IDS) return tn_fail(api, host, TN_ESHAPE, "mse: the input is ids, not numbers");
    if (x->layout != t->layout)
        return tn_fail(api, host, TN_ESHAPE,
                       "mse: input and target do not have the same rows (one is by step, the other by "
                       "example, or they are steps of two sequences)");
    if (x->width != t->width)
        return tn_fail(api, host, TN_ESHAPE, "mse: the input has %lld values a row, the target %lld",
                       (long long)x->width, (long long)t->width);
    *l = (loss){ x->width, t->means == TN_IDS };
    return add_row_loss(api, p, x);
}

typedef struct job { const loss *l; const tn_call *c; } job;

static float error_of(const job *b, int64_t i)
{
    const float *x = b->c->in[OUTPUT]->data;
    const void *t = b->c->in[TARGET]->data;
    return x[i] - (b->l->ids ? (float)((const int32_t *)t)[i] : ((const float *)t)[i]);
}

/* y = ((x_1 - t_1)^2 + ... + (x_W - t_W)^2) / W */
static void forward_rows(void *to, int64_t from, int64_t end)
{
    const job *b = to;
    float *y = b->c->out[0]->data;
    for (int64_t r = from; r < end; r++) {
        double sum = 0;
        for (int64_t i = r * b->l->width; i < (r + 1) * b->l->width; i++) {
            double e = (double)error_of(b, i);
            sum += e * e;
        }
        y[r] = (float)(sum / (double)b->l->width);
    }
}

/* dx_j = dy 2 (x_j - t_j) / W */
static void backward_rows(void *to, int64_t from, int64_t end)
{
    const job *b = to;
    const float *dy = b->c->d_out[0]->data;
    float *dx = b->c->d_in[OUTPUT]->data;
    for (int64_t r = from; r < end; r++)
        for (int64_t i = r * b->l->width; i < (r + 1) * b->l->width; i++)
            dx[i] += dy[r] * (2.0f * error_of(b, i)) / (float)b->l->width;
}

static int forward(void *self, const tn_call *c)
{
    job b = { self, c };
    return c->be->ops->parallel_for(c->be, c->in[OUTPUT]->rows, 256, forward_rows, &b);
}

static int backward(void *self, const tn_call *c)
{
    job b = { self, c };
    if (!c->d_in[OUTPUT] || !c->d_out[0]) return TN_OK;
    return c->be->ops->parallel_for(c->be, c->in[OUTPUT]->rows, 256, backward_rows, &b);
}

static const tn_impl on_cpu = { sizeof on_cpu, 0, "cpu", forward, backward, NULL };
static const tn_impl *const impls[] = { &on_cpu, NULL };
static const tn_layer layer = { .size = sizeof layer, .min_in = 2, .max_in = 2, .plan = plan,
                                .impls = impls, .port_size = sizeof(tn_port) };
static const tn_loss table = { sizeof table, 0, TN_VALUES, 0, &layer, NULL };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_LOSS, .table = &table, .name = "mse", .brief = "mean squared error",
    .doc = "loss = ((x_1 - t_1)^2 + ... + (x_W - t_W)^2) / W for a row of W numbers and its target.\n\n"
           "A target of classes counts as the numbers 0, 1, 2 ...\n",
    .option_size = sizeof(tn_option), .self_size = sizeof(loss) };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("mse", "1.0", "The Tenon authors", "MIT", "", parts)
