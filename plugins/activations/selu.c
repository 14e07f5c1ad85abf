/* selu.c -- scaled exponential linear unit: keeps mean 0 and variance 1 from layer to layer. */
#include "elementwise.h"

/* The fixed point of section 3 of the paper: l a = 1.7580993408473768 */
#define ALPHA  1.6732632423543772f
#define LAMBDA 1.0507009873554805f

/* y = l x where x > 0, else l a (e^x - 1) */
static inline tn_vf value(tn_vf x)
{
    tn_vf zero = tn_set(0);
    return tn_select(x > zero, x * tn_set(LAMBDA), tn_set(LAMBDA * ALPHA) * tn_expm1(tn_select(x > zero, zero, x)));
}

/* dy/dx = l where y > 0, else l a e^x = y + l a */
static inline tn_vf slope(tn_vf x, tn_vf y)
{
    (void)x;
    return tn_select(y > tn_set(0), tn_set(LAMBDA), y + tn_set(LAMBDA * ALPHA));
}

ELEMENTWISE("selu", TN_USES_OUT, TN_VALUES, "scaled exponential linear unit",
    "y = l x where x > 0, else l a (e^x - 1) with a = 1.6732632423543772 and l = 1.0507009873554805. With weights of mean 0 and\n"
    "variance 1 / inputs (`normal` with that deviation) the outputs of a layer keep mean 0 and variance 1.\n\n"
    "Accurate to 2 ulp, near 0 too. Minus infinity gives -l a = -1.7580993, infinity itself.\n\n"
    "Source: Klambauer, Unterthiner, Mayr, Hochreiter, *Self-Normalizing Neural Networks* (NeurIPS 2017).\n")
