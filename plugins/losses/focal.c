/* focal.c -- cross entropy that turns away from what is already right, for classes of very unequal frequency. */
#include "logits.h"

typedef struct config { double gamma, alpha; tn_list class_weights; int64_t ignore; } config;
typedef struct loss {
    int64_t width, classes, ignore;        /* classes: 0 where each number is a yes or no of its own */
    uint32_t means;
    int ids;
    float gamma, alpha, *weight;           /* alpha < 0: none; weight: [classes] or NULL             */
} loss;
enum { OUTPUT, TARGET };
enum { NORMALIZER };                       /* saved: log of the sum of e^x, one a row                */

static const tn_option options[] = {
    TN_REAL(config, gamma, 2, 0, 20, "how far it turns away from what is right; 0: cross entropy"),
    TN_REAL(config, alpha, 0.25, -1, 1, "yes or no: what a yes counts for, a no for 1 - alpha; -1: both for 1"),
    TN_REALS(config, class_weights, NULL, "several classes: what a row of each class counts for; not given: 1"),
    TN_INT(config, ignore, -1, -1, 1e9, "several classes: one whose rows count for nothing; -1: none"),
};

static int plan(const tn_api *api, tn_host *host, const void *opts, void *self, tn_plan *p, uint32_t n_in,
                const tn_spec *const *in)
{
    loss *l = self;
    const config *o = opts;
    const tn_spec *x = in[OUTPUT], *t = in[TARGET];
    int rc = check_rows(api, host, "focal", x, t);
    (void)n_in;
    if (rc) return rc;
    if (x->means == TN_PROBABILITIES || x->means == TN_LOG_PROBABILITIES)
        return tn_fail(api, host, TN_ESHAPE, "focal: takes logits, the input is probabilities; leave the activation out");
    l->ids = t->means == TN_IDS;
    l->width = x->width, l->means = x->means, l->gamma = (float)o->gamma, l->alpha = (float)o->alpha, l->ignore = o->ignore;
    if (!l->ids && x->width != t->width)
        return tn_fail(api, host, TN_ESHAPE, "focal: the input has %lld values a row, the target %lld", (long long)x->width,
                       (long long)t->width);
    l->classes = l->ids && !(x->width == 1 && t->classes <= 2) ? x->width : 0;
    if (l->classes) rc = check_classes(api, host, "focal", x, t);
    else if (o->class_weights.n || o->ignore >= 0)
        return tn_fail(api, host, TN_EINVAL, "focal: class_weights and ignore are for several classes, one number each; `alpha` "
                       "weighs yes and no");
    if (!rc) rc = read_weights(api, host, "focal", "class_weights", &o->class_weights, t->classes, "classes", &l->weight);
    if (!rc) rc = add_row_loss(api, p, x, l->classes && (l->weight || l->ignore >= 0));
    if (rc) return rc;
    tn_spec normalizer = { .dtype = TN_F32, .layout = x->layout, .rows = x->rows, .width = 1 };
    rc = api->add_saved(p, &normalizer);
    return rc < 0 ? rc : TN_OK;
}

static void close(void *self) { free(((loss *)self)->weight); }

typedef struct job { const loss *l; const tn_call *c; } job;

/* (1 - p)^g, from log(1 - p); 0^0 is 1 */
static float turned(float log_rest, float gamma) { return gamma > 0 ? exp_of(gamma * log_rest) : 1; }

/* With n = -log p, q = 1 - p: loss q^g n, and its derivative by log p, -(q^g + g p q^(g - 1) n). As q falls to 0, n / q goes
 * to 1: both are taken from log q, which is never rounded to 1 - 1. */
static float focal_value(float n, float log_rest, float gamma) { return turned(log_rest, gamma) * n; }
static float focal_slope(float n, float log_rest, float gamma)
{
    float q = exp_of(log_rest), by_rest = q > 1e-30f ? n / q : 1;
    return -turned(log_rest, gamma) * (1 + gamma * exp_of(-n) * by_rest);
}

