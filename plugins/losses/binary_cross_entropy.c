/* binary_cross_entropy.c -- cross entropy of a yes or no, from one number a row; also of several independent ones. */
#include "classes.h"

typedef struct config { tn_list pos_weight; double label_smoothing; } config;
typedef struct loss { int64_t width; uint32_t means; int ids; float *weight; int64_t weights; float smoothing; } loss;
enum { OUTPUT, TARGET };

static const tn_option options[] = {
    TN_REALS(config, pos_weight, NULL, "what a yes counts for beside a no: one number for all columns, or one for each; not given: 1"),
    TN_REAL_X(config, label_smoothing, TN_O_OPEN_MAX, 0, 0, 1, "the targets 0 and 1 become s / 2 and 1 - s / 2"),
};

static int plan(const tn_api *api, tn_host *host, const void *opts, void *self, tn_plan *p, uint32_t n_in,
                const tn_spec *const *in)
{
    loss *l = self;
    const config *o = opts;
    const tn_spec *x = in[OUTPUT], *t = in[TARGET];
    int rc = check_rows(api, host, "binary_cross_entropy", x, t);
    (void)n_in;
    if (rc) return rc;
    if (x->means == TN_LOG_PROBABILITIES)
        return tn_fail(
            api, host, TN_ESHAPE,
            "binary_cross_entropy: takes logits or probabilities, the input is log probabilities");
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
    l->width = x->width, l->means = x->means, l->ids = t->means == TN_IDS, l->smoothing = (float)o->label_smoothing;
    l->weights = o->pos_weight.n;
    rc = read_weights(api, host, "binary_cross_entropy", "pos_weight", &o->pos_weight, l->weights == 1 ? 1 : x->width, "columns",
                      &l->weight);
    return rc ? rc : add_row_loss(api, p, x, 0);
}

static void close(void *self) { free(((loss *)self)->weight); }

/* logits: (1 - t) x + (1 - t + w t) log(1 + e^-x);  probabilities: -(w t log x + (1 - t) log(1 - x)), logarithms >= -100 */
static float loss_of(const loss *l, float x, float t, float w)
{
    if (l->means != TN_PROBABILITIES) {
        float of_no = (1 - t) * x, both = 1 - t + w * t;
        return x > 0 ? of_no + both * log1p_of(exp_of(-x)) : of_no + both * (log1p_of(exp_of(x)) - x);
    }
    float yes = log_of(x), no = log1p_of(-x);
    return -(w * t * (yes < -100 ? -100 : yes) + (1 - t) * (no < -100 ? -100 : no));
}

/* logits: (1 - t + w t) / (1 + e^-x) - w t;  probabilities: ((1 - t) x - w t (1 - x)) / (x (1 - x)) */
static float slope_of(const loss *l, float x, float t, float w)
{
    if (l->means != TN_PROBABILITIES) return (1 - t + w * t) * sigmoid_of(x) - w * t;
    float by = x * (1 - x);
    return ((1 - t) * x - w * t * (1 - x)) / (by > 1e-12f ? by : 1e-12f);
}

typedef struct job { const loss *l; const tn_call *c; } job;

static float target_of(const job *b, int64_t i)
{
    float t = b->l->ids ? (float)((const int32_t *)b->c->in[TARGET]->data)[i] : ((const float *)b->c->in[TARGET]->data)[i];
    return t * (1 - b->l->smoothing) + b->l->smoothing / 2;
}

static float weight_of(const loss *l, int64_t column)
{
    return !l->weights ? 1 : l->weights == 1 ? l->weight[0] : l->weight[column];
}

/* y_r = the mean over the row's numbers */
static void forward_rows(void *to, int64_t from, int64_t end)
{
    const job *b = to;
    const loss *l = b->l;
    const float *x = b->c->in[OUTPUT]->data;
    float *y = b->c->out[LOSS]->data;
    for (int64_t r = from; r < end; r++) {
        double sum = 0;
        for (int64_t j = 0, i = r * l->width; j < l->width; j++, i++)
            sum += (double)loss_of(l, x[i], target_of(b, i), weight_of(l, j));
        y[r] = (float)(sum / (double)l->width);
    }
}

