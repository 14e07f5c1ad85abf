/* Backend "cpu": threads, matrix products, packed weights with an epilogue, operations on rows.
 *
 * Built for plain C, x86-64-v3 and -v4 from one source; an element has the same bits in all three, on any number of
 * threads, and however a caller cuts its rows. The own kernels are the default: on the shapes of recurrent networks
 * they run at about nine tenths of what the processor can do, OpenBLAS at about two thirds, and only they give the
 * same bits on unequal processors. `blas = "openblas"` is there to compare with: it computes gemm, but not the products
 * with packed weights and not outer_add, which do more than a product.
 *
 * native(be, "threads") points to the number of threads, an int32_t, for a layer that cuts its work in advance: to 1 inside the
 * body of a parallel_for, where there is the caller's alone. */
#include "cpu_tile.h"
#include "cpu_gemm.h"
#include "cpu_outer.h"
#include "cpu_rows.h"
#include "cpu_blas.h"
#include <sys/mman.h>

enum { OWN, OPENBLAS };
enum { F32, BF16, BF16_AMX };
typedef struct config { int32_t blas, precision; } config;
typedef struct cpu { pool pool; blas blas; int products; } cpu; /* products: see cpu_pairs.h                          */

static cpu *cpu_of(tn_be *be)
{
    return be->self;
}

/* Runs body over [0, n); small work stays on the calling thread. */
static int spread(tn_be *be, int64_t n, int64_t each, void (*body)(void *, int64_t, int64_t), void *ctx)
{
    int64_t grain = 16384 / (each > 0 ? each : 1);
    pool_for(&cpu_of(be)->pool, n, grain > 0 ? grain : 1, body, ctx);
    return TN_OK;
}

typedef struct blas_job { const blas *library; const gemm_job *g; int rc; } blas_job;
static void blas_pieces(void *ctx, int64_t from, int64_t to)
{
    blas_job *j = ctx;
    const gemm_job *g = j->g;
    int64_t chunk = j->library->rows, last = to * chunk < g->m ? to * chunk : g->m;
    int rc = blas_rows(j->library, g->ta, g->tb, from * chunk, last, g->n, g->k, g->a, g->lda, g->b, g->ldb, g->beta, g->c, g->ldc);
    if (rc) j->rc = rc;
}

static int gemm(tn_be *be, int ta, int tb, int64_t m, int64_t n, int64_t k, const float *a, int64_t lda, const float *b, int64_t ldb,
                float beta, float *c, int64_t ldc)
{
    cpu *self = cpu_of(be);
    if (m < 0 || n < 0 || k < 0) return TN_EINVAL;
    if (m == 0 || n == 0) return TN_OK;
    gemm_job g = { &self->pool, ta, tb, m, n, k, a, lda, b, ldb, beta, c, ldc, NULL, NULL, 1, 1, 0, 0, self->products };
    if (self->blas.gemm && k > 0) {
        blas_job j = { &self->blas, &g, TN_OK };
        pool_for(&self->pool, (m + self->blas.rows - 1) / self->blas.rows, BLAS_ROWS / self->blas.rows, blas_pieces, &j);
        return j.rc;
    }
    gemm_cut(&g);
    pool_for(&self->pool, g.m_pieces * g.n_pieces, 1, gemm_pieces, &g);
    return TN_OK;
}

static int outer_add(tn_be *be, int64_t rows, int64_t m, const float *a, int64_t lda, int64_t n, const float *b, int64_t ldb, const int32_t *row,
                     float *c, int64_t ldc, float *sums)
{
    cpu *self = cpu_of(be);
    if (m <= 0 || n <= 0 || rows <= 0) return TN_OK;
    gemm_job g = { &self->pool, 1, 0, m, n, rows, a, lda, b, ldb, 1, c, ldc, row, sums, 1, 1, 0, 0, self->products };
    if (outer_is_few(&g)) {
        outer_few(&g);
        return TN_OK;
    }
    if (outer_fits(&g)) {
        int64_t all = m / OUTER_WIDE;
        pool_for(&self->pool, all, m * n * rows < 65536 ? all : 1, outer_pieces, &g);
        return TN_OK;
    }
    gemm_cut(&g);
    pool_for(&self->pool, g.m_pieces * g.n_pieces, 1, gemm_pieces, &g);
    return TN_OK;
}