/* One number and its target between 0 and 1: a_1 t f(x) + a_0 (1 - t) f(-x), f of the logit of what is right:
 * n = log(1 + e^-x), log(1 - p) = -log(1 + e^x) */
static float binary_value(const loss *l, float x, float t)
{
    float yes = l->alpha < 0 ? 1 : l->alpha, no = l->alpha < 0 ? 1 : 1 - l->alpha, up = softplus_of(x), down = softplus_of(-x), y = 0;
    if (t > 0) y += yes * t * focal_value(down, -up, l->gamma);
    if (t < 1) y += no * (1 - t) * focal_value(up, -down, l->gamma);
    return y;
}

/* d log p / dx = 1 - p */
static float binary_slope(const loss *l, float x, float t)
{
    float yes = l->alpha < 0 ? 1 : l->alpha, no = l->alpha < 0 ? 1 : 1 - l->alpha, up = softplus_of(x), down = softplus_of(-x), d = 0;
    if (t > 0) d += yes * t * focal_slope(down, -up, l->gamma) * sigmoid_of(-x);
    if (t < 1) d -= no * (1 - t) * focal_slope(up, -down, l->gamma) * sigmoid_of(x);
    return d;
}

static float target_of(const job *b, int64_t i)
{
    return b->l->ids ? (float)((const int32_t *)b->c->in[TARGET]->data)[i] : ((const float *)b->c->in[TARGET]->data)[i];
}

/* log(1 - p) = log(1 - e^-n), which is near log n where p is near 1 */
static float log_rest_of(float n) { return log_of(-expm1_of(-n)); }

static float weight_of(const loss *l, int32_t t) { return l->weight ? l->weight[t] : 1; }

static void forward_rows(void *to, int64_t from, int64_t end)
{
    const job *b = to;
    const loss *l = b->l;
    float *y = b->c->out[LOSS]->data, *normalizer = b->c->saved[NORMALIZER]->data;
    float *count = l->classes && (l->weight || l->ignore >= 0) ? b->c->out[COUNT]->data : NULL;
    for (int64_t r = from; r < end; r++) {
        const float *x = (const float *)b->c->in[OUTPUT]->data + r * l->width;
        double sum = 0;
        normalizer[r] = 0;
        if (!l->classes) {
            for (int64_t j = 0; j < l->width; j++) sum += (double)binary_value(l, x[j], target_of(b, r * l->width + j));
            y[r] = (float)(sum / (double)l->width);
            continue;
        }
        int32_t t = ((const int32_t *)b->c->in[TARGET]->data)[r];
        if (count) count[r] = t == l->ignore ? 0 : weight_of(l, t);
        y[r] = 0;
        if (t == l->ignore) continue;
        normalizer[r] = log_sum_exp(x, l->width);
        float n = normalizer[r] - x[t];
        if (n < 0) n = 0;
        y[r] = weight_of(l, t) * focal_value(n, log_rest_of(n), l->gamma);
    }
}

/* dx_j = dy w_t f'(log p_t) ([j = t] - p_j) */
static void backward_rows(void *to, int64_t from, int64_t end)
{
    const job *b = to;
    const loss *l = b->l;
    const float *dy = b->c->d_out[LOSS]->data, *normalizer = b->c->saved[NORMALIZER]->data;
    for (int64_t r = from; r < end; r++) {
        const float *x = (const float *)b->c->in[OUTPUT]->data + r * l->width;
        float *dx = (float *)b->c->d_in[OUTPUT]->data + r * l->width;
        if (!l->classes) {
            for (int64_t j = 0; j < l->width; j++)
                dx[j] += dy[r] * binary_slope(l, x[j], target_of(b, r * l->width + j)) / (float)l->width;
            continue;
        }
        int32_t t = ((const int32_t *)b->c->in[TARGET]->data)[r];
        if (t == l->ignore) continue;
        float n = normalizer[r] - x[t];
        if (n < 0) n = 0;
        float by = dy[r] * weight_of(l, t) * focal_slope(n, log_rest_of(n), l->gamma);
        for (int64_t j = 0; j < l->width; j++)
            dx[j] += by * (j == t ? -expm1_of(-n) : -exp_of(x[j] - normalizer[r]));
    }
}

