/* relu.c -- rectified linear unit. */
#include "elementwise.h"

/* y = max(0, x); a NaN stays one */
static tn_vf value(tn_vf x) { return tn_select(x < tn_set(0), tn_set(0), x); }

/* dy/dx = 1 where y > 0, else 0 */
static tn_vf slope(tn_vf x, tn_vf y) { (void)x; return tn_select(y > tn_set(0), tn_set(1), tn_set(0)); }

ELEMENTWISE("relu", TN_USES_OUT, TN_VALUES, "max(0, x)",
    "y = max(0, x). The slope at 0 counts as 0.\n\n"
    "Source: Nair, Hinton, *Rectified Linear Units Improve Restricted Boltzmann Machines* (ICML 2010).\n")
