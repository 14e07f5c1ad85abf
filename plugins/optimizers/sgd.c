/* sgd.c -- stochastic gradient descent, with momentum, as PyTorch's SGD computes it. */
#include <tenon/tenon.h>

typedef struct config { double momentum, dampening; int32_t nesterov; } config;
typedef struct optimizer { const config *options; } optimizer;
enum { VELOCITY };

static const tn_option options[] = {
    TN_REAL_X(config, momentum, TN_O_OPEN_MAX, 0, 0, 1, "share of the last step that goes into this one"),
    TN_REAL(config, dampening, 0, 0, 1, "share of the gradient that is kept out of the momentum"),
    TN_BOOL(config, nesterov, 0, "whether the step looks ahead by one momentum"),
};

static int check(const tn_api *api, tn_host *host, const void *opts)
{
    const config *o = opts;
    if (o->nesterov && (o->momentum <= 0 || o->dampening > 0))
        return tn_fail(
            api, host, TN_EINVAL,
            "nesterov = true needs momentum above 0 and dampening = 0 (momentum is %g, dampening %g)",
            o->momentum, o->dampening);
    return TN_OK;
}

static int open(const tn_api *api, tn_host *host, const void *opts, void *self)
{
    (void)api, (void)host;
    ((optimizer *)self)->options = opts;
    return TN_OK;
}

/* g += decay p;  p -= rate g */
static void plain(const tn_update *u)
{
    const float rate = (float)u->rate, decay = (float)u->decay;
    float *restrict p = u->p;
    const float *restrict gradient = u->g;
    for (int64_t i = 0; i < u->n; i++) p[i] -= rate * ((gradient ? gradient[i] : 0.0f) + decay * p[i]);
}

/* g += decay p;  v = momentum v + fresh g;  p -= rate v, or rate (g + momentum v) with nesterov. At the first step v = g,
 * whatever the dampening. */
static void with_momentum(const tn_update *u, const config *o)
{
    const float rate = (float)u->rate, decay = (float)u->decay, momentum = (float)o->momentum,
                fresh = u->t == 1 ? 1.0f : (float)(1 - o->dampening);
    const int nesterov = o->nesterov;
    float *restrict p = u->p, *restrict v = u->slot[VELOCITY];
    const float *restrict gradient = u->g;
    for (int64_t i = 0; i < u->n; i++) {
        float g = (gradient ? gradient[i] : 0.0f) + decay * p[i];
        v[i] = momentum * v[i] + fresh * g;
        p[i] -= rate * (nesterov ? g + momentum * v[i] : v[i]);
    }
}

static int step(void *self, tn_be *be, const tn_update *u)
{
    const config *o = ((const optimizer *)self)->options;
    (void)be;
    if (o->momentum > 0) with_momentum(u, o);
    else if (u->g || u->decay > 0) plain(u);
    return TN_OK;
}

static uint32_t slots_used(const void *self) { return ((const optimizer *)self)->options->momentum > 0 ? 1 : 0; }

static const tn_optimizer table = { sizeof table, 1, step, NULL, slots_used };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_OPTIMIZER, .table = &table, .name = "sgd",
    .brief = "stochastic gradient descent, with momentum",
    .doc = "    g = gradient + weight_decay p\n"
           "    v = momentum v + (1 - dampening) g           v = g at the first step\n"
           "    p = p - learning_rate v                      with nesterov: p - learning_rate (g + momentum v)\n\n"
           "Without momentum v is g. This is PyTorch's form, where the learning rate stands outside v.\n\n"
           "Source: Sutskever, Martens, Dahl, Hinton, *On the Importance of Initialization and Momentum\n"
           "in Deep Learning* (ICML 2013).\n",
    TN_OPTIONS(options), .config_size = sizeof(config), .self_size = sizeof(optimizer), .check = check, .open = open };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("sgd", "1.0", "The Tenon authors", "MIT", "", parts)
