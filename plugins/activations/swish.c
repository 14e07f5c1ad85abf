/* swish.c -- x times the logistic function of x; silu is another name for it. */
#include <tenon/tenon.h>

typedef struct config { double beta; } config;
static const tn_option options[] = {
    TN_REAL_X(config, beta, TN_O_OPEN_MIN, 1, 0, 1000, "how sharp the bend is; the larger, the nearer to relu"),
};
#define HAS_OPTIONS
#include "elementwise.h"

/* From |z| = 100 on s(z) is 0 or 1 within a float's precision; what goes on growing there would meet its infinity. */
static inline tn_vf kept(tn_vf z)
{
    tn_vf most = tn_set(100);
    return tn_select(z > most, most, tn_select(z < -most, -most, z));
}

/* y = x s(z), s(z) = 1 / (1 + e^-z), z = b x; 0 where e^z is below every normal float */
static inline tn_vf value(tn_vf x, const config *o)
{
    tn_vf z = x * tn_set((float)o->beta);
    return tn_select(z < tn_set(-87.33654f), tn_set(-0.0f), x * tn_sigmoid(z));
}

/* dy/dx = s + z s (1 - s) */
static inline tn_vf slope(tn_vf x, tn_vf y, const config *o)
{
    tn_vf z = kept(x * tn_set((float)o->beta)), s = tn_sigmoid(z);
    (void)y;
    return tn_fma(z * s, tn_set(1) - s, s);
}

ELEMENTWISE("swish", TN_USES_IN, TN_VALUES, "x times the logistic function of x (silu)",
    "y = x / (1 + e^(-b x)); b is `beta`. With b = 1, the default, it is PyTorch's `silu`.\n\n"
    "Accurate to 3 ulp, its slope to 5e-7. Minus infinity gives 0, infinity itself.\n\n"
    "Sources: Elfwing, Uchibe, Doya, *Sigmoid-Weighted Linear Units for Neural Network Function Approximation in\n"
    "Reinforcement Learning* (2017), who call it SiLU; Ramachandran, Zoph, Le, *Searching for Activation Functions* (2017).\n")
