/* elu.c -- exponential linear unit. */
#include <tenon/tenon.h>

typedef struct config { double alpha; } config;
static const tn_option options[] = {
    TN_REAL(config, alpha, 1, 0, 1e6, "how far below zero it goes: to -alpha"),
};
#define HAS_OPTIONS
#include "elementwise.h"

/* y = x where x > 0, else a (e^x - 1) */
static inline tn_vf value(tn_vf x, const config *o)
{
    tn_vf zero = tn_set(0);
    return tn_select(x > zero, x, tn_set((float)o->alpha) * tn_expm1(tn_select(x > zero, zero, x)));
}

/* dy/dx = 1 where y > 0, else a e^x = y + a */
static inline tn_vf slope(tn_vf x, tn_vf y, const config *o)
{
    (void)x;
    return tn_select(y > tn_set(0), tn_set(1), y + tn_set((float)o->alpha));
}

ELEMENTWISE("elu", TN_USES_OUT, TN_VALUES, "exponential linear unit",
    "y = x where x > 0, else a (e^x - 1); a is `alpha`, 1 as in the paper, PyTorch and Keras. The slope at 0 is a.\n\n"
    "Accurate to 2 ulp, near 0 too; the slope to 6e-8 a. From x = -17.4 down y is -a; minus infinity gives -a, infinity\n"
    "itself.\n\n"
    "Source: Clevert, Unterthiner, Hochreiter, *Fast and Accurate Deep Network Learning by Exponential Linear Units\n"
    "(ELUs)* (ICLR 2016).\n")
