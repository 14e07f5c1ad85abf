/* sigmoid.c -- the logistic function: gates, and the probability of a yes. */
#include "elementwise.h"

/* y = 1 / (1 + e^-x) */
static tn_vf value(tn_vf x) { return tn_sigmoid(x); }

/* dy/dx = y (1 - y) */
static tn_vf slope(tn_vf x, tn_vf y) { (void)x; return y * (tn_set(1) - y); }

ELEMENTWISE("sigmoid", TN_USES_OUT, TN_PROBABILITIES, "logistic function, 0 to 1",
    "y = 1 / (1 + e^-x), between 0 and 1.\n\n"
    "Its output counts as probabilities: `binary_cross_entropy` then takes it as such. Without an activation that loss\n"
    "works on logits, which is the more accurate way.\n")
