/* adadelta.c -- steps as large as earlier steps were against their gradients, as PyTorch's Adadelta computes them. */
#include <math.h>
#include <tenon/tenon.h>

typedef struct config { double rho, epsilon; } config;
typedef struct optimizer { const config *options; } optimizer;
enum { SQUARE, STEPS, SLOTS };

static const tn_option options[] = {
    TN_REAL_X(config, rho, TN_O_OPEN_MAX, 0.9, 0, 1, "decay of the means of squared gradients and squared steps"),
    TN_REAL_X(config, epsilon, TN_O_OPEN_MIN, 1e-6, 0, 1, "added to both means, so that the first steps are not 0"),
};

static int open(const tn_api *api, tn_host *host, const void *opts, void *self)
{
    (void)api, (void)host;
    ((optimizer *)self)->options = opts;
    return TN_OK;
}

/* s = rho s + (1 - rho) g^2;  d = g sqrt(a + epsilon) / sqrt(s + epsilon);  a = rho a + (1 - rho) d^2;  p = p - rate d */
static int step(void *self, tn_be *be, const tn_update *u)
{
    const config *o = ((const optimizer *)self)->options;
    const float rate = (float)u->rate, decay = (float)u->decay, rho = (float)o->rho, rest = (float)(1 - o->rho),
                epsilon = (float)o->epsilon;
    float *restrict p = u->p, *restrict s = u->slot[SQUARE], *restrict a = u->slot[STEPS];
    const float *restrict gradient = u->g;
    (void)be;
    for (int64_t i = 0; i < u->n; i++) {
        float g = (gradient ? gradient[i] : 0.0f) + decay * p[i];
        s[i] = rho * s[i] + rest * (g * g);
        float d = sqrtf(a[i] + epsilon) / sqrtf(s[i] + epsilon) * g;
        a[i] = rho * a[i] + rest * (d * d);
        p[i] -= rate * d;
    }
    return TN_OK;
}

static const tn_optimizer table = { sizeof table, SLOTS, step, NULL };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_OPTIMIZER, .table = &table, .name = "adadelta",
    .brief = "steps as large as earlier steps were against their gradients",
    .doc = "    g = gradient + weight_decay p;  s = rho s + (1 - rho) g^2\n"
           "    d = g sqrt(a + epsilon) / sqrt(s + epsilon);  a = rho a + (1 - rho) d^2\n"
           "    p = p - learning_rate d\n\n"
           "The paper has learning_rate = 1, and so has PyTorch's Adadelta: say so, for the usual 0.001 is far too\n"
           "small here. rho and epsilon are PyTorch's; the paper's are 0.95 and 1e-6.\n\n"
           "Source: Zeiler, *ADADELTA: An Adaptive Learning Rate Method* (2012).\n",
    TN_OPTIONS(options), .config_size = sizeof(config), .self_size = sizeof(optimizer), .open = open };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("adadelta", "1.0", "The Tenon authors", "MIT", "", parts)
