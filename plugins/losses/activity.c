/* activity.c -- a penalty on what a layer gives, or on how that changes from step to step (Merity, McCann, Socher 2017). */
#include "classes.h"

typedef struct config { int32_t norm, sum, temporal; } config;
typedef struct loss { const config *options; int64_t width; } loss;
enum { L2, L1 };
static const char *const norm_names[] = { "l2", "l1", NULL };

static const tn_option options[] = {
    TN_ENUM(config, norm, L2, norm_names, "what each number counts: its square, or its absolute value"),
    TN_BOOL(config, sum, 0, "whether the numbers of a row are summed, not averaged"),
    TN_BOOL(config, temporal, 0, "whether the difference from the step before takes the place of the number itself"),
};

static int plan(const tn_api *api, tn_host *host, const void *opts, void *self, tn_plan *p, uint32_t n_in,
                const tn_spec *const *in)
{
    loss *l = self;
    (void)n_in;
    *l = (loss){ opts, in[0]->width };
    if (in[0]->means == TN_IDS)
        return tn_fail(api, host, TN_ESHAPE, "activity: the input is ids (words or classes), not numbers");
    if (in[0]->across) return tn_fail(api, host, TN_ESHAPE, "activity: the input is ragged");
    if (l->options->temporal && api->parent(p, in[0]->layout) <= 0)
        return tn_fail(api, host, TN_ESHAPE, "activity: temporal = true is about steps, but the input has one row an example");
    return add_row_loss(api, p, in[0], l->options->temporal);
}

typedef struct job { const loss *l; const tn_call *c; } job;

/* Rows of the step before and of the one after in the same sequence; -1: there is none. */
static int64_t row_before(const tn_layout *l, int64_t r)
{
    int32_t t = l->step[r];
    return t ? l->first[t - 1] + (r - l->first[t]) : -1;
}
static int64_t row_after(const tn_layout *l, int64_t r)
{
    int32_t t = l->step[r];
    int64_t s = r - l->first[t];
    return s < l->live[t + 1] ? l->first[t + 1] + s : -1;
}

/* y = (f(e_1) + ... + f(e_W)) / W, f(e) = e^2 or |e|; without the division where numbers are summed */
static void forward_rows(void *to, int64_t from, int64_t end)
{
    const job *b = to;
    const config *o = b->l->options;
    int64_t width = b->l->width;
    float *y = b->c->out[LOSS]->data;
    for (int64_t r = from; r < end; r++) {
        int64_t before = o->temporal ? row_before(b->c->in[0]->lay, r) : -1;
        const float *x = (const float *)b->c->in[0]->data + r * width,
                    *was = before < 0 ? NULL : (const float *)b->c->in[0]->data + before * width;
        double sum = 0;
        for (int64_t j = 0; j < width && (was || !o->temporal); j++) {
            double e = was ? (double)(x[j] - was[j]) : (double)x[j];
            sum += o->norm == L2 ? e * e : fabs(e);
        }
        y[r] = (float)(o->sum ? sum : sum / (double)width);
        if (o->temporal) ((float *)b->c->out[COUNT]->data)[r] = was != NULL;
    }
}

/* f'(e): 2 e, or the sign of e, which is 0 at 0 */
static inline float slope(const config *o, float e) { return o->norm == L2 ? 2 * e : (float)((e > 0) - (e < 0)); }

/* dx_j += factor f'(x_j - other_j), or f'(x_j) without another row */
static void add_slopes(const config *o, int64_t width, float factor, const float *x, const float *other, float *dx)
{
    for (int64_t j = 0; j < width; j++) dx[j] += factor * slope(o, other ? x[j] - other[j] : x[j]);
}

/* A row counts in its own loss and, where that is about changes, in that of the step after; f' is odd. */
static void backward_rows(void *to, int64_t from, int64_t end)
{
    const job *b = to;
    const config *o = b->l->options;
    int64_t width = b->l->width;
    const float *x = b->c->in[0]->data, *dy = b->c->d_out[LOSS]->data;
    float *dx = b->c->d_in[0]->data, share = o->sum ? 1.0f : 1.0f / (float)width;
    for (int64_t r = from; r < end; r++) {
        int64_t before = o->temporal ? row_before(b->c->in[0]->lay, r) : -1,
                after = o->temporal ? row_after(b->c->in[0]->lay, r) : -1;
        if (!o->temporal) add_slopes(o, width, dy[r] * share, x + r * width, NULL, dx + r * width);
        if (before >= 0) add_slopes(o, width, dy[r] * share, x + r * width, x + before * width, dx + r * width);
        if (after >= 0) add_slopes(o, width, dy[after] * share, x + r * width, x + after * width, dx + r * width);
    }
}

/* Outside training it is 0, as other penalties are: there, losses are to be compared. */
static int forward(void *self, const tn_call *c)
{
    job b = { self, c };
    tn_be *be = c->be;
    int64_t rows = c->in[0]->rows;
    int rc = be->ops->parallel_for(be, rows, 64, forward_rows, &b);
    if (!rc && !(c->flags & TN_C_TRAINING)) rc = be->ops->fill(be, c->out[LOSS]->data, TN_F32, rows, 0);
    return rc;
}

static int backward(void *self, const tn_call *c)
{
    job b = { self, c };
    if (!(c->flags & TN_C_TRAINING) || !c->d_in[0] || !c->d_out[LOSS]) return TN_OK;
    return c->be->ops->parallel_for(c->be, c->in[0]->rows, 64, backward_rows, &b);
}

static const tn_impl on_cpu = { sizeof on_cpu, 0, "cpu", forward, backward, NULL };
static const tn_impl *const impls[] = { &on_cpu, NULL };
static const tn_layer layer = { .size = sizeof layer, .min_in = 1, .max_in = 1, .plan = plan,
                                .impls = impls, .port_size = sizeof(tn_port) };
static const tn_loss table = { sizeof table, 0, TN_VALUES, 0, &layer, NULL };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_LOSS, .table = &table, .name = "activity",
    .brief = "a penalty on what a layer gives, or on its change from step to step",
    .doc = "loss = (h_1^2 + ... + h_W^2) / W for a row of W numbers; the absolute values with `norm = \"l1\"`,\n"
           "the sum itself with `sum`. With `temporal` it is about h_t - h_(t-1), so that the first step of\n"
           "a sequence has no loss and does not count in a mean; nor does a step whose predecessor stood in\n"
           "the batch before. It has no target, and stands beside the loss that has one:\n\n"
           "    [[loss]]\n"
           "    type = \"cross_entropy\"\n"
           "    input = \"output\"\n"
           "    target = \"label\"\n"
           "    [[loss]]\n"
           "    type = \"activity\"\n"
           "    input = \"encoder\"\n"
           "    weight = 2.0\n\n"
           "With the reduction \"mean\" (the default) this is the activation regularization of AWD-LSTM,\n"
           "alpha = `weight`; with `temporal` it is the temporal one, beta. That of Keras 2 is\n"
           "`sum = true` with reduction = \"sum_steps_mean_batch\". Outside training the loss is 0, as\n"
           "regularizers count in train.loss alone.\n\n"
           "Source: Merity, McCann, Socher, *Revisiting Activation Regularization for Language RNNs* (2017).\n",
    TN_OPTIONS(options), .config_size = sizeof(config), .self_size = sizeof(loss) };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("activity", "1.0", "The Tenon authors", "MIT", "", parts)
