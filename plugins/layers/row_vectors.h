/* row_vectors.h -- the numbers of a row, a vector at a time. */
#ifndef ROW_VECTORS_H
#define ROW_VECTORS_H
#include "tenon/vec.h"

/* A vector of n <= TN_VL numbers; n is a constant where whole vectors go by. */
TN_INLINE tn_vf take(const float *p, int64_t n) { return n == TN_VL ? tn_load(p) : tn_loadn(p, n); }
TN_INLINE tn_vf take_or_zero(const float *p, int64_t at, int64_t n) { return p ? take(p + at, n) : tn_set(0); }
TN_INLINE void give(float *p, tn_vf v, int64_t n)
{
    if (n == TN_VL) tn_store(p, v);
    else tn_storen(p, v, n);
}
/* body(j, n) over the vectors of `width` numbers */
#define FOR_VECTORS(width, body)                                                                                         \
    do {                                                                                                                   \
        int64_t j_ = 0, width_ = (width);                                                                                  \
        for (; j_ + TN_VL <= width_; j_ += TN_VL) body(j_, TN_VL);                                                         \
        if (j_ < width_) body(j_, width_ - j_);                                                                            \
    } while (0)
#endif
