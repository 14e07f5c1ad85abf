/* relu.c -- rectified linear unit. */
#include "elementwise.h"

/* y = max(0, x); a NaN stays one */
static float value(float x) { return x < 0.0f ? 0.0f : x; }

/* dy/dx = 1 where y > 0, else 0 */
static float slope(float x, float y) { (void)x; return y > 0.0f ? 1.0f : 0.0f; }

ELEMENTWISE("relu", TN_USES_OUT, TN_VALUES, "max(0, x)",
    "y = max(0, x). The slope at 0 counts as 0.\n\n"
    "Source: Nair, Hinton, *Rectified Linear Units Improve Restricted Boltzmann Machines* (ICML 2010).\n")
