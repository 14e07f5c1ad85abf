/* clock.h -- where a schedule stands: epochs or steps since the one in which it begins. */
#ifndef CLOCK_H
#define CLOCK_H
#include <tenon/tenon.h>

enum { PER_STEP, PER_EPOCH };
static const char *const per_names[] = { "step", "epoch", NULL };

/* Steps or epochs done since number `start` (counted from 1), at least 0. */
static inline double clock_since(const tn_progress *p, int32_t per, int64_t start)
{
    int64_t now = per == PER_STEP ? p->step : p->epoch;
    return now > start ? (double)(now - start) : 0;
}

/* The share of `length` epochs or steps that is done since `start`, 0 to 1. length 0: up to the end of training. */
static inline double clock_share(const tn_progress *p, int32_t per, int64_t start, int64_t length)
{
    if (!length) length = (per == PER_STEP ? p->steps : p->epochs) - start;
    double u = length > 0 ? clock_since(p, per, start) / (double)length : 0;
    return u < 1 ? u : 1;
}
#endif
