/* mae.c -- the mean absolute error. */
#include "mean_error.h"

static double term(double output, double target) { return fabs(output - target); }
static double figure(double mean) { return mean; }

MEAN_ERROR("mae", "mean absolute error",
           "mae = mean of |output - target| over all numbers of the split: all rows, and all values of a row.\n")
