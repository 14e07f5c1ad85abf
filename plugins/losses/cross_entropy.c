/* cross_entropy.c -- minus the logarithm of the probability that the output gives to the right class. */
#include "logits.h"

typedef struct config { int64_t ignore; tn_list class_weights; double label_smoothing; } config;
typedef struct loss {
    int64_t classes, ignore;
    uint32_t means;
    float *weight, weights;                /* [classes], NULL: all 1; their sum                    */
    float smoothing;
} loss;
enum { OUTPUT, TARGET };
enum { NORMALIZER };                       /* saved for logits: log of the sum of e^x, one a row   */
enum { NUMBERS_A_PIECE = 8192 };

static const tn_option options[] = {
    TN_INT(config, ignore, -1, -1, 1e9, "a class whose rows count for nothing: no loss, no gradient, no part in a mean; -1: none"),
    TN_REALS(config, class_weights, NULL, "what a row of each class counts for, in the order of the classes; not given: 1"),
    TN_REAL_X(config, label_smoothing, TN_O_OPEN_MAX, 0, 0, 1, "share of the target that goes to all classes alike"),
};

static int plan(const tn_api *api, tn_host *host, const void *opts, void *self, tn_plan *p, uint32_t n_in,
                const tn_spec *const *in)
{
    loss *l = self;
    const config *o = opts;
    const tn_spec *x = in[OUTPUT], *t = in[TARGET];
    int rc = check_classes(api, host, "cross_entropy", x, t);
    (void)n_in;
    if (!rc) rc = read_weights(api, host, "cross_entropy", "class_weights", &o->class_weights, t->classes, "classes", &l->weight);
    if (rc) return rc;
    l->classes = x->width, l->ignore = o->ignore, l->means = x->means, l->smoothing = (float)o->label_smoothing;
    l->weights = l->weight ? 0 : (float)x->width;
    for (int64_t j = 0; l->weight && j < o->class_weights.n; j++) l->weights += l->weight[j]; /* NOLINT(clang-analyzer-core.uninitialized.Assign): read_weights set each */
    rc = add_row_loss(api, p, x, l->weight || l->ignore >= 0);
    if (rc) return rc;
    api->uses(p, TN_USES_IN | TN_BY_COLUMNS);
    tn_spec normalizer = { .dtype = TN_F32, .layout = x->layout, .rows = x->rows, .width = 1 };
    rc = api->add_saved(p, &normalizer);
    return rc < 0 ? rc : TN_OK;
}

static void close(void *self) { free(((loss *)self)->weight); }

typedef struct job { const loss *l; const tn_call *c; } job;

static float weight_of(const loss *l, int64_t j) { return l->weight ? l->weight[j] : 1; }

/* Minus the logarithm of the probability of class j. */
static float surprise(const loss *l, float x, float normalizer)
{
    if (l->means == TN_PROBABILITIES) return -log_of(x > 1e-37f ? x : 1e-37f);
    return normalizer - x;
}

/* y = (1 - s) w_t n_t + s / K sum_j w_j n_j with n_j = log sum_k e^(x_k) - x_j from logits, -log x_j from probabilities,
 * -x_j from their logarithms; s: label_smoothing */
static void forward_rows(void *to, int64_t from, int64_t end)
{
    const job *b = to;
    const loss *l = b->l;
    const int32_t *target = b->c->in[TARGET]->data;
    float *y = b->c->out[LOSS]->data, *normalizer = b->c->saved[NORMALIZER]->data;
    float *count = l->weight || l->ignore >= 0 ? b->c->out[COUNT]->data : NULL;
    for (int64_t r = from; r < end; r++) {
        const float *x = (const float *)b->c->in[OUTPUT]->data + r * l->classes;
        int32_t t = target[r];
        normalizer[r] = 0, y[r] = 0;
        if (count) count[r] = t == l->ignore ? 0 : weight_of(l, t);
        if (t == l->ignore) continue;
        if (are_logits(l->means)) normalizer[r] = log_sum_exp(x, l->classes);
        y[r] = weight_of(l, t) * surprise(l, x[t], normalizer[r]);
        if (l->smoothing <= 0) continue;
        double sum = 0;
        for (int64_t j = 0; j < l->classes; j++) sum += (double)(weight_of(l, j) * surprise(l, x[j], normalizer[r]));
        y[r] = (1 - l->smoothing) * y[r] + l->smoothing * (float)(sum / (double)l->classes);
    }
}

/* dx_j += by e^(x_j - log sum); set: = */
static inline __attribute__((always_inline)) void probabilities(const float *x, float log_sum, float by, int64_t n, float *dx,
                                                                const int set)
{
    tn_vf zero = tn_set(0), sum = tn_set(log_sum), all = tn_set(by);
    int64_t j = 0;
    for (; j + TN_VL <= n; j += TN_VL) tn_store(dx + j, tn_fma(all, tn_exp(tn_load(x + j) - sum), set ? zero : tn_load(dx + j)));
    if (j < n) tn_storen(dx + j, tn_fma(all, tn_exp(tn_loadn(x + j, n - j) - sum), set ? zero : tn_loadn(dx + j, n - j)), n - j);
}

/* The derivative of n_j by x_j, where n_j reads no other number. */
static float by_itself(const loss *l, float x) { return l->means == TN_PROBABILITIES ? -1 / (x > 1e-37f ? x : 1e-37f) : -1; }

