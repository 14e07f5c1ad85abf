/* ordinal.c -- classes that have an order, from one number a row: where it lies between learned thresholds (the
 * proportional odds model, also called cumulative logits). */
#include <string.h>
#include "classes.h"

typedef struct loss { int64_t classes; } loss;
enum { OUTPUT, TARGET };
enum { CUTS };                             /* parameter [K - 1]: the first threshold, then logarithms of the gaps    */
enum { THRESHOLDS, SLOPES, GAPS };         /* work [K - 1]: the thresholds, their gradients, those of the gaps' logs   */

static int plan(const tn_api *api, tn_host *host, const void *opts, void *self, tn_plan *p, uint32_t n_in,
                const tn_spec *const *in)
{
    loss *l = self;
    const tn_spec *x = in[OUTPUT], *t = in[TARGET];
    int rc = check_rows(api, host, "ordinal", x, t);
    (void)opts, (void)n_in;
    if (rc) return rc;
    if (t->means != TN_IDS) return tn_fail(api, host, TN_ESHAPE, "ordinal: the target is numbers, not classes; mse compares numbers");
    if (x->means != TN_VALUES && x->means != TN_LOGITS)
        return tn_fail(api, host, TN_ESHAPE, "ordinal: takes a plain number, the input is probabilities; leave the activation out");
    if (x->width != 1)
        return tn_fail(api, host, TN_ESHAPE, "ordinal: the input has %lld values a row, it takes 1: a dense layer with units = 1",
                       (long long)x->width);
    if (t->classes == 1) return tn_fail(api, host, TN_ESHAPE, "ordinal: the target has one class only, there is nothing to learn");
    l->classes = t->classes > 1 ? t->classes : 2;
    int64_t cuts = l->classes - 1;
    tn_param param = { .size = sizeof param, .flags = TN_P_NO_DECAY, .name = "cuts", .init = "{ type = 'constant', value = 0.0 }",
                       .ndim = 1, .blocks = 1, .dim = { cuts, 1, 1, 1 }, .fan_in = 1, .fan_out = 1 };
    tn_spec row = { .dtype = TN_F32, .layout = TN_FIXED, .rows = 1, .width = cuts };
    rc = add_row_loss(api, p, x, 0);
    if (rc >= 0) rc = api->add_param(p, &param);
    for (int i = 0; i < 3 && rc >= 0; i++) rc = api->add_work(p, &row);
    return rc < 0 ? rc : TN_OK;
}

/* Thresholds between which each class has the same probability at x = 0: h_k = log(k / (K - k)) */
static int initialize(void *self, const tn_api *api, tn_host *host, uint32_t slot, tn_rng rng, float *p)
{
    double k = (double)((const loss *)self)->classes, before = 0;
    (void)api, (void)host, (void)slot, (void)rng;
    for (int64_t i = 0; i < ((const loss *)self)->classes - 1; i++) {
        double here = log((double)(i + 1) / (k - (double)(i + 1)));
        p[i] = (float)(i ? log(here - before) : here);
        before = here;
    }
    return 1;
}

typedef struct job { const loss *l; const tn_call *c; const float *cut, *h; } job;

/* h_1 = c_1, h_k = h_(k-1) + e^(c_k): in order, whatever the parameters are */
static job find_thresholds(const loss *l, const tn_call *c)
{
    const float *cut = c->param[CUTS]->data;
    float *h = c->work[THRESHOLDS]->data;
    h[0] = cut[0];
    for (int64_t k = 1; k < l->classes - 1; k++) h[k] = h[k - 1] + exp_of(cut[k]);
    return (job){ l, c, cut, h };
}

/* -log P(class = k) for the number x, with a = h_(k-1) - x and b = h_k - x, g = b - a = e^(c_k):
 *     P = s(b) - s(a) = s(b) s(-a) (1 - e^-g),  s(x) = 1 / (1 + e^-x);   the first class has s(b) alone, the last s(-a)
 * Nothing cancels, however small the gap. Its derivatives by a, by b with g held, and by c_k. */
typedef struct slopes { float a, b, c; } slopes;