/* The pairs of a row must; longer ones, of more than about 2 SCRATCH numbers, are refused. */
static int fits_scratch(int products, int64_t k)
{
    return products == FLOATS || pairs_row(k) <= SCRATCH;
}

static int64_t pack_size(tn_be *be, int64_t k, int64_t units, uint32_t groups)
{
    return (int64_t)sizeof(float) * pairs_of(cpu_of(be)->products, k) * groups * ((units + 15) / 16 * 16);
}

static int pack(tn_be *be, int transposed, int64_t k, int64_t units, uint32_t groups, const float *w, int64_t ldw, void *packed)
{
    int products = cpu_of(be)->products;
    if (!fits_scratch(products, k)) return TN_EUNSUPPORTED;
    pack_job j = { packing_of(pairs_of(products, k), units, groups), products, transposed, k, w, ldw, packed };
    return spread(be, j.p.tiles, k * groups * j.p.base, pack_tiles, &j);
}

enum { PIECES = 4,                       /* for each thread, at least, where there are so many: the last ones even out */
       FEW_WEIGHTS = 1 << 17 };          /* these stay in a second cache of half a megabyte while rows go by  */
/* From outside a body, done() runs on several threads, each tile once. */
static int product(tn_be *be, const tn_product *p)
{
    pool *of = &cpu_of(be)->pool;
    int products = cpu_of(be)->products;
    if (product_row(p, products)) return TN_OK;
    product_job job = { p, packing_of(pairs_of(products, p->k), p->units, p->groups), ROW_BLOCK, 0, 1, 0, products, of };
    int64_t widest = job.k.groups * (p->units < job.k.base ? (p->units + 15) / 16 * 16 : job.k.base);
    if (widest > TILE_FLOATS || p->groups < 1) return TN_EINVAL;
    if (!fits_scratch(products, p->k)) return TN_EUNSUPPORTED;
    if (p->rows <= 0 || p->units <= 0) return TN_OK;
    if (job.rows * widest > TILE_FLOATS) job.rows = TILE_FLOATS / widest;
    if (products != FLOATS && SCRATCH / pairs_row(p->k) < job.rows) job.rows = SCRATCH / pairs_row(p->k);
    job.row_blocks = p->rows <= job.rows ? 1 : (p->rows + job.rows - 1) / job.rows;
    if (job.row_blocks > 1 && p->k * p->units * p->groups > FEW_WEIGHTS)      /* pairs of a block of rows serve several tiles   */
        job.by_tiles = 1, job.tile_groups = products == FLOATS ? job.k.tiles : (job.k.tiles + 7) / 8;
    else if (!pool_inside(of) && of->threads > 1) {
        job.tile_groups = (PIECES * of->threads + job.row_blocks - 1) / job.row_blocks;
        if (job.tile_groups > job.k.tiles) job.tile_groups = job.k.tiles;
    }
    int64_t small = p->rows * p->k * p->units * p->groups < 65536;
    pool_for(of, job.row_blocks * job.tile_groups, small ? job.row_blocks * job.tile_groups : 1, product_pieces, &job);
    return TN_OK;
}

static int parallel_for(tn_be *be, int64_t n, int64_t grain, void (*body)(void *, int64_t, int64_t), void *ctx)
{
    pool_for(&cpu_of(be)->pool, n, grain > 0 ? grain : 1, body, ctx);
    return TN_OK;
}

static int fill(tn_be *be, void *p, uint32_t dtype, int64_t n, double v)
{
    float f32 = (float)v;
    int32_t i32 = (int32_t)v;
    int64_t i64 = (int64_t)v;
    uint8_t u8 = (uint8_t)v;
    const struct { size_t bytes; const void *value; } as[TN_TEXT] = { [TN_F32] = { 4, &f32 }, [TN_F64] = { 8, &v }, [TN_I32] = { 4, &i32 },
        [TN_I64] = { 8, &i64 }, [TN_U8] = { 1, &u8 }, [TN_F16] = { 2, NULL }, [TN_BF16] = { 2, NULL } };
    if (dtype >= TN_TEXT || !as[dtype].bytes || (!as[dtype].value && v != 0)) return TN_EUNSUPPORTED;
    fill_job j = { p, as[dtype].bytes, v == 0 && !signbit(v) ? NULL : as[dtype].value };
    return spread(be, n, 1, fill_body, &j);
}

static int axpy(tn_be *be, int64_t n, float a, const float *x, float *y)
{
    row_job j = { .a = a, .x = x, .y = y };
    return spread(be, n, 1, axpy_body, &j);
}

