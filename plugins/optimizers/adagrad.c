/* adagrad.c -- a rate for each parameter, that falls with the sum of its squared gradients; as PyTorch computes it. */
#include <math.h>
#include <tenon/tenon.h>

typedef struct config { double epsilon, rate_decay, initial; } config;
typedef struct optimizer { const config *options; } optimizer;
enum { SQUARES, SLOTS };

static const tn_option options[] = {
    TN_REAL_X(config, epsilon, TN_O_OPEN_MIN, 1e-10, 0, 1, "added to the root of the sum, so that it is never 0"),
    TN_REAL(config, rate_decay, 0, 0, 1e6, "the rate is divided by 1 + rate_decay (t - 1) at update t"),
    TN_REAL(config, initial, 0, 0, 1e6, "the sum of squares at first"),
};

static int open(const tn_api *api, tn_host *host, const void *opts, void *self)
{
    (void)api, (void)host;
    ((optimizer *)self)->options = opts;
    return TN_OK;
}

/* s = s + g^2;  p = p - rate g / (sqrt(s) + epsilon). What has no gradient stays. */
static int step(void *self, tn_be *be, const tn_update *u)
{
    const config *o = ((const optimizer *)self)->options;
    const float rate = (float)(u->rate / (1 + o->rate_decay * (double)(u->t - 1))), decay = (float)u->decay,
                epsilon = (float)o->epsilon, initial = (float)o->initial;
    float *restrict p = u->p, *restrict s = u->slot[SQUARES];
    const float *restrict gradient = u->g;
    (void)be;
    if (!gradient && !(decay > 0)) return TN_OK;
    for (int64_t i = 0; i < u->n; i++) {
        float g = (gradient ? gradient[i] : 0.0f) + decay * p[i];
        s[i] += g * g;
        p[i] -= rate * g / (sqrtf(s[i] + initial) + epsilon);
    }
    return TN_OK;
}

static const tn_optimizer table = { sizeof table, SLOTS, step, NULL };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_OPTIMIZER, .table = &table, .name = "adagrad",
    .brief = "a rate for each parameter, that falls with the sum of its squared gradients",
    .doc = "    g = gradient + weight_decay p;  s = s + g^2\n"
           "    p = p - learning_rate g / (sqrt(initial + s) + epsilon)\n\n"
           "PyTorch's Adagrad and its defaults, but for its learning rate, 0.01; `rate_decay` is its lr_decay,\n"
           "`initial` its initial_accumulator_value (Keras has 0.1). Words that a batch does not use keep\n"
           "vector and sum.\n\n"
           "Tai, Socher, Manning (2015) train the embedding apart, by plain gradient descent:\n\n"
           "    [optimizer]\n"
           "    type = \"adagrad\"\n"
           "    learning_rate = 0.05\n"
           "    [[group]]\n"
           "    layers = [\"embedding\"]\n"
           "    type = \"sgd\"\n"
           "    learning_rate = 0.1\n\n"
           "Source: Duchi, Hazan, Singer, *Adaptive Subgradient Methods for Online Learning and Stochastic\n"
           "Optimization* (2011).\n",
    TN_OPTIONS(options), .config_size = sizeof(config), .self_size = sizeof(optimizer), .open = open };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("adagrad", "1.0", "The Tenon authors", "MIT", "", parts)
