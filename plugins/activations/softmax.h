/* softmax.h -- e^x over a row and its sum, for softmax and for losses on logits. The sum goes by 16 lanes in double, so
 * that vectors of any width give the same bits. */
#ifndef SOFTMAX_H
#define SOFTMAX_H
#include <tenon/vec.h>

enum { ROW_LANES = 16 };

typedef float half_vf __attribute__((vector_size(2 * TN_VL)));
typedef double half_sums __attribute__((vector_size(4 * TN_VL)));

static inline half_sums doubles(half_vf x)
{
#if TN_VL == 16
    return (half_sums)_mm512_cvtps_pd((__m256)x);
#elif TN_VL == 8
    return (half_sums)_mm256_cvtps_pd((__m128)x); /* gcc 12 takes the compiler's own conversion through memory */
#else
    return __builtin_convertvector(x, half_sums);
#endif
}

/* The largest of a row, by lanes. */
static float row_max(const float *x, int64_t n)
{
    float lane[ROW_LANES];
    for (int k = 0; k < ROW_LANES; k++) lane[k] = x[k < n ? k : 0];
    int64_t j = n < ROW_LANES ? n : ROW_LANES;
    for (; j + ROW_LANES <= n; j += ROW_LANES)
        for (int k = 0; k < ROW_LANES; k += TN_VL) {
            tn_vf most = tn_load(lane + k), v = tn_load(x + j + k);
            tn_store(lane + k, tn_select(v > most, v, most));
        }
    for (; j < n; j++) lane[0] = x[j] > lane[0] ? x[j] : lane[0];
    for (int k = 1; k < ROW_LANES; k++) lane[0] = lane[k] > lane[0] ? lane[k] : lane[0];
    return lane[0];
}

/* e^(x_j - top) to y, where y is not NULL; gives their sum. x == y allowed. */
static double row_exps(const float *x, float top, int64_t n, float *y)
{
    enum { HALVES = 2 * ROW_LANES / TN_VL };
    half_sums lanes[HALVES] = { { 0 } };
    double lane[ROW_LANES], sum = 0;
    int64_t j = 0;
    for (; j + ROW_LANES <= n; j += ROW_LANES)
        _Pragma("GCC unroll 4") for (int k = 0; k < ROW_LANES / TN_VL; k++) {
            tn_vf e = tn_exp(tn_load(x + j + k * TN_VL) - tn_set(top));
            half_vf half[2];
            memcpy(half, &e, sizeof half);
            lanes[2 * k] += doubles(half[0]);
            lanes[2 * k + 1] += doubles(half[1]);
            if (y) tn_store(y + j + k * TN_VL, e);
        }
    memcpy(lane, lanes, sizeof lane);
    for (int64_t k = 0, m; (m = n - j - k) > 0; k += TN_VL) {
        float e[TN_VL];
        m = m < TN_VL ? m : TN_VL;
        tn_store(e, tn_exp((m < TN_VL ? tn_loadn(x + j + k, m) : tn_load(x + j + k)) - tn_set(top)));
        for (int64_t i = 0; i < m; i++) lane[k + i] += (double)e[i];
        if (y) memcpy(y + j + k, e, sizeof *y * (size_t)m);
    }
    for (int k = 0; k < ROW_LANES; k++) sum += lane[k];
    return sum;
}
#endif
