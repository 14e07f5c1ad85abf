/* adamw.c -- Adam with decoupled weight decay, as PyTorch's AdamW computes it. */
#include <math.h>
#include <tenon/tenon.h>

typedef struct config { double beta1, beta2, epsilon; } config;
typedef struct optimizer { const config *options; } optimizer;
enum { KEEP, FIRST, BETA2, SECOND, SIZE, ROOT, EPSILON };
enum { MEAN, SQUARE, SLOTS };

static const tn_option options[] = {
    TN_REAL_X(config, beta1, TN_O_OPEN_MAX, 0.9, 0, 1, "decay of the mean of gradients"),
    TN_REAL_X(config, beta2, TN_O_OPEN_MAX, 0.999, 0, 1, "decay of the mean of squared gradients"),
    TN_REAL_X(config, epsilon, TN_O_OPEN_MIN, 1e-8, 0, 1, "added to the root of the mean square, so that it is never 0"),
};

static int open(const tn_api *api, tn_host *host, const void *opts, void *self)
{
    (void)api, (void)host;
    ((optimizer *)self)->options = opts;
    return TN_OK;
}

/* keep = 1 - rate decay, size = rate / (1 - beta1^t), root = 1 / sqrt(1 - beta2^t) */
static int prepare(void *self, const tn_update *u, float *number)
{
    const config *o = ((const optimizer *)self)->options;
    double t = (double)u->t;
    number[KEEP] = (float)(1 - u->rate * u->decay);
    number[FIRST] = (float)(1 - o->beta1);
    number[BETA2] = (float)o->beta2;
    number[SECOND] = (float)(1 - o->beta2);
    number[SIZE] = (float)(u->rate / (1 - pow(o->beta1, t)));
    number[ROOT] = (float)(1 / sqrt(1 - pow(o->beta2, t)));
    number[EPSILON] = (float)o->epsilon;
    return TN_OK;
}

/* m = m + (1 - beta1) (g - m);  s = beta2 s + (1 - beta2) g^2;  p = keep p - size m / (sqrt(s) root + epsilon) */
static int step(void *self, tn_be *be, const tn_update *u)
{
    const float keep = u->number[KEEP], first = u->number[FIRST], beta2 = u->number[BETA2], second = u->number[SECOND],
                size = u->number[SIZE], root = u->number[ROOT], epsilon = u->number[EPSILON];
    float *restrict p = u->p, *restrict m = u->slot[MEAN], *restrict s = u->slot[SQUARE];
    const float *restrict gradient = u->g;
    (void)self, (void)be;
    for (int64_t i = 0; i < u->n; i++) {
        float g = gradient ? gradient[i] : 0.0f;
        m[i] += first * (g - m[i]);
        s[i] = beta2 * s[i] + second * (g * g);
        p[i] = keep * p[i] - size * m[i] / (sqrtf(s[i]) * root + epsilon);
    }
    return TN_OK;
}

static const tn_optimizer table = { sizeof table, SLOTS, step, prepare };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_OPTIMIZER, .table = &table, .name = "adamw",
    .brief = "Adam with decoupled weight decay",
    .doc = "    p = (1 - learning_rate weight_decay) p, then a step of `adam` on the gradient alone\n\n"
           "The same as `adam` with decoupled = true. weight_decay is a key of [optimizer] and of [[group]] and\n"
           "is 0 if it is not given: PyTorch's AdamW has 0.01. Biases and other parameters that layers mark are\n"
           "not decayed.\n\n"
           "Source: Loshchilov, Hutter, *Decoupled Weight Decay Regularization* (ICLR 2019).\n",
    TN_OPTIONS(options), .config_size = sizeof(config), .self_size = sizeof(optimizer), .open = open };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("adamw", "1.0", "The Tenon authors", "MIT", "", parts)
