/* unit_norm.c -- the weights into each unit have length 1. */
#include <math.h>
#include <tenon/tenon.h>

/* w = w / |w|; a row of zeros stays as it is */
static int constrain(void *self, tn_be *be, int64_t rows, int64_t width, float *p)
{
    (void)self, (void)be;
    for (int64_t r = 0; r < rows; r++) {
        float *w = p + r * width;
        double squares = 0;
        for (int64_t j = 0; j < width; j++) squares += (double)w[j] * (double)w[j];
        if (squares <= 0) continue;
        double by = 1 / sqrt(squares);
        for (int64_t j = 0; j < width; j++) w[j] = (float)((double)w[j] * by);
    }
    return TN_OK;
}

static const tn_regularizer table = { .size = sizeof table, .constrain = constrain };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_REGULARIZER, .table = &table, .name = "unit_norm",
    .brief = "the weights into each unit have length 1",
    .doc = "After each update, each row of a parameter is scaled to length 1: the weights into one unit (of one gate), or\n"
           "one word of an embedding. Biases are left alone, unless `layers` names them. A row of zeros stays. Keras'\n"
           "`UnitNorm(axis=0)` is the same: it keeps the weights into a unit in a column.\n",
    TN_NO_OPTIONS };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("unit_norm", "1.0", "The Tenon authors", "MIT", "", parts)
