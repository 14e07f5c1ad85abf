/* huber.c -- squared where the error is small, absolute where it is large. */
#include <tenon/tenon.h>

typedef struct config { double delta; } config;
static const tn_option options[] = {
    TN_REAL_X(config, delta, TN_O_OPEN_MIN, 1, 0, 1e6, "error from which on the loss goes on as a straight line"),
};
#define HAS_OPTIONS
#include "errors.h"

/* e^2 / 2 where |e| <= d, else d (|e| - d / 2) */
static double error_value(double e, const config *o)
{
    double a = fabs(e);
    return a <= o->delta ? e * e / 2 : o->delta * (a - o->delta / 2);
}

/* e, cut off at -d and d; a NaN stays one */
static float error_slope(float e, const config *o)
{
    float d = (float)o->delta;
    return e > d ? d : e < -d ? -d : e;
}

ERROR_LOSS("huber", "squared for small errors, absolute for large ones",
    "For each number and its target, e = x - t and d = `delta`:\n\n"
    "    loss = e^2 / 2             where |e| <= d\n"
    "    loss = d (|e| - d / 2)     elsewhere\n\n"
    "The loss of a row is their mean. `delta` is 1 as in PyTorch's `HuberLoss` and Keras; there PyTorch's `SmoothL1Loss` is\n"
    "the same, elsewhere it is this divided by its `beta` = `delta`.\n\n"
    "A target of classes counts as the numbers 0, 1, 2 ...\n\n"
    "Source: Huber, *Robust Estimation of a Location Parameter* (1964).\n")
