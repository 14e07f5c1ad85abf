/* softplus.c -- a smooth rectifier. */
#include <tenon/tenon.h>

typedef struct config { double beta; } config;
static const tn_option options[] = {
    TN_REAL_X(config, beta, TN_O_OPEN_MIN, 1, 0, 1000, "how sharp the bend is; the larger, the nearer to relu"),
};
#define HAS_OPTIONS
#include "elementwise.h"

/* y = log(1 + e^z) / b = max(x, 0) + log(1 + e^-|z|) / b, z = b x: nothing overflows */
static inline tn_vf value(tn_vf x, const config *o)
{
    tn_vf zero = tn_set(0), beta = tn_set((float)o->beta);
    return tn_select(x < zero, zero, x) + tn_log1p(tn_exp(-tn_abs(x * beta))) / beta;
}

/* dy/dx = 1 / (1 + e^-z) */
static inline tn_vf slope(tn_vf x, tn_vf y, const config *o)
{
    (void)y;
    return tn_sigmoid(x * tn_set((float)o->beta));
}

ELEMENTWISE("softplus", TN_USES_IN, TN_VALUES, "smooth relu, log(1 + e^x)",
    "y = log(1 + e^(b x)) / b; b is `beta`, 1 as in PyTorch.\n\n"
    "Accurate to 3 ulp for every x where e^(b x) is a normal float, below that (b x < -87.3) y is 0. PyTorch takes y = x\n"
    "from b x = 20 on, which is the same number: no option is needed for it. Minus infinity gives 0, infinity itself.\n\n"
    "Source: Dugas, Bengio, Belisle, Nadeau, Garcia, *Incorporating Second-Order Functional Knowledge for Better Option\n"
    "Pricing* (NIPS 2000).\n")
