/* cpu.c -- the cpu backend: memory, threads, matrix products and row operations on the processor.
 *
 * Own kernels for everything: on the shapes of recurrent networks they are faster than a general BLAS (weights are packed
 * once a step, and a recurrent product is too small to pack each time), and every element has the same bits on any
 * processor with an fma, on any number of threads, in any grouping of rows.                                        */
#include <stdlib.h>
#include "tenon/tenon.h"
#include "cpu_pool.h"
#include "cpu_product.h"

typedef struct cpu {
    pool pool;
    unsigned mode;                         /* of the thread that started the backend                              */
    float *scratch; int slots;             /* GEMM_SCRATCH floats for each thread that may be in a gemm at once    */
    atomic_uint used;                      /* bit mask of scratch slots                                           */
} cpu;

static cpu *self_of(tn_be *be) { return be->self; }

/* ---- memory ----------------------------------------------------------------------------------------------------- */
static void *op_alloc(tn_be *be, size_t n)
{
    void *p = NULL;
    (void)be;
    n = (n + 127) & ~(size_t)63;
    if (posix_memalign(&p, 64, n)) return NULL;
    memset(p, 0, n);
    return p;
}
static void op_release(tn_be *be, void *p) { (void)be, free(p); }
static int op_copy_bytes(tn_be *be, void *dst, const void *src, size_t n) { (void)be, memcpy(dst, src, n); return TN_OK; }
static const void *op_native(tn_be *be, const char *id) { (void)be, (void)id; return NULL; }

/* ---- threads ---------------------------------------------------------------------------------------------------- */
static int op_parallel_for(tn_be *be, int64_t n, int64_t grain, void (*body)(void *, int64_t, int64_t), void *ctx)
{
    pool_run(&self_of(be)->pool, n, grain, body, ctx);
    return TN_OK;
}

/* Scratch of a thread inside a gemm: a free slot, of which there are as many as threads. */
static float *take_scratch(cpu *c, int *slot)
{
    for (;;) {
        unsigned used = atomic_load(&c->used);
        for (int i = 0; i < c->slots; i++)
            if (!(used & (1u << i)) && atomic_compare_exchange_strong(&c->used, &used, used | (1u << i))) {
                *slot = i;
                return c->scratch + (size_t)i * GEMM_SCRATCH;
            }
        pool_pause();
    }
}
static void give_scratch(cpu *c, int slot) { atomic_fetch_and(&c->used, ~(1u << slot)); }

/* ---- products --------------------------------------------------------------------------------------------------- */
typedef struct gemm_job { cpu *c; const gemm *g; int by_columns; int64_t unit; } gemm_job;

static void gemm_piece(void *ctx, int64_t from, int64_t to)
{
    const gemm_job *j = ctx;
    const gemm *g = j->g;
    int slot;
    float *scratch = take_scratch(j->c, &slot);
    int64_t a = from * j->unit, b = to * j->unit;
    if (j->by_columns) gemm_block(g, 0, g->m, a, b < g->n ? b : g->n, scratch);
    else gemm_block(g, a, b < g->m ? b : g->m, 0, g->n, scratch);
    give_scratch(j->c, slot);
}

/* Rows are cut where there are many, else columns; always at whole tiles. */
static int op_gemm(tn_be *be, int ta, int tb, int64_t m, int64_t n, int64_t k, const float *a, int64_t lda, const float *b,
                   int64_t ldb, float beta, float *c, int64_t ldc)
{
    gemm g = { ta, tb, m, n, k, a, b, lda, ldb, ldc, beta, c };
    gemm_job j = { self_of(be), &g, 0, 2 * MR };
    if (m <= 0 || n <= 0) return TN_OK;
    j.by_columns = m < 8 * MR * self_of(be)->pool.threads && n > m;
    if (j.by_columns) j.unit = NP;
    int64_t all = j.by_columns ? n : m, units = (all + j.unit - 1) / j.unit;
    int64_t work = 2 * m * n * k, grain = work < 200000 ? units : 1;
    pool_run(&self_of(be)->pool, units, grain, gemm_piece, &j);
    return TN_OK;
}

static int64_t op_pack_size(tn_be *be, int64_t k, int64_t units, uint32_t groups)
{
    (void)be;
    return packed_floats(k, units, groups) * (int64_t)sizeof(float);
}

