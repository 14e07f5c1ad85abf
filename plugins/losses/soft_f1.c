/* soft_f1.c -- 1 - F1 with probabilities in place of decisions, so that it has a gradient. */
#include <string.h>
#include "logits.h"

enum { MICRO, MACRO };
static const char *const averages[] = { "micro", "macro", NULL };
typedef struct config { int32_t average; double smooth; } config;
typedef struct loss {
    int64_t width, columns;                /* columns: of probabilities, one F1 each for macro             */
    uint32_t means;
    int ids, softmax, macro, steps;        /* steps: an answer's numbers are all steps of a sequence       */
    float smooth;
} loss;
enum { OUTPUT, TARGET };
enum { PROBABILITY, SUMS };                /* saved: [N, columns]; [answers, 2 columns]: hits, said + true */

static const tn_option options[] = {
    TN_ENUM(config, average, MICRO, averages, "one F1 of all columns together, or the mean of one for each column"),
    TN_REAL_X(config, smooth, TN_O_OPEN_MIN, 1, 0, 1000, "added above and below the line: no column divides 0 by 0"),
};

static int plan(const tn_api *api, tn_host *host, const void *opts, void *self, tn_plan *p, uint32_t n_in,
                const tn_spec *const *in)
{
    loss *l = self;
    const config *o = opts;
    const tn_spec *x = in[OUTPUT], *t = in[TARGET];
    int32_t up = api->parent(p, x->layout), on = up > 0 ? up : x->layout;
    int rc = check_rows(api, host, "soft_f1", x, t);
    (void)n_in;
    if (rc) return rc;
    *l = (loss){ .width = x->width, .columns = x->width, .means = x->means, .ids = t->means == TN_IDS,
                 .macro = o->average == MACRO, .steps = up > 0, .smooth = (float)o->smooth };
    l->softmax = l->ids && !(x->width == 1 && t->classes <= 2);
    if (x->means == TN_LOG_PROBABILITIES)
        return tn_fail(api, host, TN_ESHAPE, "soft_f1: takes logits or probabilities, the input is log probabilities");
    if (l->ids && up <= 0)
        return tn_fail(api, host, TN_ESHAPE, "soft_f1: an example has one class only, there is nothing to average over; it takes "
                       "steps, or a target of several numbers 0 or 1");
    if (l->softmax) rc = check_classes(api, host, "soft_f1", x, t);
    else if (!l->ids && x->width != t->width)
        rc = tn_fail(api, host, TN_ESHAPE, "soft_f1: the input has %lld values a row, the target %lld", (long long)x->width,
                     (long long)t->width);
    if (rc) return rc;
    tn_spec y = { .dtype = TN_F32, .layout = on, .width = 1 }, sums = y, probability = { .dtype = TN_F32, .layout = x->layout };
    sums.width = 2 * l->columns, probability.width = l->columns;
    rc = api->add_out(p, NULL, &y);
    if (rc >= 0) rc = api->add_saved(p, &probability);
    if (rc >= 0) rc = api->add_saved(p, &sums);
    return rc < 0 ? rc : TN_OK;
}

typedef struct job { const loss *l; const tn_call *c; } job;

static float target_of(const job *b, int64_t r, int64_t j)
{
    const void *t = b->c->in[TARGET]->data;
    if (!b->l->ids) return ((const float *)t)[r * b->l->width + j];
    int32_t id = ((const int32_t *)t)[r];
    return b->l->softmax ? (float)(id == j) : (float)id;
}

/* Row t of answer a; how many it has. An answer is a row, or all steps of a sequence. */
static int64_t rows_of(const job *b, int64_t a)
{
    const tn_layout *l = b->c->in[OUTPUT]->lay;
    return b->l->steps ? l->length[l->place[a]] : 1;
}
static int64_t row_of(const job *b, int64_t a, int64_t t)
{
    const tn_layout *l = b->c->in[OUTPUT]->lay;
    return b->l->steps ? l->first[t] + l->place[a] : a;
}

static void row_probabilities(const loss *l, const float *x, float *p)
{
    if (l->softmax) class_probabilities(x, l->means, 1, l->columns, p);
    else
        for (int64_t j = 0; j < l->columns; j++) p[j] = l->means == TN_PROBABILITIES ? x[j] : sigmoid_of(x[j]);
}

/* What the sums of answer a say: F1 = (2 h + s) / (n + s). micro: of all columns, in *h and *n. */
static double f1(double h, double n, double s) { return (2 * h + s) / (n + s); }

/* h_j = sum of p_j t_j, n_j = sum of p_j + t_j over the answer's rows; loss = 1 - F1 */
static void forward_answers(void *to, int64_t from, int64_t end)
{
    const job *b = to;
    const loss *l = b->l;
    const int64_t k = l->columns;
    float *y = b->c->out[LOSS]->data;
    for (int64_t a = from; a < end; a++) {
        float *sum = (float *)b->c->saved[SUMS]->data + a * 2 * k;
        double score = 0, hits = 0, both = 0;
        memset(sum, 0, sizeof *sum * (size_t)(2 * k));
        for (int64_t t = 0, n = rows_of(b, a); t < n; t++) {
            int64_t r = row_of(b, a, t);
            float *p = (float *)b->c->saved[PROBABILITY]->data + r * k;
            row_probabilities(l, (const float *)b->c->in[OUTPUT]->data + r * l->width, p);
            for (int64_t j = 0; j < k; j++) {
                float yes = target_of(b, r, j);
                sum[j] += p[j] * yes, sum[k + j] += p[j] + yes;
            }
        }
        for (int64_t j = 0; j < k; j++) {
            hits += (double)sum[j], both += (double)sum[k + j];
            score += f1((double)sum[j], (double)sum[k + j], (double)l->smooth) / (double)k;
        }
        if (!l->macro) sum[0] = (float)hits, sum[k] = (float)both, score = f1(hits, both, (double)l->smooth);
        y[a] = (float)(1 - score);
    }
}

