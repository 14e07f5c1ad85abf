/* leaky_relu.c -- a rectifier that lets a little through below zero, so that no unit is ever without a gradient. */
#include <tenon/tenon.h>

typedef struct config { double slope; } config;
static const tn_option options[] = {
    TN_REAL(config, slope, 0.01, 0, 1, "slope below zero; 0 is relu, 1 is linear"),
};
#define HAS_OPTIONS
#include "elementwise.h"

/* y = x where x > 0, else a x */
static inline tn_vf value(tn_vf x, const config *o)
{
    tn_vf zero = tn_set(0);
    return tn_select(x < zero, x * tn_set((float)o->slope), x);
}

/* dy/dx = 1 where y > 0, else a */
static inline tn_vf slope(tn_vf x, tn_vf y, const config *o)
{
    (void)x;
    return tn_select(y > tn_set(0), tn_set(1), tn_set((float)o->slope));
}

ELEMENTWISE("leaky_relu", TN_USES_OUT, TN_VALUES, "relu with a small slope below zero",
    "y = x where x > 0, else a x; a is `slope`. The slope at 0 counts as a.\n\n"
    "0.01 is the slope of the paper and of PyTorch; Keras has 0.3. `prelu` learns it.\n\n"
    "    activation = { type = \"leaky_relu\", slope = 0.2 }\n\n"
    "Source: Maas, Hannun, Ng, *Rectifier Nonlinearities Improve Neural Network Acoustic Models* (ICML 2013).\n")