static void backward_rows(void *to, int64_t from, int64_t end)
{
    const job *b = to;
    const loss *l = b->l;
    const float *x = b->c->in[OUTPUT]->data, *dy = b->c->d_out[LOSS]->data;
    float *dx = b->c->d_in[OUTPUT]->data;
    for (int64_t r = from; r < end; r++)
        for (int64_t j = 0, i = r * l->width; j < l->width; j++, i++)
            dx[i] += dy[r] * slope_of(l, x[i], target_of(b, i), weight_of(l, j)) / (float)l->width;
}

/* Beyond 0 and 1 the loss would have no least value. NaN is left to the loss, which shows it. */
static int check_numbers(const tn_call *c, int64_t width)
{
    const float *t = c->in[TARGET]->data;
    for (int64_t i = 0; i < c->in[TARGET]->rows * width; i++)
        if (t[i] < 0 || t[i] > 1)
            return tn_fail(c->api, c->host, TN_EINVAL, "binary_cross_entropy: number %lld of row %lld of the target is %g; it takes 0 and "
                           "1, or what lies between", (long long)(i % width + 1), (long long)(i / width), (double)t[i]);
    return TN_OK;
}

static int forward(void *self, const tn_call *c)
{
    loss *l = self;
    job b = { l, c };
    int rc = l->ids ? check_ids(c, "binary_cross_entropy", c->in[TARGET], 2, 0) : check_numbers(c, l->width);
    return rc ? rc : c->be->ops->parallel_for(c->be, c->in[OUTPUT]->rows, 256, forward_rows, &b);
}

static int backward(void *self, const tn_call *c)
{
    loss *l = self;
    job b = { l, c };
    if (!c->d_in[OUTPUT] || !c->d_out[LOSS]) return TN_OK;
    return c->be->ops->parallel_for(c->be, c->in[OUTPUT]->rows, 256, backward_rows, &b);
}

/* Two classes from one number: no and yes. For a target of numbers, each column's yes. */
static int predict(void *self, const tn_call *c, int64_t classes, float *probability)
{
    const loss *l = self;
    const float *x = c->in[OUTPUT]->data;
    int64_t n = c->in[OUTPUT]->rows * l->width;
    int given = l->means == TN_PROBABILITIES;
    if (l->ids ? classes != 2 : classes != l->width)
        return tn_fail(c->api, c->host, TN_ESHAPE, "binary_cross_entropy: gives %lld probabilities a row, not %lld",
                       l->ids ? 2LL : (long long)l->width, (long long)classes);
    for (int64_t i = 0; i < n; i++) {
        float yes = given ? x[i] : sigmoid_of(x[i]);
        if (l->ids) probability[2 * i] = given ? 1 - x[i] : sigmoid_of(-x[i]), probability[2 * i + 1] = yes;
        else probability[i] = yes;
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
    .brief = "cross entropy of a yes or no from one number a row, or of several",
    .doc = "For a number x and its target t, 1 for the second of two classes and 0 for the first:\n\n"
           "    loss = (1 - t) x + (1 - t + w t) log(1 + e^-x)       where x is a value (logit)\n"
           "    loss = -(w t log x + (1 - t) log(1 - x))             where x is a probability, as from `sigmoid`\n\n"
           "Which of them holds is known from the layer that made x. w is `pos_weight`, 1 if it is not given: with nine times\n"
           "as many noes as yeses, `pos_weight = [9]` makes both count the same.\n\n"
           "Several labels at once: the target is a field of numbers 0 and 1 (or between), as many a row as the input has; the\n"
           "loss of a row is the mean over them, `pos_weight` may have a number for each, and predictions are one probability a\n"
           "column, which need not add up to 1. The metrics `precision_recall_f1` and `auc` take such targets.\n\n"
           "    [[loss]]\n"
           "    type = \"binary_cross_entropy\"\n"
           "    target = \"topics\"                # kind = \"numbers\", 4 columns\n"
           "    pos_weight = [1, 3, 3, 12]\n\n"
           "Source: Goodfellow, Bengio, Courville, *Deep Learning* (2016), section 6.2.2.2; `pos_weight` as in PyTorch's\n"
           "`BCEWithLogitsLoss`, `label_smoothing` as in Keras.\n",
    TN_OPTIONS(options), .config_size = sizeof(config), .self_size = sizeof(loss), .close = close };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("binary_cross_entropy", "1.0", "The Tenon authors", "MIT", "", parts)
