/* hard_sigmoid.c -- three straight lines in place of the logistic function. */
#include <tenon/tenon.h>

typedef struct config { double slope; } config;
static const tn_option options[] = {
    TN_REAL_X(config, slope, TN_O_OPEN_MIN, 1.0 / 6, 0, 1, "slope at zero: 1/6 as in PyTorch and Keras 3, 0.2 as in Keras 1 and 2"),
};
#define HAS_OPTIONS
#include "elementwise.h"

/* y = 0 where a x + 1/2 < 0, 1 where it is above 1, else a x + 1/2 */
static inline tn_vf value(tn_vf x, const config *o)
{
    tn_vf zero = tn_set(0), one = tn_set(1), y = tn_fma(tn_set((float)o->slope), x, tn_set(0.5f));
    return tn_select(y < zero, zero, tn_select(y > one, one, y));
}

/* dy/dx = a where 0 < y < 1, else 0 */
static inline tn_vf slope(tn_vf x, tn_vf y, const config *o)
{
    tn_vf zero = tn_set(0);
    (void)x;
    return tn_select((y > zero) & (y < tn_set(1)), tn_set((float)o->slope), zero);
}

ELEMENTWISE("hard_sigmoid", TN_USES_OUT, TN_PROBABILITIES, "straight lines in place of the logistic function",
    "y = a x + 1/2, cut off at 0 and at 1; a is `slope`. The slope where it is cut off is 0.\n\n"
    "Programs differ in a: PyTorch and Keras 3 have 1/6 (the default: y leaves 0 at x = -3 and reaches 1 at 3), Keras 1 and 2\n"
    "and Theano have 0.2 (-2.5 and 2.5). For recurrent layers of old Keras, whose default it was:\n\n"
    "    recurrent_activation = { type = \"hard_sigmoid\", slope = 0.2 }\n\n"
    "Its output counts as probabilities, as that of `sigmoid` does.\n\n"
    "Source: Courbariaux, Bengio, David, *BinaryConnect* (NeurIPS 2015), section 2.3, with slope 1/2.\n")
