/* adam.c -- Adam and AdamW, as PyTorch computes them. */
#include <math.h>
#include <tenon/tenon.h>

typedef struct config { double beta1, beta2, epsilon; int32_t decoupled, lazy; } config;
typedef struct optimizer { const config *options; } optimizer;
/* Numbers of one step. KEEP: factor on p (decoupled decay); FIRST, SECOND: shares of g and g^2; SIZE: of the step; ROOT:
 * 1 / sqrt of what the second moment lacks in the first steps. */
enum { KEEP, DECAY, FIRST, BETA2, SECOND, SIZE, ROOT, EPSILON };
enum { MEAN, SQUARE, SLOTS };

static const tn_option options[] = {
    TN_REAL_X(config, beta1, TN_O_OPEN_MAX, 0.9, 0, 1, "decay of the mean of gradients"),
    TN_REAL_X(config, beta2, TN_O_OPEN_MAX, 0.999, 0, 1, "decay of the mean of squared gradients"),
    TN_REAL_X(config, epsilon, TN_O_OPEN_MIN, 1e-8, 0, 1, "added to the root of the mean square, so that it is never 0"),
    TN_BOOL(config, decoupled, 0, "whether weight decay acts on the parameter itself (AdamW) instead of the gradient"),
    TN_BOOL(config, lazy, 0, "whether rows of an embedding that are not in the batch are left alone"),
};

static int open(const tn_api *api, tn_host *host, const void *opts, void *self)
{
    (void)api, (void)host;
    ((optimizer *)self)->options = opts;
    return TN_OK;
}

/* size = rate / (1 - beta1^t), root = 1 / sqrt(1 - beta2^t): both means begin at 0 */
static int prepare(void *self, const tn_update *u, float *number)
{
    const config *o = ((const optimizer *)self)->options;
    double t = (double)u->t;
    number[KEEP] = o->decoupled ? (float)(1 - u->rate * u->decay) : 1.0f;
    number[DECAY] = o->decoupled ? 0.0f : (float)u->decay;
    number[FIRST] = (float)(1 - o->beta1);
    number[BETA2] = (float)o->beta2;
    number[SECOND] = (float)(1 - o->beta2);
    number[SIZE] = (float)(u->rate / (1 - pow(o->beta1, t)));
    number[ROOT] = (float)(1 / sqrt(1 - pow(o->beta2, t)));
    number[EPSILON] = (float)o->epsilon;
    return TN_OK;
}

/* m = m + (1 - beta1) (g - m);  s = beta2 s + (1 - beta2) g^2;  p = keep p - size m / (sqrt(s) root + epsilon) */
static inline __attribute__((always_inline)) void update(const tn_update *u, const float *restrict gradient)
{
    const float keep = u->number[KEEP], decay = u->number[DECAY], first = u->number[FIRST], beta2 = u->number[BETA2],
                second = u->number[SECOND], size = u->number[SIZE], root = u->number[ROOT], epsilon = u->number[EPSILON];
    float *restrict p = u->p, *restrict m = u->slot[MEAN], *restrict s = u->slot[SQUARE];
    for (int64_t i = 0; i < u->n; i++) {
        float g = (gradient ? gradient[i] : 0.0f) + decay * p[i], kept = keep * p[i];
        m[i] += first * (g - m[i]);
        s[i] = beta2 * s[i] + second * (g * g);
        p[i] = kept - size * m[i] / (sqrtf(s[i]) * root + epsilon);
    }
}

static int step(void *self, tn_be *be, const tn_update *u)
{
    (void)be;
    if (u->g) update(u, u->g);
    else if (!((const optimizer *)self)->options->lazy) update(u, NULL);
    return TN_OK;
}

static const tn_optimizer table = { sizeof table, SLOTS, step, prepare };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_OPTIMIZER, .table = &table, .name = "adam",
    .brief = "Adam, with weight decay coupled or decoupled (AdamW)",
    .doc = "    g = gradient + weight_decay p                       decoupled: p = (1 - learning_rate weight_decay) p first\n"
           "    m = beta1 m + (1 - beta1) g\n"
           "    s = beta2 s + (1 - beta2) g^2\n"
           "    p = p - learning_rate m' / (sqrt(s') + epsilon)     m' = m / (1 - beta1^t), s' = s / (1 - beta2^t)\n\n"
           "t counts updates from 1. With `lazy` the rows of an embedding that a batch does not use keep\n"
           "p, m and s as they are, which is faster and not quite the same. `adamw` is the decoupled form under\n"
           "its own name, `amsgrad` the variant with the largest mean square so far.\n\n"
           "Sources: Kingma, Ba, *Adam: A Method for Stochastic Optimization* (ICLR 2015); Loshchilov,\n"
           "Hutter, *Decoupled Weight Decay Regularization* (ICLR 2019).\n",
    TN_OPTIONS(options), .config_size = sizeof(config), .self_size = sizeof(optimizer), .open = open };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("adam", "1.0", "The Tenon authors", "MIT", "", parts)