/* d loss / dp_j = -(2 t_j - F1_j) / (n_j + s), / K for macro; then through softmax or the logistic function */
static void backward_answers(void *to, int64_t from, int64_t end)
{
    const job *b = to;
    const loss *l = b->l;
    const int64_t k = l->columns;
    const float *dy = b->c->d_out[LOSS]->data;
    for (int64_t a = from; a < end; a++) {
        const float *sum = (const float *)b->c->saved[SUMS]->data + a * 2 * k;
        for (int64_t t = 0, n = rows_of(b, a); t < n; t++) {
            int64_t r = row_of(b, a, t);
            const float *p = (const float *)b->c->saved[PROBABILITY]->data + r * k;
            float *dx = (float *)b->c->d_in[OUTPUT]->data + r * l->width;
            double mean = 0;
            for (int pass = l->softmax && l->means != TN_PROBABILITIES ? 0 : 1; pass < 2; pass++)
                for (int64_t j = 0; j < k; j++) {
                    int64_t of = l->macro ? j : 0;
                    double by = (double)sum[k + of] + (double)l->smooth;
                    double dp = -(2 * (double)target_of(b, r, j) - f1((double)sum[of], (double)sum[k + of], (double)l->smooth)) / by;
                    if (l->macro) dp /= (double)k;
                    if (!pass) mean += (double)p[j] * dp;
                    else if (l->means == TN_PROBABILITIES) dx[j] += dy[a] * (float)dp;
                    else if (l->softmax) dx[j] += dy[a] * (float)((double)p[j] * (dp - mean));
                    else dx[j] += dy[a] * (float)(dp * (double)p[j] * (1 - (double)p[j]));
                }
        }
    }
}

static int forward(void *self, const tn_call *c)
{
    loss *l = self;
    job b = { l, c };
    int rc = l->ids ? check_ids(c, "soft_f1", c->in[TARGET], l->softmax ? l->columns : 2, 0) : TN_OK;
    return rc ? rc : c->be->ops->parallel_for(c->be, c->out[LOSS]->rows, 8, forward_answers, &b);
}

static int backward(void *self, const tn_call *c)
{
    loss *l = self;
    job b = { l, c };
    if (!c->d_in[OUTPUT] || !c->d_out[LOSS]) return TN_OK;
    return c->be->ops->parallel_for(c->be, c->out[LOSS]->rows, 8, backward_answers, &b);
}

static int predict(void *self, const tn_call *c, int64_t classes, float *probability)
{
    const loss *l = self;
    const float *x = c->in[OUTPUT]->data;
    int64_t gives = l->ids && !l->softmax ? 2 : l->columns;
    if (classes != gives)
        return tn_fail(c->api, c->host, TN_ESHAPE, "soft_f1: gives %lld probabilities a row, not %lld", (long long)gives,
                       (long long)classes);
    for (int64_t r = 0; r < c->in[OUTPUT]->rows; r++) {
        float *p = probability + r * gives;
        if (gives == l->columns) row_probabilities(l, x + r * l->width, p);
        else row_probabilities(l, x + r, p + 1), p[0] = 1 - p[1];
    }
    return TN_OK;
}

static const tn_impl on_cpu = { sizeof on_cpu, 0, "cpu", forward, backward, NULL };
static const tn_impl *const impls[] = { &on_cpu, NULL };
static const tn_layer layer = { .size = sizeof layer, .min_in = 2, .max_in = 2, .plan = plan,
                                .impls = impls, .port_size = sizeof(tn_port) };
static const tn_loss table = { sizeof table, 0, TN_LOGITS, 0, &layer, predict };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_LOSS, .table = &table, .name = "soft_f1",
    .brief = "1 - F1, of probabilities in place of decisions",
    .doc = "With p the probabilities, t the targets 0 or 1 and s = `smooth`:\n\n"
           "    h = sum of p t        n = sum of p + t        loss = 1 - (2 h + s) / (n + s)\n\n"
           "F1 is a property of several answers. The sums run over an example: over its labels where the target is several\n"
           "numbers a row (p by the logistic function), and over the steps of a sequence where the input has steps, also for a\n"
           "target of classes (p by softmax, t = 1 for the right one). There is one value a sequence, so the loss of an example\n"
           "never depends on who else is in its batch; other programs sum over the batch. An example with one class is an error.\n\n"
           "`average = \"macro\"`: one F1 for each column, and the mean of them. A column (an empty sequence, too) with neither p nor\n"
           "t has F1 = s / s = 1. The same formula is known as Dice loss.\n\n"
           "Source: Milletari, Navab, Ahmadi, *V-Net* (3DV 2016), section 3, with n of p and t not squared, as in Li, Sun,\n"
           "Meng, Liang, Wu, Li, *Dice Loss for Data-imbalanced NLP Tasks* (ACL 2020), formula 5 (s = 1).\n",
    TN_OPTIONS(options), .config_size = sizeof(config), .self_size = sizeof(loss) };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("soft_f1", "1.0", "The Tenon authors", "MIT", "", parts)
