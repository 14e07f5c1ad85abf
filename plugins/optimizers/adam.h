/* adam.h -- what Adam, AdamW and their AMSGrad forms share: the step, as PyTorch computes it. */
#include <math.h>
#include <tenon/tenon.h>

typedef struct adam_options { double beta1, beta2, epsilon; int32_t amsgrad, decoupled, lazy; } adam_options;
typedef struct adam { const adam_options *options; int decoupled; } adam;
/* Numbers of one step. KEEP: factor on p (decoupled decay); FIRST, SECOND: shares of g and g^2; SIZE: of the step; ROOT:
 * 1 / sqrt of what the second moment lacks in the first steps. */
enum { KEEP, DECAY, FIRST, BETA2, SECOND, SIZE, ROOT, EPSILON };
enum { MEAN, SQUARE, LARGEST, SLOTS };

#define ADAM_OPTIONS                                                                                                   \
    TN_REAL_X(adam_options, beta1, TN_O_OPEN_MAX, 0.9, 0, 1, "decay of the mean of gradients"),                        \
    TN_REAL_X(adam_options, beta2, TN_O_OPEN_MAX, 0.999, 0, 1, "decay of the mean of squared gradients"),              \
    TN_REAL_X(adam_options, epsilon, TN_O_OPEN_MIN, 1e-8, 0, 1,                                                        \
              "added to the root of the mean square, so that it is never 0"),                                          \
    TN_BOOL(adam_options, amsgrad, 0, "whether the largest mean square so far stands for the mean square")

static uint32_t adam_slots(const void *self) { return ((const adam *)self)->options->amsgrad ? SLOTS : LARGEST; }

/* size = rate / (1 - beta1^t), root = 1 / sqrt(1 - beta2^t): both means begin at 0 */
static int adam_prepare(void *self, const tn_update *u, float *number)
{
    const adam *a = self;
    const adam_options *o = a->options;
    double t = (double)u->t;
    number[KEEP] = a->decoupled ? (float)(1 - u->rate * u->decay) : 1.0f;
    number[DECAY] = a->decoupled ? 0.0f : (float)u->decay;
    number[FIRST] = (float)(1 - o->beta1);
    number[BETA2] = (float)o->beta2;
    number[SECOND] = (float)(1 - o->beta2);
    number[SIZE] = (float)(u->rate / (1 - pow(o->beta1, t)));
    number[ROOT] = (float)(1 / sqrt(1 - pow(o->beta2, t)));
    number[EPSILON] = (float)o->epsilon;
    return TN_OK;
}

/* m = m + (1 - beta1) (g - m);  s = beta2 s + (1 - beta2) g^2;  amsgrad: a = max(a, s), and a stands for s;
 * p = keep p - size m / (sqrt(s) root + epsilon) */
static inline __attribute__((always_inline)) void adam_update(const tn_update *u, const float *restrict gradient, int amsgrad)
{
    const float keep = u->number[KEEP], decay = u->number[DECAY], first = u->number[FIRST], beta2 = u->number[BETA2],
                second = u->number[SECOND], size = u->number[SIZE], root = u->number[ROOT], epsilon = u->number[EPSILON];
    float *restrict p = u->p, *restrict m = u->slot[MEAN], *restrict s = u->slot[SQUARE];
    float *restrict a = amsgrad ? u->slot[LARGEST] : NULL;
    for (int64_t i = 0; i < u->n; i++) {
        float g = (gradient ? gradient[i] : 0.0f) + decay * p[i], kept = keep * p[i];
        m[i] += first * (g - m[i]);
        s[i] = beta2 * s[i] + second * (g * g);
        float square = s[i];
        if (amsgrad) a[i] = square = square > a[i] ? square : a[i];
        p[i] = kept - size * m[i] / (sqrtf(square) * root + epsilon);
    }
}

static int adam_step(void *self, tn_be *be, const tn_update *u)
{
    const adam_options *o = ((const adam *)self)->options;
    (void)be;
    if (!u->g && o->lazy) return TN_OK;
    if (o->amsgrad) adam_update(u, u->g, 1);
    else if (u->g) adam_update(u, u->g, 0);
    else adam_update(u, NULL, 0);
    return TN_OK;
}

static const tn_optimizer adam_table = { sizeof adam_table, SLOTS, adam_step, adam_prepare, adam_slots };
