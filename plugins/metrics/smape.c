/* smape.c -- the absolute error as a share of the mean size of output and target. */
#include "mean_error.h"

static double term(double output, double target)
{
    double both = fabs(output) + fabs(target);
    return both == 0 ? 0 : 2 * fabs(output - target) / both;
}
static double figure(double mean) { return mean; }

MEAN_ERROR("smape", "absolute error as a share of the mean size of output and target",
           "smape = mean of 2 |output - target| / (|output| + |target|) over all numbers of the split, 0 where\n"
           "both are 0: from 0 to 2. The M4 competition's sMAPE is 100 times this.\n\n"
           "Source: Makridakis, *Accuracy Measures: Theoretical and Practical Concerns* (1993).\n")
