/* tanh.c -- hyperbolic tangent. */
#include "elementwise.h"

/* y = tanh x */
static tn_vf value(tn_vf x) { return tn_tanh(x); }

/* dy/dx = 1 - y^2 */
static tn_vf slope(tn_vf x, tn_vf y) { (void)x; return tn_fma(-y, y, tn_set(1)); }

ELEMENTWISE("tanh", TN_USES_OUT, TN_VALUES, "hyperbolic tangent, -1 to 1",
    "y = tanh x = (e^x - e^-x) / (e^x + e^-x), between -1 and 1.\n\n"
    "Source: LeCun, Bottou, Orr, Mueller, *Efficient BackProp* (1998), section 4.4, on why it trains better than the\n"
    "logistic function in hidden layers.\n")