/* With h = dy (1 - s) w_t and u = dy s / K:
 *     logits             dx_j = (h + u sum_k w_k) e^(x_j - log sum) - h [j = t] - u w_j
 *     probabilities      dx_j = -(h [j = t] + u w_j) / x_j
 *     their logarithms   dx_j = -(h [j = t] + u w_j)                                                                 */
static void backward_rows(void *to, int64_t from, int64_t end)
{
    const job *b = to;
    const loss *l = b->l;
    const int32_t *target = b->c->in[TARGET]->data;
    const float *dy = b->c->d_out[LOSS]->data, *normalizer = b->c->saved[NORMALIZER]->data;
    const int set = (b->c->flags & TN_C_SET) != 0, logits = are_logits(l->means);
    const int64_t first = b->c->column, wide = b->c->d_in[OUTPUT]->width;
    for (int64_t r = from; r < end; r++) {
        const float *x = (const float *)b->c->in[OUTPUT]->data + r * l->classes + first;
        float *dx = (float *)b->c->d_in[OUTPUT]->data + r * wide;
        int32_t t = target[r];
        if (set && (t == l->ignore || !logits)) memset(dx, 0, sizeof *dx * (size_t)wide);
        if (t == l->ignore) continue;
        float hard = dy[r] * (1 - l->smoothing) * weight_of(l, t), soft = dy[r] * l->smoothing / (float)l->classes;
        float all = hard + soft * l->weights;
        if (logits && set) probabilities(x, normalizer[r], all, wide, dx, 1);
        else if (logits) probabilities(x, normalizer[r], all, wide, dx, 0);
        if (t >= first && t - first < wide) dx[t - first] += hard * by_itself(l, x[t - first]);
        for (int64_t j = 0; l->smoothing > 0 && j < wide; j++) dx[j] += soft * weight_of(l, first + j) * by_itself(l, x[j]);
    }
}

static int64_t grain(int64_t wide) { return 1 + NUMBERS_A_PIECE / wide; }

static int forward(void *self, const tn_call *c)
{
    loss *l = self;
    job b = { l, c };
    int rc = check_ids(c, "cross_entropy", c->in[TARGET], l->classes, l->ignore);
    return rc ? rc : c->be->ops->parallel_for(c->be, c->in[OUTPUT]->rows, grain(l->classes), forward_rows, &b);
}

static int backward(void *self, const tn_call *c)
{
    loss *l = self;
    job b = { l, c };
    if (!c->d_in[OUTPUT] || !c->d_out[LOSS]) return TN_OK;
    return c->be->ops->parallel_for(c->be, c->in[OUTPUT]->rows, grain(c->d_in[OUTPUT]->width), backward_rows, &b);
}

static int predict(void *self, const tn_call *c, int64_t classes, float *probability)
{
    const loss *l = self;
    if (classes != l->classes)
        return tn_fail(c->api, c->host, TN_ESHAPE,
                       "cross_entropy: %lld classes asked for, the output has %lld", (long long)classes,
                       (long long)l->classes);
    class_probabilities(c->in[OUTPUT]->data, l->means, c->in[OUTPUT]->rows, classes, probability);
    return TN_OK;
}

static const tn_impl on_cpu = { sizeof on_cpu, 0, "cpu", forward, backward, NULL };
static const tn_impl *const impls[] = { &on_cpu, NULL };
static const tn_layer layer = { .size = sizeof layer, .flags = TN_L_SETS, .min_in = 2, .max_in = 2, .plan = plan,
                                .impls = impls, .port_size = sizeof(tn_port) };
static const tn_loss table = { sizeof table, 0, TN_LOGITS, 0, &layer, predict };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_LOSS, .table = &table, .name = "cross_entropy",
    .brief = "minus the log probability of the right class",
    .doc = "For a row x of K numbers and the right class t:\n\n"
           "    n_j = log(e^x_1 + ... + e^x_K) - x_j         where the input is values (logits)\n"
           "    n_j = -log x_j                               where it is probabilities, as from `softmax`\n"
           "    n_j = -x_j                                   where it is their logarithms\n"
           "    loss = (1 - s) w_t n_t + s / K (w_1 n_1 + ... + w_K n_K)\n\n"
           "Which of them holds is known from the layer that made the input. s is `label_smoothing` and w `class_weights`;\n"
           "without them the loss is n_t.\n\n"
           "Where the loss is averaged (`reduction = \"mean\"`), a row counts for w_t, and one whose class is `ignore` for nothing,\n"
           "as in PyTorch: sum of the losses / sum of the w_t. `sum` and `sum_steps_mean_batch` do not divide by them.\n\n"
           "    [[loss]]\n"
           "    type = \"cross_entropy\"\n"
           "    target = \"label\"\n"
           "    class_weights = [1, 5]\n\n"
           "Sources: Goodfellow, Bengio, Courville, *Deep Learning* (2016), section 6.2.2.3; Szegedy et al., *Rethinking the\n"
           "Inception Architecture for Computer Vision* (2016), section 7, on label smoothing.\n",
    TN_OPTIONS(options), .config_size = sizeof(config), .self_size = sizeof(loss), .close = close };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("cross_entropy", "1.0", "The Tenon authors", "MIT", "", parts)