static float surprise(const job *j, int64_t k, float x, slopes *d)
{
    int first = k == 0, last = k == j->l->classes - 1;
    float b = last ? 0 : j->h[k] - x, a = first ? 0 : j->h[k - 1] - x, y = 0;
    *d = (slopes){ first ? 0 : sigmoid_of(a), last ? 0 : -sigmoid_of(-b), 0 };
    if (!last) y += softplus_of(-b);
    if (!first) y += softplus_of(a);
    if (first || last) return y;
    float gap = exp_of(j->cut[k]), rest = -expm1_of(-gap);
    if (rest < 1e-37f) rest = 1e-37f;
    d->c = gap > 1e-37f ? -gap * exp_of(-gap) / rest : -1;
    return y - log_of(rest);
}

static void forward_rows(void *to, int64_t from, int64_t end)
{
    const job *b = to;
    const float *x = b->c->in[OUTPUT]->data;
    const int32_t *t = b->c->in[TARGET]->data;
    float *y = b->c->out[LOSS]->data;
    slopes d;
    for (int64_t r = from; r < end; r++) y[r] = surprise(b, t[r], x[r], &d);
}

/* dx = -dy (dy/da + dy/db) */
static void backward_rows(void *to, int64_t from, int64_t end)
{
    const job *b = to;
    const float *x = b->c->in[OUTPUT]->data, *dy = b->c->d_out[LOSS]->data;
    const int32_t *t = b->c->in[TARGET]->data;
    float *dx = b->c->d_in[OUTPUT]->data;
    slopes d;
    for (int64_t r = from; r < end; r++) {
        surprise(b, t[r], x[r], &d);
        dx[r] -= dy[r] * (d.a + d.b);
    }
}

static int forward(void *self, const tn_call *c)
{
    job b = find_thresholds(self, c);
    int rc = check_ids(c, "ordinal", c->in[TARGET], b.l->classes, 0);
    return rc ? rc : c->be->ops->parallel_for(c->be, c->in[OUTPUT]->rows, 256, forward_rows, &b);
}

static int backward(void *self, const tn_call *c)
{
    if (!c->d_in[OUTPUT] || !c->d_out[LOSS]) return TN_OK;
    job b = find_thresholds(self, c);
    return c->be->ops->parallel_for(c->be, c->in[OUTPUT]->rows, 256, backward_rows, &b);
}

/* dc_1 = sum of all dh_k, dc_k = e^(c_k) (dh_k + dh_(k+1) + ...) and what its gap has alone; summed over the rows in order */
static int gradient(void *self, const tn_call *c)
{
    const loss *l = self;
    if (!c->d_out[LOSS] || !c->d_param[CUTS]) return TN_OK;
    job b = find_thresholds(l, c);
    const float *x = c->in[OUTPUT]->data, *dy = c->d_out[LOSS]->data;
    const int32_t *t = c->in[TARGET]->data;
    float *dh = c->work[SLOPES]->data, *gap = c->work[GAPS]->data, *dc = c->d_param[CUTS]->data, sum = 0;
    slopes d;
    memset(gap, 0, sizeof *gap * (size_t)(l->classes - 1));
    memset(dh, 0, sizeof *dh * (size_t)(l->classes - 1));
    for (int64_t r = 0; r < c->in[OUTPUT]->rows; r++) {
        surprise(&b, t[r], x[r], &d);
        if (t[r] > 0) dh[t[r] - 1] += dy[r] * d.a;
        if (t[r] < l->classes - 1) dh[t[r]] += dy[r] * d.b, gap[t[r]] += dy[r] * d.c;
    }
    for (int64_t k = l->classes - 1; k-- > 0; ) {
        sum += dh[k];
        dc[k] += k ? exp_of(b.cut[k]) * sum + gap[k] : sum;
    }
    return TN_OK;
}

static void row_probabilities(const job *b, float x, float *p)
{
    slopes d;
    for (int64_t k = 0; k < b->l->classes; k++) p[k] = exp_of(-surprise(b, k, x, &d));
}

