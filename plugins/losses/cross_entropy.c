/* cross_entropy.c -- minus the logarithm of the probability that the output gives to the right class. */
#include "../activations/softmax.h"
#include "classes.h"

typedef struct config { int64_t ignore; } config;
typedef struct loss { int64_t classes, ignore; uint32_t means; } loss;
enum { OUTPUT, TARGET };
enum { NORMALIZER };                       /* saved for logits: log of the sum of e^x, one a row */
enum { NUMBERS_A_PIECE = 8192 };

static const tn_option options[] = {
    TN_INT(config, ignore, -1, -1, 1e9, "a class whose rows count for nothing: no loss, no gradient; -1: none"),
};

static int plan(const tn_api *api, tn_host *host, const void *opts, void *self, tn_plan *p, uint32_t n_in,
                const tn_spec *const *in)
{
    loss *l = self;
    const tn_spec *x = in[OUTPUT], *t = in[TARGET];
    (void)n_in;
    if (t->means != TN_IDS)
        return tn_fail(api, host, TN_ESHAPE,
                       "cross_entropy: the target is numbers, not classes; mse compares numbers");
    if (x->means == TN_IDS)
        return tn_fail(api, host, TN_ESHAPE,
                       "cross_entropy: the input is ids, not a number for each class");
    if (x->layout != t->layout)
        return tn_fail(
            api, host, TN_ESHAPE,
            "cross_entropy: input and target do not have the same rows (one is by step, the other "
            "by example, or they are steps of two sequences)");
    if (t->classes == 1)
        return tn_fail(api, host, TN_ESHAPE,
                       "cross_entropy: the target has one class only, there is nothing to learn");
    if (t->classes > 0 && x->width != t->classes)
        return tn_fail(api, host, TN_ESHAPE,
                       "cross_entropy: the input has %lld values a row but the target has %lld classes%s",
                       (long long)x->width, (long long)t->classes,
                       x->width == 1 && t->classes == 2 ? "; binary_cross_entropy takes one value a row"
                                                        : "");
    *l = (loss){ x->width, ((const config *)opts)->ignore, x->means };
    int rc = add_row_loss(api, p, x);
    if (rc) return rc;
    tn_spec normalizer = { .dtype = TN_F32, .layout = x->layout, .rows = x->rows, .width = 1 };
    rc = api->add_saved(p, &normalizer);
    return rc < 0 ? rc : TN_OK;
}

/* Logarithm and exponential of one number, by the same steps as in a vector. */
static float log_of(float x) { return tn_log(tn_set(x))[0]; }
static float exp_of(float x) { return tn_exp(tn_set(x))[0]; }

/* log sum_k e^(x_k), with the largest taken out so that nothing overflows */
static float log_sum_exp(const float *x, int64_t n)
{
    float top = row_max(x, n);
    return top + log_of((float)row_exps(x, top, n, NULL));
}

typedef struct job { const loss *l; const tn_call *c; } job;

/* logits: y = log sum_k e^(x_k) - x_t;  probabilities: y = -log x_t;  their logarithms: y = -x_t */
static void forward_rows(void *to, int64_t from, int64_t end)
{
    const job *b = to;
    const loss *l = b->l;
    const int32_t *target = b->c->in[TARGET]->data;
    float *y = b->c->out[0]->data, *normalizer = b->c->saved[NORMALIZER]->data;
    for (int64_t r = from; r < end; r++) {
        const float *x = (const float *)b->c->in[OUTPUT]->data + r * l->classes;
        normalizer[r] = 0, y[r] = 0;
        if (target[r] == l->ignore) continue;
        float at = x[target[r]];
        if (l->means == TN_PROBABILITIES) y[r] = -log_of(at > 1e-37f ? at : 1e-37f);
        else if (l->means == TN_LOG_PROBABILITIES) y[r] = -at;
        else normalizer[r] = log_sum_exp(x, l->classes), y[r] = normalizer[r] - at;
    }
}

