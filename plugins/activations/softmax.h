/* softmax.h -- e^x over a row and its sum, for softmax and for losses on logits. The sum goes by 16 lanes in double, so
 * that vectors of any width give the same bits. */
#ifndef SOFTMAX_H
#define SOFTMAX_H
#include <tenon/vec.h>

enum { ROW_LANES = 16 };

static float row_max(const float *x, int64_t n)
{
    float top = x[0];
    for (int64_t j = 1; j < n; j++) top = x[j] > top ? x[j] : top;
    return top;
}

/* e^(x_j - top) to y, where y is not NULL; gives their sum. x == y allowed. */
static double row_exps(const float *x, float top, int64_t n, float *y)
{
    double lane[ROW_LANES] = { 0 }, sum = 0;
    for (int64_t j = 0; j < n; j += ROW_LANES) {
        float e[ROW_LANES];
        int64_t m = n - j < ROW_LANES ? n - j : ROW_LANES;
        for (int64_t k = 0; k < m; k += TN_VL)
            tn_store(e + k, tn_exp((m - k >= TN_VL ? tn_load(x + j + k) : tn_loadn(x + j + k, m - k))
                                   - tn_set(top)));
        for (int64_t k = 0; k < m; k++) lane[k] += (double)e[k];
        if (y) memcpy(y + j, e, sizeof *y * (size_t)m);
    }
    for (int k = 0; k < ROW_LANES; k++) sum += lane[k];
    return sum;
}
#endif