typedef struct pack_job { int transposed; int64_t k, units; uint32_t groups; const float *w; int64_t ldw; float *out; } pack_job;
static void pack_piece(void *ctx, int64_t from, int64_t to)
{
    const pack_job *p = ctx;
    pack_tiles(p->transposed, p->k, p->units, p->groups, p->w, p->ldw, p->out, from, to);
}

static int op_pack(tn_be *be, int transposed, int64_t k, int64_t units, uint32_t groups, const float *w, int64_t ldw, void *packed)
{
    if (groups > MOST_GROUPS) return TN_EUNSUPPORTED;
    pack_job p = { transposed, k, units, groups, w, ldw, packed };
    int64_t u = tile_units(groups);
    pool_run(&self_of(be)->pool, (units + u - 1) / u, 1, pack_piece, &p);
    return TN_OK;
}

static void product_piece(void *ctx, int64_t from, int64_t to) { product_rows(ctx, from, to); }

static int op_product(tn_be *be, const tn_product *p)
{
    if (p->groups > MOST_GROUPS) return TN_EUNSUPPORTED;
    union { const tn_product *in; void *out; } ctx = { p }; /* the body's context is not const */
    pool_run(&self_of(be)->pool, p->rows, 8 * MR, product_piece, ctx.out);
    return TN_OK;
}

/* ---- row operations: rows, or columns where rows are summed, are what threads take ------------------------------- */
typedef struct rows_job {
    int64_t w;
    const float *x; int64_t ldx;
    float *y; int64_t ldy;
    const int32_t *row, *begin, *to;
    float beta, a; int64_t rows;
} rows_job;

#define EACH(NAME, BODY) static void NAME(void *ctx, int64_t from, int64_t to) { const rows_job *j = ctx; BODY }
static int run_rows(tn_be *be, int64_t n, int64_t w, pool_body *body, rows_job *j)
{
    pool_run(&self_of(be)->pool, n, w >= 16384 ? 1 : 16384 / (w ? w : 1) + 1, body, j);
    return TN_OK;
}

EACH(fill_piece, for (int64_t i = from; i < to; i++) j->y[i] = j->a;)
static int op_fill(tn_be *be, void *p, uint32_t dtype, int64_t n, double v)
{
    rows_job j = { .y = p, .a = (float)v };
    if (dtype == TN_F32) return run_rows(be, n, 1, fill_piece, &j);
    if (dtype == TN_I32) for (int64_t i = 0; i < n; i++) ((int32_t *)p)[i] = (int32_t)v;
    else if (dtype == TN_F64) for (int64_t i = 0; i < n; i++) ((double *)p)[i] = v;
    else if (dtype == TN_U8) memset(p, (int)v, (size_t)n);
    else return TN_EUNSUPPORTED;
    return TN_OK;
}

EACH(axpy_piece, {
    int64_t i = from;
    for (; i + TN_VL <= to; i += TN_VL) tn_store(j->y + i, tn_fma(tn_set(j->a), tn_load(j->x + i), tn_load(j->y + i)));
    if (i < to) tn_storen(j->y + i, tn_fma(tn_set(j->a), tn_loadn(j->x + i, to - i), tn_loadn(j->y + i, to - i)), to - i);
})
static int op_axpy(tn_be *be, int64_t n, float a, const float *x, float *y)
{
    rows_job j = { .x = x, .y = y, .a = a };
    return run_rows(be, n, 1, axpy_piece, &j);
}

EACH(bias_piece, for (int64_t r = from; r < to; r++) for (int64_t c = 0; c < j->w; c++) j->y[r * j->ldy + c] += j->x[c];)
static int op_add_bias(tn_be *be, int64_t rows, int64_t w, const float *b, float *y, int64_t ldy)
{
    rows_job j = { .w = w, .x = b, .y = y, .ldy = ldy };
    return run_rows(be, rows, w, bias_piece, &j);
}

/* Threads take columns; each column is summed over all rows in order. */
EACH(sum_piece, for (int64_t r = 0; r < j->rows; r++) for (int64_t c = from; c < to; c++) j->y[c] += j->x[r * j->ldx + c];)
static int op_sum_rows(tn_be *be, int64_t rows, int64_t w, const float *x, int64_t ldx, float *acc)
{
    rows_job j = { .x = x, .ldx = ldx, .y = acc, .rows = rows };
    return run_rows(be, w, rows, sum_piece, &j);
}

