/* metric_rows.h -- for a metric whose figure no sums give, or that has more to tell than figures. Its tn_desc.ext returns
 * this table for TN_METRIC_ROWS. A metric that gives curves or a matrix may have `write` alone.                      */
#ifndef TENON_METRIC_ROWS_H
#define TENON_METRIC_ROWS_H
#include <tenon/tenon.h>

#define TN_METRIC_ROWS "tenon.metric_rows/1"
typedef int tn_put_fn(void *to, const char *text, size_t n);
typedef struct tn_metric_rows {
    uint32_t size, rsv_;
    /* Floats that the host keeps for each row of the target, from plan on. update() writes those of its rows into
     * c->out[0]; they lie in host memory. NULL or 0: none.                                                         */
    uint32_t (*keeps)(void *self);
    /* All rows of a split in order, once, before result() [main]. May be NULL.                                     */
    int (*finish)(void *self, int64_t rows, const float *kept, double *sum);
    /* A table, as CSV, for metrics/<split>.<name>.csv in the run directory, after the last evaluation [main]. May be NULL. */
    int (*write)(void *self, const double *sum, int64_t rows, const float *kept, tn_put_fn *put, void *to);
} tn_metric_rows;
#endif
