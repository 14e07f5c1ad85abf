/* distinct_sums.h -- rows summed by the distinct value that their inputs share: what flows back to an input that came by index. */
#ifndef DISTINCT_SUMS_H
#define DISTINCT_SUMS_H
#include "tenon/tenon.h"

/* sums[u] = rows of x whose input is the distinct one u, added in their order; both `width` wide. A backend from before
 * segment_sum adds them to zeros. */
static inline int sum_by_distinct(const tn_call *c, const tn_index *index, int64_t width, const float *x, float *sums)
{
    const tn_ops *o = c->be->ops;
    if (TN_HAS(o, segment_sum)) return o->segment_sum(c->be, index->distinct, width, x, width, index->begin, index->row, sums, width);
    int rc = o->fill(c->be, sums, TN_F32, index->distinct * width, 0);
    return rc ? rc : o->segment_add(c->be, index->distinct, width, x, width, index->begin, index->row, NULL, sums, width);
}
#endif
