/* binary_cross_entropy.c -- cross entropy of a yes or no, from one number a row; also of several independent ones. */
#include <tenon/vec.h>
#include "classes.h"

typedef struct loss { int64_t width; uint32_t means; int ids; } loss;
enum { OUTPUT, TARGET };

static int plan(const tn_api *api, tn_host *host, const void *opts, void *self, tn_plan *p, uint32_t n_in,
                const tn_spec *const *in)
{
    loss *l = self;
    const tn_spec *x = in[OUTPUT], *t = in[TARGET];
    (void)opts, (void)n_in;
    if (x->means == TN_IDS)
        return tn_fail(api, host, TN_ESHAPE, "binary_cross_entropy: the input is ids, not numbers");
    if (x->means == TN_LOG_PROBABILITIES)
        return tn_fail(
            api, host, TN_ESHAPE,
            "binary_cross_entropy: takes logits or probabilities, the input is log probabilities");
    if (x->layout != t->layout)
        return tn_fail(api, host, TN_ESHAPE,
                       "binary_cross_entropy: input and target do not have the same rows (one is by step, "
                       "the other by example, or they are steps of two sequences)");
    if (t->means == TN_IDS && x->width != 1)
        return tn_fail(
            api, host, TN_ESHAPE,
            "binary_cross_entropy: the input has %lld values a row, it takes 1 for a target of two "
            "classes; cross_entropy takes one for each class",
            (long long)x->width);
    if (t->means == TN_IDS && t->classes > 2)
        return tn_fail(api, host, TN_ESHAPE,
                       "binary_cross_entropy: the target has %lld classes, it takes 2; cross_entropy takes "
                       "any number",
                       (long long)t->classes);
    if (t->means == TN_IDS && t->classes == 1)
        return tn_fail(api, host, TN_ESHAPE,
                       "binary_cross_entropy: the target has one class only, there is nothing to learn");
    if (t->means != TN_IDS && x->width != t->width)
        return tn_fail(api, host, TN_ESHAPE,
                       "binary_cross_entropy: the input has %lld values a row, the target %lld",
                       (long long)x->width, (long long)t->width);
    *l = (loss){ x->width, x->means, t->means == TN_IDS };
    return add_row_loss(api, p, x);
}

/* Functions of one number, by the same steps as in a vector. */
static float exp_of(float x) { return tn_exp(tn_set(x))[0]; }
static float log_of(float x) { return tn_log(tn_set(x))[0]; }
static float sigmoid_of(float x) { return tn_sigmoid(tn_set(x))[0]; }

/* log(1 + x): the rounding of 1 + x is taken out again by x / ((1 + x) - 1) */
static float log1p_of(float x)
{
    float u = 1 + x;
    float by = u - 1;
    return by == 0 ? x : log_of(u) * (x / by);
}

/* logits: max(x, 0) - x t + log(1 + e^-|x|);  probabilities: -(t log x + (1 - t) log(1 - x)), logarithms >= -100 */
static float loss_of(const loss *l, float x, float t)
{
    if (l->means != TN_PROBABILITIES) return (x > 0 ? x : 0) - x * t + log1p_of(exp_of(-fabsf(x)));
    float yes = log_of(x), no = log1p_of(-x);
    return -(t * (yes < -100 ? -100 : yes) + (1 - t) * (no < -100 ? -100 : no));
}

/* logits: 1 / (1 + e^-x) - t;  probabilities: (x - t) / (x (1 - x)) */
static float slope_of(const loss *l, float x, float t)
{
    if (l->means != TN_PROBABILITIES) return sigmoid_of(x) - t;
    float by = x * (1 - x);
    return (x - t) / (by > 1e-12f ? by : 1e-12f);
}

typedef struct job { const loss *l; const tn_call *c; } job;

static float target_of(const job *b, int64_t i)
{
    return b->l->ids ? (float)((const int32_t *)b->c->in[TARGET]->data)[i]
                     : ((const float *)b->c->in[TARGET]->data)[i];
}

