/* mae.c -- mean absolute error. */
#include "errors.h"

/* |e| */
static double error_value(double e, const config *o) { (void)o; return fabs(e); }

/* the sign of e, 0 at 0 */
static float error_slope(float e, const config *o) { (void)o; return e > 0 ? 1.0f : e < 0 ? -1.0f : e; }

ERROR_LOSS("mae", "mean absolute error",
    "loss = (|x_1 - t_1| + ... + |x_W - t_W|) / W for a row of W numbers and its target; PyTorch calls it L1. It aims at\n"
    "the median, where `mse` aims at the mean. The slope of |e| at 0 counts as 0.\n\n"
    ERROR_TARGETS)
