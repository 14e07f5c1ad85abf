/* rmsprop.c -- the gradient divided by the root of its mean square, as PyTorch's RMSprop computes it. */
#include <math.h>
#include <tenon/tenon.h>

typedef struct config { double alpha, epsilon, momentum; int32_t centered; } config;
typedef struct optimizer { const config *options; } optimizer;
enum { SQUARE, SLOTS = 3 };                /* then the mean where it is centered, then the velocity where it is heavy */

static const tn_option options[] = {
    TN_REAL_X(config, alpha, TN_O_OPEN_MAX, 0.99, 0, 1, "decay of the mean of squared gradients"),
    TN_REAL_X(config, epsilon, TN_O_OPEN_MIN, 1e-8, 0, 1, "added to the root of the mean square, so that it is never 0"),
    TN_REAL_X(config, momentum, TN_O_OPEN_MAX, 0, 0, 1, "share of the last step that goes into this one"),
    TN_BOOL(config, centered, 0, "whether the square of the mean gradient is taken off the mean square"),
};

static int open(const tn_api *api, tn_host *host, const void *opts, void *self)
{
    (void)api, (void)host;
    ((optimizer *)self)->options = opts;
    return TN_OK;
}

/* s = alpha s + (1 - alpha) g^2;  centered: m = m + (1 - alpha) (g - m), and s - m^2 stands for s;
 * v = momentum v + g / (sqrt(s) + epsilon);  p = p - rate v */
static inline __attribute__((always_inline)) void update(const tn_update *u, const config *o, int centered, int heavy)
{
    const float rate = (float)u->rate, decay = (float)u->decay, alpha = (float)o->alpha, rest = (float)(1 - o->alpha),
                epsilon = (float)o->epsilon, momentum = (float)o->momentum;
    float *restrict p = u->p, *restrict s = u->slot[SQUARE];
    float *restrict m = centered ? u->slot[1] : NULL, *restrict v = heavy ? u->slot[1 + centered] : NULL;
    const float *restrict gradient = u->g;
    for (int64_t i = 0; i < u->n; i++) {
        float g = (gradient ? gradient[i] : 0.0f) + decay * p[i];
        s[i] = alpha * s[i] + rest * (g * g);
        float square = s[i];
        if (centered) {
            m[i] += rest * (g - m[i]);
            square -= m[i] * m[i];
            square = square > 0 ? square : 0;
        }
        float by = g / (sqrtf(square) + epsilon);
        if (heavy) v[i] = by = momentum * v[i] + by;
        p[i] -= rate * by;
    }
}

static int step(void *self, tn_be *be, const tn_update *u)
{
    const config *o = ((const optimizer *)self)->options;
    (void)be;
    if (o->centered) update(u, o, 1, o->momentum > 0);
    else update(u, o, 0, o->momentum > 0);
    return TN_OK;
}

static uint32_t slots_used(const void *self)
{
    const config *o = ((const optimizer *)self)->options;
    return 1u + (o->centered != 0) + (o->momentum > 0);
}

static const tn_optimizer table = { sizeof table, SLOTS, step, NULL, slots_used };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_OPTIMIZER, .table = &table, .name = "rmsprop",
    .brief = "the gradient divided by the root of its mean square",
    .doc = "    g = gradient + weight_decay p;  s = alpha s + (1 - alpha) g^2\n"
           "    v = momentum v + g / (sqrt(s) + epsilon);  p = p - learning_rate v\n\n"
           "With `centered`, s - m^2 stands for s, where m = alpha m + (1 - alpha) g. PyTorch's RMSprop and its\n"
           "defaults, but for its learning rate, 0.01. Keras has alpha = 0.9 (rho) and epsilon = 1e-7.\n\n"
           "Sources: Tieleman, Hinton, *Lecture 6.5: rmsprop* (2012); Graves, *Generating Sequences With\n"
           "Recurrent Neural Networks* (2013) for the centered form.\n",
    TN_OPTIONS(options), .config_size = sizeof(config), .self_size = sizeof(optimizer), .open = open };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("rmsprop", "1.0", "The Tenon authors", "MIT", "", parts)