/* y_r = the mean over the row's numbers */
static void forward_rows(void *to, int64_t from, int64_t end)
{
    const job *b = to;
    const float *x = b->c->in[OUTPUT]->data;
    float *y = b->c->out[0]->data;
    for (int64_t r = from; r < end; r++) {
        double sum = 0;
        for (int64_t i = r * b->l->width; i < (r + 1) * b->l->width; i++)
            sum += (double)loss_of(b->l, x[i], target_of(b, i));
        y[r] = (float)(sum / (double)b->l->width);
    }
}

static void backward_rows(void *to, int64_t from, int64_t end)
{
    const job *b = to;
    const float *x = b->c->in[OUTPUT]->data, *dy = b->c->d_out[0]->data;
    float *dx = b->c->d_in[OUTPUT]->data;
    for (int64_t r = from; r < end; r++)
        for (int64_t i = r * b->l->width; i < (r + 1) * b->l->width; i++)
            dx[i] += dy[r] * slope_of(b->l, x[i], target_of(b, i)) / (float)b->l->width;
}

static int forward(void *self, const tn_call *c)
{
    loss *l = self;
    job b = { l, c };
    int rc = l->ids ? check_ids(c, "binary_cross_entropy", c->in[TARGET], 2, 0) : TN_OK;
    return rc ? rc : c->be->ops->parallel_for(c->be, c->in[OUTPUT]->rows, 256, forward_rows, &b);
}

static int backward(void *self, const tn_call *c)
{
    loss *l = self;
    job b = { l, c };
    if (!c->d_in[OUTPUT] || !c->d_out[0]) return TN_OK;
    return c->be->ops->parallel_for(c->be, c->in[OUTPUT]->rows, 256, backward_rows, &b);
}

/* Class 1 has probability 1 / (1 + e^-x), or x itself where that is a probability; class 0 the rest */
static int predict(void *self, const tn_call *c, int64_t classes, float *probability)
{
    const loss *l = self;
    const float *x = c->in[OUTPUT]->data;
    if (classes != 2 || l->width != 1)
        return tn_fail(c->api, c->host, TN_ESHAPE,
                       "binary_cross_entropy: gives the probabilities of 2 classes, not %lld",
                       (long long)classes);
    for (int64_t r = 0; r < c->in[OUTPUT]->rows; r++) {
        int p = l->means == TN_PROBABILITIES;
        probability[2 * r] = p ? 1 - x[r] : sigmoid_of(-x[r]);
        probability[2 * r + 1] = p ? x[r] : sigmoid_of(x[r]);
    }
    return TN_OK;
}

static const tn_impl on_cpu = { sizeof on_cpu, 0, "cpu", forward, backward, NULL };
static const tn_impl *const impls[] = { &on_cpu, NULL };
static const tn_layer layer = { .size = sizeof layer, .min_in = 2, .max_in = 2, .plan = plan,
                                .impls = impls, .port_size = sizeof(tn_port) };
static const tn_loss table = { sizeof table, 0, TN_LOGITS, 0, &layer, predict };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_LOSS, .table = &table, .name = "binary_cross_entropy",
    .brief = "cross entropy of a yes or no from one number a row",
    .doc = "For a number x and its target t, 1 for the second of two classes and 0 for the first:\n\n"
           "    loss = max(x, 0) - x t + log(1 + e^-|x|)             where x is a value (logit)\n"
           "    loss = -(t log x + (1 - t) log(1 - x))               where x is a probability, as from `sigmoid`\n\n"
           "Which of them holds is known from the layer that made x. The target may also be numbers\n"
           "between 0 and 1, as many a row as the input has; the loss of a row is then their mean.\n\n"
           "Source: Goodfellow, Bengio, Courville, *Deep Learning* (2016), section 6.2.2.2.\n",
    .option_size = sizeof(tn_option), .self_size = sizeof(loss) };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("binary_cross_entropy", "1.0", "The Tenon authors", "MIT", "", parts)
