/* mse.c -- mean squared error. */
#include "errors.h"

/* e^2 */
static double error_value(double e, const config *o) { (void)o; return e * e; }

/* 2 e */
static float error_slope(float e, const config *o) { (void)o; return 2.0f * e; }

ERROR_LOSS("mse", "mean squared error",
    "loss = ((x_1 - t_1)^2 + ... + (x_W - t_W)^2) / W for a row of W numbers and its target.\n\n"
    ERROR_TARGETS)