EACH(gather_piece, for (int64_t r = from; r < to; r++) memcpy(j->y + r * j->ldy, j->x + j->row[r] * j->ldx, sizeof(float) * (size_t)j->w);)
static int op_gather(tn_be *be, int64_t n, int64_t w, const float *x, int64_t ldx, const int32_t *row, float *y, int64_t ldy)
{
    rows_job j = { .w = w, .x = x, .ldx = ldx, .y = y, .ldy = ldy, .row = row };
    return run_rows(be, n, w, gather_piece, &j);
}

EACH(scatter_piece, for (int64_t r = from; r < to; r++) for (int64_t c = 0; c < j->w; c++) j->y[j->row[r] * j->ldy + c] += j->x[r * j->ldx + c];)
static int op_scatter_add(tn_be *be, int64_t n, int64_t w, const float *x, int64_t ldx, const int32_t *row, float *y, int64_t ldy)
{
    rows_job j = { .w = w, .x = x, .ldx = ldx, .y = y, .ldy = ldy, .row = row };
    return run_rows(be, n, w, scatter_piece, &j);
}

/* Threads take segments; the rows of one are added in order. */
EACH(segment_piece, for (int64_t u = from; u < to; u++) {
    float *y = j->y + (j->to ? j->to[u] : u) * j->ldy;
    for (int32_t i = j->begin[u]; i < j->begin[u + 1]; i++) {
        const float *x = j->x + j->row[i] * j->ldx;
        for (int64_t c = 0; c < j->w; c++) y[c] += x[c];
    }
})
static int op_segment_add(tn_be *be, int64_t n, int64_t w, const float *x, int64_t ldx, const int32_t *begin, const int32_t *row,
                          const int32_t *to, float *y, int64_t ldy)
{
    rows_job j = { .w = w, .x = x, .ldx = ldx, .y = y, .ldy = ldy, .row = row, .begin = begin, .to = to };
    return run_rows(be, n, w, segment_piece, &j);
}

EACH(copy_piece, for (int64_t r = from; r < to; r++) {
    const float *x = j->x + r * j->ldx;
    float *y = j->y + r * j->ldy;
    if (j->beta == 0) memcpy(y, x, sizeof(float) * (size_t)j->w);
    else for (int64_t c = 0; c < j->w; c++) y[c] = j->beta * y[c] + x[c];
})
static int op_copy(tn_be *be, int64_t rows, int64_t w, const float *x, int64_t ldx, float beta, float *y, int64_t ldy)
{
    rows_job j = { .w = w, .x = x, .ldx = ldx, .y = y, .ldy = ldy, .beta = beta };
    return run_rows(be, rows, w, copy_piece, &j);
}

static const tn_ops ops = {
    sizeof ops, TN_VL == 16 ? 4 : TN_VL == 8 ? 3 : 0, "cpu", op_gemm, op_pack_size, op_pack, op_product, op_parallel_for, op_fill, op_axpy,
    op_add_bias, op_sum_rows, op_gather, op_scatter_add, op_segment_add, op_copy, op_copy_bytes, op_copy_bytes, op_alloc,
    op_release, op_native };

/* ---- the backend ------------------------------------------------------------------------------------------------ */
static int start(void *self, int32_t threads, tn_be *out)
{
    cpu *c = self;
    if (threads < 1 || threads > 32) threads = threads < 1 ? 1 : 32;
    c->scratch = op_alloc(NULL, sizeof(float) * GEMM_SCRATCH * (size_t)threads);
    if (!c->scratch || pool_start(&c->pool, threads)) return TN_ENOMEM;
    c->slots = threads;
    c->mode = flush_denormals(); /* layers compute on this thread too */
    out->ops = &ops, out->self = c;
    return TN_OK;
}

static void stop(void *self, tn_be *be)
{
    cpu *c = self;
    pool_stop(&c->pool);
    free(c->scratch);
    restore_mode(c->mode);
    be->ops = NULL, be->self = NULL;
}

static const tn_backend table = { sizeof table, 0, start, stop };
static const tn_desc desc = {
    sizeof desc, TN_BACKEND, &table, "cpu", "the processor: own vector kernels, threads outside",
    "Matrix products, row operations and threads on the processor. The same bits on any number of threads and on every "
    "processor that has an fma. Denormal numbers count as zero while the backend runs.",
    TN_NO_OPTIONS, 0, sizeof(cpu), NULL, NULL, NULL, NULL, NULL, NULL };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("cpu", "1.0.0", "Tenon", "MIT", "", parts)
