/* An activation that does nothing and has one option, to stand inside another part. */
#include "tenon/tenon.h"

typedef struct config { double slope; } config;
static const tn_option options[] = { TN_REAL(config, slope, 0.5, 0, 10, "slope at zero") };
static int forward(void *self, tn_be *be, int64_t rows, int64_t width, const float *x, float *y)
{
    (void)self;
    return be->ops->copy(be, rows, width, x, width, 0, y, width);
}
static int backward(void *self, tn_be *be, int64_t rows, int64_t width, const float *x, const float *y, const float *dy,
                    float *dx)
{
    (void)self, (void)x, (void)y;
    return be->ops->copy(be, rows, width, dy, width, 0, dx, width);
}
static const tn_activation activation = { sizeof activation, 0, TN_VALUES, 0, forward, backward };
static const tn_desc desc = {
    sizeof desc, TN_ACTIVATION, &activation, "curve", "does nothing", "", TN_OPTIONS(options),
    sizeof(config), 8, NULL, NULL, NULL, NULL, NULL, NULL };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("curve", "1", "Tenon", "MIT", "", parts)
