/* nadam.c -- Adam with Nesterov's momentum, as PyTorch's NAdam computes it. */
#include <math.h>
#include <tenon/tenon.h>

typedef struct config { double beta1, beta2, epsilon, momentum_decay; } config;
typedef struct optimizer { const config *options; } optimizer;
enum { DECAY, FIRST, BETA2, SECOND, FRESH, AHEAD, ROOT, EPSILON };
enum { MEAN, SQUARE, SLOTS };

static const tn_option options[] = {
    TN_REAL_X(config, beta1, TN_O_OPEN_MAX, 0.9, 0, 1, "decay of the mean of gradients"),
    TN_REAL_X(config, beta2, TN_O_OPEN_MAX, 0.999, 0, 1, "decay of the mean of squared gradients"),
    TN_REAL_X(config, epsilon, TN_O_OPEN_MIN, 1e-8, 0, 1, "added to the root of the mean square, so that it is never 0"),
    TN_REAL(config, momentum_decay, 4e-3, 0, 1e3, "how fast the momentum grows from beta1 / 2 to beta1"),
};

static int open(const tn_api *api, tn_host *host, const void *opts, void *self)
{
    (void)api, (void)host;
    ((optimizer *)self)->options = opts;
    return TN_OK;
}

/* mu_t = beta1 (1 - 0.96^(t momentum_decay) / 2) */
static double momentum_at(const config *o, double t) { return o->beta1 * (1 - 0.5 * pow(0.96, t * o->momentum_decay)); }

/* fresh = rate (1 - mu_t) / (1 - product of mu up to t), ahead = rate mu_t+1 / (1 - product up to t + 1). The product is
 * taken anew each step, so that nothing is kept; below 1e-18 it no longer matters. */
static int prepare(void *self, const tn_update *u, float *number)
{
    const config *o = ((const optimizer *)self)->options;
    double now = momentum_at(o, (double)u->t), next = momentum_at(o, (double)u->t + 1), product = 1;
    for (int64_t t = 1; t <= u->t && product > 1e-18; t++) product *= momentum_at(o, (double)t);
    number[DECAY] = (float)u->decay;
    number[FIRST] = (float)(1 - o->beta1);
    number[BETA2] = (float)o->beta2;
    number[SECOND] = (float)(1 - o->beta2);
    number[FRESH] = (float)(u->rate * (1 - now) / (1 - product));
    number[AHEAD] = (float)(u->rate * next / (1 - product * next));
    number[ROOT] = (float)(1 / sqrt(1 - pow(o->beta2, (double)u->t)));
    number[EPSILON] = (float)o->epsilon;
    return TN_OK;
}

/* m, s as in Adam;  p = p - (fresh g + ahead m) / (sqrt(s) root + epsilon) */
static int step(void *self, tn_be *be, const tn_update *u)
{
    const float decay = u->number[DECAY], first = u->number[FIRST], beta2 = u->number[BETA2], second = u->number[SECOND],
                fresh = u->number[FRESH], ahead = u->number[AHEAD], root = u->number[ROOT], epsilon = u->number[EPSILON];
    float *restrict p = u->p, *restrict m = u->slot[MEAN], *restrict s = u->slot[SQUARE];
    const float *restrict gradient = u->g;
    (void)self, (void)be;
    for (int64_t i = 0; i < u->n; i++) {
        float g = (gradient ? gradient[i] : 0.0f) + decay * p[i];
        m[i] += first * (g - m[i]);
        s[i] = beta2 * s[i] + second * (g * g);
        p[i] -= (fresh * g + ahead * m[i]) / (sqrtf(s[i]) * root + epsilon);
    }
    return TN_OK;
}

static const tn_optimizer table = { sizeof table, SLOTS, step, prepare };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_OPTIMIZER, .table = &table, .name = "nadam",
    .brief = "Adam with Nesterov's momentum",
    .doc = "    g = gradient + weight_decay p;  m, s as in `adam`;  mu_t = beta1 (1 - 0.96^(t momentum_decay) / 2)\n"
           "    p = p - learning_rate (mu_t+1 m / (1 - mu_1 ... mu_t+1) + (1 - mu_t) g / (1 - mu_1 ... mu_t)) / (sqrt(s') + epsilon)\n\n"
           "with s' = s / (1 - beta2^t), t counting updates from 1: PyTorch's NAdam and its defaults, but for its\n"
           "learning rate, 0.002.\n\n"
           "Source: Dozat, *Incorporating Nesterov Momentum into Adam* (2016).\n",
    TN_OPTIONS(options), .config_size = sizeof(config), .self_size = sizeof(optimizer), .open = open };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("nadam", "1.0", "The Tenon authors", "MIT", "", parts)
