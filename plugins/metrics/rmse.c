/* rmse.c -- the root of the mean squared error. */
#include "mean_error.h"

static double term(double output, double target) { return (output - target) * (output - target); }
static double figure(double mean) { return sqrt(mean); }

MEAN_ERROR("rmse", "root of the mean squared error",
           "rmse = sqrt(mean of (output - target)^2), one root of the mean over all numbers of the split.\n"
           "(scikit-learn takes a root for each value of a row and the mean of those; for rows of one value\n"
           "that is the same.)\n")