static int add_bias(tn_be *be, int64_t rows, int64_t w, const float *b, float *y, int64_t ldy)
{
    row_job j = { .w = w, .ldy = ldy, .x = b, .y = y };
    return spread(be, rows, w, bias_body, &j);
}

static int sum_rows(tn_be *be, int64_t rows, int64_t w, const float *x, int64_t ldx, float *acc)
{
    row_job j = { .rows = rows, .w = w, .ldx = ldx, .x = x, .y = acc };
    return spread(be, (w + SUM_COLUMNS - 1) / SUM_COLUMNS, rows * SUM_COLUMNS, sum_body, &j);
}

static int gather(tn_be *be, int64_t n, int64_t w, const float *x, int64_t ldx, const int32_t *row, float *y, int64_t ldy)
{
    row_job j = { .w = w, .ldx = ldx, .ldy = ldy, .x = x, .y = y, .row = row };
    return spread(be, n, w, gather_body, &j);
}

static int scatter_add(tn_be *be, int64_t n, int64_t w, const float *x, int64_t ldx, const int32_t *row, float *y, int64_t ldy)
{
    row_job j = { .w = w, .ldx = ldx, .ldy = ldy, .x = x, .y = y, .row = row };
    return spread(be, n, w, scatter_body, &j);
}

static int segment_add(tn_be *be, int64_t n, int64_t w, const float *x, int64_t ldx, const int32_t *begin, const int32_t *row,
                       const int32_t *to, float *y, int64_t ldy)
{
    row_job j = { .w = w, .ldx = ldx, .ldy = ldy, .a = 1, .x = x, .y = y, .row = row, .begin = begin, .to = to };
    return spread(be, n, w, segment_body, &j);
}

static int segment_sum(tn_be *be, int64_t n, int64_t w, const float *x, int64_t ldx, const int32_t *begin, const int32_t *row, float *y,
                       int64_t ldy)
{
    row_job j = { .w = w, .ldx = ldx, .ldy = ldy, .x = x, .y = y, .row = row, .begin = begin };
    return spread(be, n, w, segment_body, &j);
}

static int copy(tn_be *be, int64_t rows, int64_t w, const float *x, int64_t ldx, float beta, float *y, int64_t ldy)
{
    row_job j = { .w = w, .ldx = ldx, .ldy = ldy, .a = beta, .x = x, .y = y };
    return spread(be, rows, w, copy_body, &j);
}

static int move_bytes(tn_be *be, void *to, const void *from, size_t n)
{
    (void)be;
    if (n) memmove(to, from, n);
    return TN_OK;
}

/* Large buffers lie on large pages where the system has them: fewer look-ups of addresses, and walks over rows that are
 * kilobytes apart stay fast. Their ends do not: half a large page for each buffer would be wasted. */
static void *reserve(tn_be *be, size_t n)
{
    enum { LARGE_PAGE = 2 << 20 };
    (void)be;
    size_t page = n >= LARGE_PAGE ? LARGE_PAGE : 64, whole = n ? (n + 63) / 64 * 64 : 64;
    void *p;
    if (whole < n || posix_memalign(&p, page, whole)) return NULL;
#ifdef MADV_HUGEPAGE
    if (page > 64) madvise(p, whole / page * page, MADV_HUGEPAGE);
#endif
    return p;
}

static void *alloc_zeroed(tn_be *be, size_t n)
{
    void *p = reserve(be, n);
    return p ? memset(p, 0, (n + 63) / 64 * 64) : NULL;
}

static void release(tn_be *be, void *p)
{
    (void)be;
    free(p);
}

static const void *native(tn_be *be, const char *id)
{
    static const int32_t alone = 1;
    pool *p = &cpu_of(be)->pool;
    if (strcmp(id, "threads")) return NULL;
    return pool_inside(p) ? &alone : &p->threads;
}

#if defined(__AVX512F__)
enum { ISA = 4 };
#elif defined(__AVX2__) && defined(__FMA__)
enum { ISA = 3 };
#else
enum { ISA = 0 };
#endif
static const tn_ops ops = { sizeof ops, ISA, "cpu", gemm, pack_size, pack, product, parallel_for, fill, axpy, add_bias, sum_rows, gather,
                            scatter_add, segment_add, copy, move_bytes, move_bytes, alloc_zeroed, release, native, outer_add, reserve,
                            segment_sum };