/* dx_j += dy e^(x_j - log sum); set: = */
static inline __attribute__((always_inline)) void probabilities(const float *x, float log_sum, float dy, int64_t n, float *dx,
                                                                const int set)
{
    tn_vf zero = tn_set(0), sum = tn_set(log_sum), by = tn_set(dy);
    int64_t j = 0;
    for (; j + TN_VL <= n; j += TN_VL) tn_store(dx + j, tn_fma(by, tn_exp(tn_load(x + j) - sum), set ? zero : tn_load(dx + j)));
    if (j < n) tn_storen(dx + j, tn_fma(by, tn_exp(tn_loadn(x + j, n - j) - sum), set ? zero : tn_loadn(dx + j, n - j)), n - j);
}

/* logits: dx_j = dy (e^(x_j - log sum) - [j = t]);  probabilities: dx_t = -dy / x_t;  logarithms: dx_t = -dy */
static void backward_rows(void *to, int64_t from, int64_t end)
{
    const job *b = to;
    const loss *l = b->l;
    const int32_t *target = b->c->in[TARGET]->data;
    const float *dy = b->c->d_out[0]->data, *normalizer = b->c->saved[NORMALIZER]->data;
    const int set = (b->c->flags & TN_C_SET) != 0;
    for (int64_t r = from; r < end; r++) {
        const float *x = (const float *)b->c->in[OUTPUT]->data + r * l->classes;
        float *dx = (float *)b->c->d_in[OUTPUT]->data + r * l->classes, at;
        int32_t t = target[r];
        int logits = l->means != TN_PROBABILITIES && l->means != TN_LOG_PROBABILITIES;
        if (set && (t == l->ignore || !logits)) memset(dx, 0, sizeof *dx * (size_t)l->classes);
        if (t == l->ignore) continue;
        at = x[t] > 1e-37f ? x[t] : 1e-37f;
        if (logits && set) probabilities(x, normalizer[r], dy[r], l->classes, dx, 1);
        else if (logits) probabilities(x, normalizer[r], dy[r], l->classes, dx, 0);
        dx[t] -= l->means == TN_PROBABILITIES ? dy[r] / at : dy[r];
    }
}

static int64_t grain(const loss *l) { return 1 + NUMBERS_A_PIECE / l->classes; }

static int forward(void *self, const tn_call *c)
{
    loss *l = self;
    job b = { l, c };
    int rc = check_ids(c, "cross_entropy", c->in[TARGET], l->classes, l->ignore);
    return rc ? rc : c->be->ops->parallel_for(c->be, c->in[OUTPUT]->rows, grain(l), forward_rows, &b);
}

static int backward(void *self, const tn_call *c)
{
    loss *l = self;
    job b = { l, c };
    if (!c->d_in[OUTPUT] || !c->d_out[0]) return TN_OK;
    return c->be->ops->parallel_for(c->be, c->in[OUTPUT]->rows, grain(l), backward_rows, &b);
}

/* p_j = e^(x_j - log sum_k e^(x_k)) from logits; otherwise the output is the probability, or its logarithm */
static int predict(void *self, const tn_call *c, int64_t classes, float *probability)
{
    const loss *l = self;
    const float *x = c->in[OUTPUT]->data;
    int64_t rows = c->in[OUTPUT]->rows;
    if (classes != l->classes)
        return tn_fail(c->api, c->host, TN_ESHAPE,
                       "cross_entropy: %lld classes asked for, the output has %lld", (long long)classes,
                       (long long)l->classes);
    for (int64_t r = 0; r < rows; r++, x += classes, probability += classes) {
        float log_sum = l->means == TN_VALUES || l->means == TN_LOGITS ? log_sum_exp(x, classes) : 0;
        for (int64_t j = 0; j < classes; j++)
            probability[j] = l->means == TN_PROBABILITIES ? x[j] : exp_of(x[j] - log_sum);
    }
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
           "    loss = log(e^x_1 + ... + e^x_K) - x_t        where the input is values (logits)\n"
           "    loss = -log x_t                              where it is probabilities, as from `softmax`\n"
           "    loss = -x_t                                  where it is their logarithms\n\n"
           "Which of them holds is known from the layer that made the input. Rows whose class is\n"
           "`ignore` give 0; they still count as rows where the loss is averaged.\n\n"
           "Source: Goodfellow, Bengio, Courville, *Deep Learning* (2016), section 6.2.2.3.\n",
    TN_OPTIONS(options), .config_size = sizeof(config), .self_size = sizeof(loss) };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("cross_entropy", "1.0", "The Tenon authors", "MIT", "", parts)
