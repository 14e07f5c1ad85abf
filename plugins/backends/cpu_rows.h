/* Operations on rows for the cpu backend. Each has a body for parallel_for; sums over rows run in the order of the
 * rows, and threads take columns of them.                                                                   */
#ifndef CPU_ROWS_H
#define CPU_ROWS_H
#include "tenon/vec.h"
#include "cpu_pool.h"

typedef struct row_job {
    int64_t rows, w, ldx, ldy;
    float a;
    const float *x;
    float *y;
    const int32_t *row, *begin, *to;
} row_job;

/* y += a x and y = a y + x on n numbers; tails by the same vector code. */
static inline void vec_axpy(int64_t n, float a, const float *x, float *y)
{
    tn_vf va = tn_set(a);
    int64_t i = 0;
    for (; i + TN_VL <= n; i += TN_VL) tn_store(y + i, tn_fma(va, tn_load(x + i), tn_load(y + i)));
    if (i < n) tn_storen(y + i, tn_fma(va, tn_loadn(x + i, n - i), tn_loadn(y + i, n - i)), n - i);
}

static inline void vec_add(int64_t n, const float *x, float *y)
{
    int64_t i = 0;
    for (; i + TN_VL <= n; i += TN_VL) tn_store(y + i, tn_load(y + i) + tn_load(x + i));
    for (; i < n; i++) y[i] += x[i];
}

static inline void vec_scale_add(int64_t n, float beta, const float *x, float *y)
{
    tn_vf vb = tn_set(beta);
    int64_t i = 0;
    for (; i + TN_VL <= n; i += TN_VL) tn_store(y + i, tn_fma(vb, tn_load(y + i), tn_load(x + i)));
    if (i < n) tn_storen(y + i, tn_fma(vb, tn_loadn(y + i, n - i), tn_loadn(x + i, n - i)), n - i);
}

static void axpy_body(void *ctx, int64_t from, int64_t to)
{
    const row_job *j = ctx;
    vec_axpy(to - from, j->a, j->x + from, j->y + from);
}

static void bias_body(void *ctx, int64_t from, int64_t to)
{
    const row_job *j = ctx;
    for (int64_t r = from; r < to; r++) vec_add(j->w, j->x, j->y + r * j->ldy);
}

static void gather_body(void *ctx, int64_t from, int64_t to)
{
    const row_job *j = ctx;
    for (int64_t r = from; r < to; r++) memcpy(j->y + r * j->ldy, j->x + j->row[r] * j->ldx, sizeof(float) * (size_t)j->w);
}

static void scatter_body(void *ctx, int64_t from, int64_t to)
{
    const row_job *j = ctx;
    for (int64_t r = from; r < to; r++) vec_add(j->w, j->x + r * j->ldx, j->y + j->row[r] * j->ldy);
}

/* Rows of a segment lie anywhere, so the ones to come are asked for; its sums stay in registers, SEGMENT vectors of them.
 * They begin with y, or with zeros where a is 0. */
enum { SEGMENT = 8, SEGMENT_AHEAD = 6 };
static void segment_sum_one(const row_job *j, int32_t from, int32_t end, float *y)
{
    int64_t c = 0;
    int add = j->a != 0;
    for (; c + SEGMENT * TN_VL <= j->w; c += SEGMENT * TN_VL) {
        tn_vf acc[SEGMENT];
        _Pragma("GCC unroll 8") for (int v = 0; v < SEGMENT; v++) acc[v] = add ? tn_load(y + c + v * TN_VL) : tn_set(0);
        for (int32_t i = from; i < end; i++) {
            const float *x = j->x + j->row[i] * j->ldx + c;
            _Pragma("GCC unroll 8") for (int v = 0; v < SEGMENT; v++) acc[v] = acc[v] + tn_load(x + v * TN_VL);
        }
        _Pragma("GCC unroll 8") for (int v = 0; v < SEGMENT; v++) tn_store(y + c + v * TN_VL, acc[v]);
    }
    if (!add && c < j->w) memset(y + c, 0, sizeof *y * (size_t)(j->w - c));
    for (int32_t i = from; c < j->w && i < end; i++) vec_add(j->w - c, j->x + j->row[i] * j->ldx + c, y + c);
}

static void segment_body(void *ctx, int64_t from, int64_t to)
{
    const row_job *j = ctx;
    int32_t asked = j->begin[from], last = j->begin[to];
    for (int64_t u = from; u < to; u++) {
        for (; asked < last && asked < j->begin[u + 1] + SEGMENT_AHEAD; asked++)
            for (int64_t c = 0; c < j->w; c += 16) __builtin_prefetch(j->x + j->row[asked] * j->ldx + c);
        segment_sum_one(j, j->begin[u], j->begin[u + 1], j->y + (j->to ? j->to[u] : u) * j->ldy);
    }
}

static void copy_body(void *ctx, int64_t from, int64_t to)
{
    const row_job *j = ctx;
    for (int64_t r = from; r < to; r++) {
        const float *x = j->x + r * j->ldx;
        float *y = j->y + r * j->ldy;
        if (j->a == 0) memmove(y, x, sizeof(float) * (size_t)j->w);
        else if (j->a == 1) vec_add(j->w, x, y);
        else vec_scale_add(j->w, j->a, x, y);
    }
}

/* Blocks of 128 columns: acc += all rows, in order; the block's sums stay in registers. */
enum { SUM_COLUMNS = 128 };
static void sum_body(void *ctx, int64_t from, int64_t to)
{
    const row_job *j = ctx;
    for (int64_t block = from; block < to; block++) {
        int64_t c = block * SUM_COLUMNS, n = j->w - c < SUM_COLUMNS ? j->w - c : SUM_COLUMNS;
        const float *x = j->x + c;
        float *y = j->y + c;
        if (n < SUM_COLUMNS) {
            for (int64_t r = 0; r < j->rows; r++) vec_add(n, x + r * j->ldx, y);
            continue;
        }
        tn_vf acc[SUM_COLUMNS / TN_VL];
        _Pragma("GCC unroll 32") for (int v = 0; v < SUM_COLUMNS / TN_VL; v++) acc[v] = tn_load(y + v * TN_VL);
        for (int64_t r = 0; r < j->rows; r++, x += j->ldx)
            _Pragma("GCC unroll 32") for (int v = 0; v < SUM_COLUMNS / TN_VL; v++) acc[v] = acc[v] + tn_load(x + v * TN_VL);
        _Pragma("GCC unroll 32") for (int v = 0; v < SUM_COLUMNS / TN_VL; v++) tn_store(y + v * TN_VL, acc[v]);
    }
}

typedef struct fill_job { unsigned char *p; size_t bytes; const void *value; } fill_job; /* bytes: of an element */
static void fill_body(void *ctx, int64_t from, int64_t to)
{
    const fill_job *j = ctx;
    size_t at = (size_t)from * j->bytes, end = (size_t)to * j->bytes, have = j->bytes;
    if (j->value == NULL) {
        memset(j->p + at, 0, end - at);
        return;
    }
    memcpy(j->p + at, j->value, have);               /* the first one, then twice what is there               */
    for (; at + have < end; have *= 2) memcpy(j->p + at + have, j->p + at, have < end - at - have ? have : end - at - have);
}
#endif
