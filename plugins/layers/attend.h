/* attend.h -- what layers that attend share: a softmax over the steps of a sequence and the additive score, forwards and back. */
#ifndef ATTEND_H
#define ATTEND_H
#include "lanes.h"

/* e^x of one number, as in any lane of a vector */
TN_INLINE float attend_exp(float x)
{
    float y;
    tn_storen(&y, tn_exp(tn_set(x)), 1);
    return y;
}

/* a = softmax(a) over n numbers that lie together; the largest is taken off first. */
TN_INLINE void softmax_row(float *a, int64_t n)
{
    tn_vf part[LANE_VECTORS];
    float top = -INFINITY;
    for (int64_t t = 0; t < n; t++)
        if (a[t] > top) top = a[t];
    for (int k = 0; k < LANE_VECTORS; k++) part[k] = tn_set(0);
    for (int64_t i = 0; i < n; i += LANE_COUNT)
        for (int k = 0; k < LANE_VECTORS && i + k * TN_VL < n; k++) {
            int64_t at = i + k * TN_VL, m = n - at < TN_VL ? n - at : TN_VL;
            tn_storen(a + at, tn_exp(tn_loadn(a + at, m) - tn_set(top)), m);
            part[k] += tn_loadn(a + at, m);
        }
    float sum = lanes_total(part);
    for (int64_t t = 0; t < n; t++) a[t] /= sum;
}

/* d becomes the gradient of the scores: a (d - sum of a d) */
TN_INLINE void softmax_row_back(const float *a, float *d, int64_t n)
{
    float mean = lanes_dot(a, d, n);
    for (int64_t t = 0; t < n; t++) d[t] = a[t] * (d[t] - mean);
}

/* c tanh(p + r) */
TN_INLINE float additive_score(const float *p, const float *r, const float *c, int64_t n)
{
    tn_vf part[LANE_VECTORS];
    for (int k = 0; k < LANE_VECTORS; k++) part[k] = tn_set(0);
    for (int64_t i = 0; i < n; i += LANE_COUNT)
        for (int k = 0; k < LANE_VECTORS && i + k * TN_VL < n; k++) {
            int64_t j = i + k * TN_VL;
            tn_vf h = tn_tanh(lanes_load(p, j, n) + lanes_load(r, j, n));
            part[k] = tn_fma(h, lanes_load(c, j, n), part[k]);
        }
    return lanes_total(part);
}

/* Its gradients, for d of the score: g = d c (1 - h^2) to those of p and r, d h to that of c, of this query alone. */
TN_INLINE void additive_back(const float *p, const float *r, const float *c, float d, float *dp, float *dr, float *dc, int64_t n)
{
    for (int64_t j = 0; j < n; j += TN_VL) {
        int64_t k = n - j < TN_VL ? n - j : TN_VL;
        tn_vf h = tn_tanh(lanes_load(p, j, n) + lanes_load(r, j, n)), v = tn_set(d);
        tn_vf g = v * lanes_load(c, j, n) * (tn_set(1) - h * h);
        tn_storen(dp + j, lanes_load(dp, j, n) + g, k);
        tn_storen(dr + j, lanes_load(dr, j, n) + g, k);
        tn_storen(dc + j, tn_fma(v, h, lanes_load(dc, j, n)), k);
    }
}
#endif
