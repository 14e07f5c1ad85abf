/* mape.c -- the mean absolute error as a share of the target. */
#include <float.h>
#include "mean_error.h"

static double term(double output, double target)
{
    double by = fabs(target);
    return fabs(output - target) / (by > DBL_EPSILON ? by : DBL_EPSILON);
}
static double figure(double mean) { return mean; }

MEAN_ERROR("mape", "mean absolute error as a share of the target",
           "mape = mean of |output - target| / |target| over all numbers of the split: 0.07 is seven per cent.\n"
           "It is of no use where targets are 0 or near: as in scikit-learn they are taken as 2.2e-16, and the\n"
           "figure is then huge. On a field that was scaled to mean 0, most targets are near 0.\n")