static int predict(void *self, const tn_call *c, int64_t classes, float *probability)
{
    const loss *l = self;
    const float *x = c->in[OUTPUT]->data;
    if (classes != l->classes)
        return tn_fail(c->api, c->host, TN_ESHAPE, "ordinal: %lld classes asked for, the target has %lld", (long long)classes,
                       (long long)l->classes);
    job b = find_thresholds(l, c);
    for (int64_t r = 0; r < c->in[OUTPUT]->rows; r++) row_probabilities(&b, x[r], probability + r * classes);
    return TN_OK;
}

/* The most probable class of each row: of an example, or of each step of a sequence. */
static int32_t best_class(const job *b, float x)
{
    int32_t best = 0;
    float least = INFINITY;
    slopes d;
    for (int32_t k = 0; k < b->l->classes; k++) {
        float y = surprise(b, k, x, &d);
        if (y < least) least = y, best = k;
    }
    return best;
}

static int decode(void *self, const tn_call *c, tn_emit_fn *emit, void *to)
{
    job b = find_thresholds(self, c);
    const tn_layout *l = c->in[OUTPUT]->lay;
    const float *x = c->in[OUTPUT]->data;
    int rc = TN_OK;
    int32_t *path = malloc(sizeof *path * (size_t)(l->steps + 1));
    if (!path) return tn_fail(c->api, c->host, TN_ENOMEM, "ordinal: no memory for a path of %d steps", l->steps);
    for (int32_t r = 0; !l->parent && r < l->rows && !rc; r++) {
        path[0] = best_class(&b, x[r]);
        rc = emit(to, r, 0, path, 1);
    }
    for (int32_t s = 0; l->parent && s < l->sequences && !rc; s++) {
        for (int32_t t = 0; t < l->length[s]; t++) path[t] = best_class(&b, x[l->first[t] + s]);
        rc = emit(to, l->order[s], 0, path, l->length[s]);
    }
    free(path);
    return rc;
}

static const tn_impl on_cpu = { sizeof on_cpu, 0, "cpu", forward, backward, gradient };
static const tn_impl *const impls[] = { &on_cpu, NULL };
static const tn_layer layer = { .size = sizeof layer, .min_in = 2, .max_in = 2, .plan = plan, .impls = impls,
                                .port_size = sizeof(tn_port), .decode = decode, .initialize = initialize };
static const tn_loss table = { sizeof table, 0, TN_VALUES, 0, &layer, predict };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_LOSS, .table = &table, .name = "ordinal", .option_size = sizeof(tn_option),
    .brief = "classes that have an order, by thresholds on one number",
    .doc = "The proportional odds model. For K classes in the order of their ids and one number x a row:\n\n"
           "    P(class <= k) = 1 / (1 + e^(x - h_k))        h_1 < h_2 < ... < h_(K-1)\n"
           "    loss = -log(P(class <= t) - P(class <= t - 1))\n\n"
           "A larger x means a higher class; a guess that is far off costs more than one that is near. The thresholds h are\n"
           "parameters of the loss, `cuts`: h_1 first, then the logarithms of the gaps, so that the order can't be lost. At\n"
           "first all classes are equally probable at x = 0. Weight decay leaves them alone. Since they move, the layer that\n"
           "makes x needs no bias.\n\n"
           "Predictions are the probabilities of all classes. The port `.decoded` has the most probable class of each row, for\n"
           "metrics that compare classes:\n\n"
           "    [[layer]]\n"
           "    name = \"score\"\n"
           "    type = \"dense\"\n"
           "    units = 1\n"
           "    bias = false\n"
           "    [[loss]]\n"
           "    type = \"ordinal\"\n"
           "    target = \"stars\"\n"
           "    [[metric]]\n"
           "    type = \"accuracy\"\n"
           "    input = \"ordinal.decoded\"\n"
           "    target = \"stars\"\n\n"
           "The order is that of the classes of a category: numbers by their value, other names by their letters (so call them\n"
           "1_bad, 2_fair, 3_good).\n\n"
           "Source: McCullagh, *Regression Models for Ordinal Data* (1980); the gaps as in statsmodels' `OrderedModel`.\n",
    .config_size = 0, .self_size = sizeof(loss) };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("ordinal", "1.0", "The Tenon authors", "MIT", "", parts)