static int check(const tn_api *api, tn_host *host, const void *chosen)
{
    const config *c = chosen;
    if (c->blas == OWN || c->precision == F32) return TN_OK;
    return api->fail(host, TN_EINVAL, "precision = \"bf16\" and \"bf16_amx\" are for the kernels of this part, not for blas = \"openblas\"; "
                                         "leave one of them out");
}

/* Why a precision is slower than f32 on this processor; NULL: it is not. */
static const char *slow_here(int precision, int products)
{
    if (precision == BF16 && products == PAIRS_BY_FMA)
        return "precision = \"bf16\" is slower than f32 here: this processor has no AVX512-BF16, or this is not the build for it";
    if (precision == BF16 && tiles_usable())
        return "precision = \"bf16\" is slower than f32 on this processor; \"bf16_amx\" is made for it";
    if (precision == BF16_AMX && products == BLOCKS_BY_FMA)
        return "precision = \"bf16_amx\" is slower than f32 here: this processor has no AMX, or this is not the build for it";
    return NULL;
}

static int choose(const tn_api *api, tn_host *host, const void *chosen, void *self)
{
    const config *c = chosen;
    pairs_look();
    int products = c->precision == BF16 ? pairs_best() : c->precision == BF16_AMX ? blocks_best() : FLOATS;
    const char *slow = slow_here(c->precision, products);
    if (slow && TN_HAS(api, log)) api->log(host, TN_LOG_WARNING, slow);
    ((cpu *)self)->products = products;
    if (c->blas == OWN) return TN_OK;
    ((cpu *)self)->blas = blas_open();
    if (((cpu *)self)->blas.gemm) return TN_OK;
    return api->fail(host, TN_EUNSUPPORTED, "blas = \"openblas\": libopenblas.so.0 is not installed (Debian: libopenblas0-pthread); "
                                            "blas = \"tenon\", the default, needs no library");
}

static int start(void *self, int32_t threads, tn_be *out)
{
    cpu *c = self;
    memset(&c->pool, 0, sizeof c->pool);
    int rc = pool_start(&c->pool, threads, SCRATCH);
    if (rc) return rc;
    out->ops = &ops;
    out->self = self;
    return TN_OK;
}

static void stop(void *self, tn_be *be)
{
    (void)be;
    pool_stop(&((cpu *)self)->pool);
}

static const char *const libraries[] = { "tenon", "openblas", NULL };
static const char *const precisions[] = { "f32", "bf16", "bf16_amx", NULL };
static const tn_option options[] = {
    TN_ENUM(config, blas, OWN, libraries, "who multiplies matrices: tenon, the kernels of this part, or openblas, to compare with"),
    TN_ENUM(config, precision, F32, precisions, "what matrix products multiply: f32, numbers as they are, or numbers rounded to 8 bits, summed "
                                                "in f32: bf16 in the order of AVX512-BF16, for AMD from Zen 4 on, bf16_amx in that of AMX, for Intel "
                                                "from Sapphire Rapids on; each is slower than f32 elsewhere"),
};
static const tn_backend table = { sizeof table, 0, start, stop };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_BACKEND, .table = &table, .name = "cpu",
    .brief = "The processor: threads and vector instructions",
    .doc = "Computes on the processor, on as many threads as `--threads` says. The number of threads, the processor's vector\n"
           "width and the way a batch is cut do not change a bit of any result. Numbers below 2^-126 are taken as zero.\n\n"
           "With `precision = \"bf16\"` or `\"bf16_amx\"` (mixed precision) matrix products round what they multiply to bf16, and sum in\n"
           "f32; weights, gradients, cells and the optimizer stay f32. The two differ in the order in which they sum, which is that of\n"
           "the instructions they are made for: `bf16` pair by pair, as AVX512-BF16 does (fast on AMD from Zen 4 on), `bf16_amx` by\n"
           "blocks of 32, as AMX does (Intel from Sapphire Rapids on: half of the time of f32, or less, where products are most of\n"
           "the work). Each has the same bits on every processor, too, and is slower than f32 on those that it is not made for.\n"
           "Gradients are no longer exact enough for a gradient check.",
    .options = options, .n_options = sizeof options / sizeof *options, .option_size = sizeof *options,
    .config_size = sizeof(config), .self_size = sizeof(cpu), .check = check, .open = choose,
};
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("cpu", "1.0", "Tenon", "MIT", "", parts)