static int forward(void *self, const tn_call *c)
{
    loss *l = self;
    job b = { l, c };
    int rc = l->ids ? check_ids(c, "focal", c->in[TARGET], l->classes ? l->classes : 2, l->classes ? l->ignore : 0) : TN_OK;
    return rc ? rc : c->be->ops->parallel_for(c->be, c->in[OUTPUT]->rows, 1 + 1024 / l->width, forward_rows, &b);
}

static int backward(void *self, const tn_call *c)
{
    loss *l = self;
    job b = { l, c };
    if (!c->d_in[OUTPUT] || !c->d_out[LOSS]) return TN_OK;
    return c->be->ops->parallel_for(c->be, c->in[OUTPUT]->rows, 1 + 1024 / l->width, backward_rows, &b);
}

static int predict(void *self, const tn_call *c, int64_t classes, float *probability)
{
    const loss *l = self;
    const float *x = c->in[OUTPUT]->data;
    int64_t rows = c->in[OUTPUT]->rows, gives = l->ids && !l->classes ? 2 : l->width;
    if (classes != gives)
        return tn_fail(c->api, c->host, TN_ESHAPE, "focal: gives %lld probabilities a row, not %lld", (long long)gives, (long long)classes);
    if (l->classes) class_probabilities(x, l->means, rows, classes, probability);
    for (int64_t i = 0; !l->classes && i < rows * l->width; i++) {
        if (l->ids) probability[2 * i] = sigmoid_of(-x[i]), probability[2 * i + 1] = sigmoid_of(x[i]);
        else probability[i] = sigmoid_of(x[i]);
    }
    return TN_OK;
}

static const tn_impl on_cpu = { sizeof on_cpu, 0, "cpu", forward, backward, NULL };
static const tn_impl *const impls[] = { &on_cpu, NULL };
static const tn_layer layer = { .size = sizeof layer, .min_in = 2, .max_in = 2, .plan = plan,
                                .impls = impls, .port_size = sizeof(tn_port) };
static const tn_loss table = { sizeof table, 0, TN_LOGITS, 0, &layer, predict };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_LOSS, .table = &table, .name = "focal",
    .brief = "cross entropy that turns away from what is already right",
    .doc = "With p the probability that the output gives to what is right and g = `gamma`:\n\n"
           "    loss = -a (1 - p)^g log p\n\n"
           "*Yes or no*: one number a row for a target of two classes, or as many numbers as the target has, each of its own;\n"
           "p by the logistic function, a = `alpha` for a yes and 1 - alpha for a no, and the loss of a row is the mean over its\n"
           "numbers. *Several classes*: a number for each; p by softmax, a from `class_weights`, while `alpha` is not used.\n\n"
           "The input is logits. With `class_weights` or `ignore` a mean divides by what the rows count for, as with\n"
           "`cross_entropy`. gamma = 2 and alpha = 0.25 are the paper's.\n\n"
           "    [[loss]]\n"
           "    type = \"focal\"\n"
           "    target = \"label\"\n"
           "    gamma = 2.0\n"
           "    class_weights = [0.5, 1, 4]\n\n"
           "Source: Lin, Goyal, Girshick, He, Dollar, *Focal Loss for Dense Object Detection* (ICCV 2017).\n",
    TN_OPTIONS(options), .config_size = sizeof(config), .self_size = sizeof(loss), .close = close };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("focal", "1.0", "The Tenon authors", "MIT", "", parts)
