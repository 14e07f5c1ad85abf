/* lanes.h -- sums over the numbers of one row, and rows added up, with the same bits on every processor: a sum has LANE_COUNT
 * parts, part k being the numbers k, k + LANE_COUNT, k + 2 LANE_COUNT ... in that order, whatever the width of a vector; the parts
 * are added up at the end in one fixed order. */
#ifndef LANES_H
#define LANES_H
#include <tenon/vec.h>

enum { LANE_COUNT = 16, LANE_VECTORS = LANE_COUNT / TN_VL };

/* Lanes i .. i + TN_VL - 1 of a row of n numbers; those past its end are zero. */
TN_INLINE tn_vf lanes_load(const float *x, int64_t i, int64_t n)
{
    return i + TN_VL <= n ? tn_load(x + i) : i < n ? tn_loadn(x + i, n - i) : tn_set(0);
}

/* ((0 + 8) + (4 + 12)) + ..., halves on halves */
TN_INLINE float lanes_total(const tn_vf *part)
{
    float v[LANE_COUNT];
    for (int k = 0; k < LANE_VECTORS; k++) tn_store(v + k * TN_VL, part[k]);
    for (int half = LANE_COUNT / 2; half > 0; half /= 2)
        for (int k = 0; k < half; k++) v[k] += v[k + half];
    return v[0];
}

/* x_0 + ... + x_(n-1) */
TN_INLINE float lanes_sum(const float *x, int64_t n)
{
    tn_vf part[LANE_VECTORS];
    for (int k = 0; k < LANE_VECTORS; k++) part[k] = tn_set(0);
    for (int64_t i = 0; i < n; i += LANE_COUNT)
        for (int k = 0; k < LANE_VECTORS; k++) part[k] += lanes_load(x, i + k * TN_VL, n);
    return lanes_total(part);
}

/* x_0 y_0 + ... + x_(n-1) y_(n-1) */
TN_INLINE float lanes_dot(const float *x, const float *y, int64_t n)
{
    tn_vf part[LANE_VECTORS];
    for (int k = 0; k < LANE_VECTORS; k++) part[k] = tn_set(0);
    for (int64_t i = 0; i < n; i += LANE_COUNT)
        for (int k = 0; k < LANE_VECTORS; k++)
            part[k] = tn_fma(lanes_load(x, i + k * TN_VL, n), lanes_load(y, i + k * TN_VL, n), part[k]);
    return lanes_total(part);
}

/* y += a x */
TN_INLINE void lanes_add(float *y, float a, const float *x, int64_t n)
{
    tn_vf va = tn_set(a);
    int64_t i = 0;
    for (; i + TN_VL <= n; i += TN_VL) tn_store(y + i, tn_fma(va, tn_load(x + i), tn_load(y + i)));
    if (i < n) tn_storen(y + i, tn_fma(va, tn_loadn(x + i, n - i), tn_loadn(y + i, n - i)), n - i);
}
#endif
