/* mse.c -- the mean squared error. */
#include "mean_error.h"

static double term(double output, double target) { return (output - target) * (output - target); }
static double figure(double mean) { return mean; }

MEAN_ERROR("mse", "mean squared error",
           "mse = mean of (output - target)^2 over all numbers of the split: all rows, and all values of a row.\n")
