/* amsgrad.c -- Adam whose step is divided by the largest mean square so far, as PyTorch's Adam(amsgrad=True) computes it. */
#include <math.h>
#include <tenon/tenon.h>

typedef struct config { double beta1, beta2, epsilon; int32_t decoupled; } config;
typedef struct optimizer { const config *options; } optimizer;
enum { KEEP, DECAY, FIRST, BETA2, SECOND, SIZE, ROOT, EPSILON };
enum { MEAN, SQUARE, LARGEST, SLOTS };

static const tn_option options[] = {
    TN_REAL_X(config, beta1, TN_O_OPEN_MAX, 0.9, 0, 1, "decay of the mean of gradients"),
    TN_REAL_X(config, beta2, TN_O_OPEN_MAX, 0.999, 0, 1, "decay of the mean of squared gradients"),
    TN_REAL_X(config, epsilon, TN_O_OPEN_MIN, 1e-8, 0, 1, "added to the root of the mean square, so that it is never 0"),
    TN_BOOL(config, decoupled, 0, "whether weight decay acts on the parameter itself (AdamW) instead of the gradient"),
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

/* m and s as in Adam;  a = max(a, s);  p = keep p - size m / (sqrt(a) root + epsilon) */
static int step(void *self, tn_be *be, const tn_update *u)
{
    const float keep = u->number[KEEP], decay = u->number[DECAY], first = u->number[FIRST], beta2 = u->number[BETA2],
                second = u->number[SECOND], size = u->number[SIZE], root = u->number[ROOT], epsilon = u->number[EPSILON];
    float *restrict p = u->p, *restrict m = u->slot[MEAN], *restrict s = u->slot[SQUARE], *restrict a = u->slot[LARGEST];
    const float *restrict gradient = u->g;
    (void)self, (void)be;
    for (int64_t i = 0; i < u->n; i++) {
        float g = (gradient ? gradient[i] : 0.0f) + decay * p[i], kept = keep * p[i];
        m[i] += first * (g - m[i]);
        s[i] = beta2 * s[i] + second * (g * g);
        a[i] = s[i] > a[i] ? s[i] : a[i];
        p[i] = kept - size * m[i] / (sqrtf(a[i]) * root + epsilon);
    }
    return TN_OK;
}

static const tn_optimizer table = { sizeof table, SLOTS, step, prepare };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_OPTIMIZER, .table = &table, .name = "amsgrad",
    .brief = "Adam whose step is divided by the largest mean square so far",
    .doc = "    m, s as in `adam`;  a = max(a, s)\n"
           "    p = p - learning_rate m' / (sqrt(a') + epsilon)     m' = m / (1 - beta1^t), a' = a / (1 - beta2^t)\n\n"
           "PyTorch's Adam with amsgrad = True. It is a part of its own because it keeps three numbers for each\n"
           "parameter, one more than `adam`.\n\n"
           "Source: Reddi, Kale, Kumar, *On the Convergence of Adam and Beyond* (ICLR 2018).\n",
    TN_OPTIONS(options), .config_size = sizeof(config), .self_size = sizeof(optimizer), .open = open };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("amsgrad", "1.0", "The Tenon authors", "MIT", "", parts)
