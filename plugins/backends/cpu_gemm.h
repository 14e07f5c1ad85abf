/* C = beta C + op(A) op(B) on the kernels of cpu_tile.h, and the gradient of a weight, which is that product with A
 * transposed and rows of B by number (cpu_outer.h has the narrow ones). Columns of B, rows of a transposed A, and
 * where pairs are made all of A, are copied block by block into the thread's scratch, in the order in which the kernel
 * reads them. Threads take blocks of C.                                                                      */
#ifndef CPU_GEMM_H
#define CPU_GEMM_H
#include "cpu_tile.h"

enum { N_BLOCK = 256,                            /* columns of C whose part of B is copied at once           */
       A_BLOCK = 288 * 128,                      /* floats of a transposed A that are copied at once          */
       M_BLOCK = 288,                            /* rows of C at once, at most                                   */
       PANEL_PAD = 16,                           /* so that panels do not lie a multiple of the cache's period apart */
       SCRATCH_B = N_BLOCK * K_BLOCK, SCRATCH_A = A_BLOCK + M_BLOCK / PANEL * PANEL_PAD, SCRATCH_C = ROW_BLOCK * STRIP * 16,
       SCRATCH = SCRATCH_B + SCRATCH_A + SCRATCH_C };

typedef struct gemm_job {
    pool *of;
    int ta, tb;
    int64_t m, n, k;
    const float *a; int64_t lda;
    const float *b; int64_t ldb;
    float beta;
    float *c; int64_t ldc;
    const int32_t *b_row;                        /* row q of B is b_row[q], none where < 0; NULL: q            */
    float *sums;                                 /* [m] += sums over the rows of a transposed A; NULL: not wanted */
    int64_t m_pieces, n_pieces, m_step, n_step;
    int products;                                /* of floats, or of pairs, which are made where it is copied      */
} gemm_job;

/* C = beta C for beta other than 0 and 1, on rows m0 .. m1 - 1 and columns n0 .. n1 - 1; also beta 0 where k is 0. */
static void gemm_scale(const gemm_job *g, int64_t m0, int64_t m1, int64_t n0, int64_t n1)
{
    for (int64_t i = m0; i < m1; i++)
        for (int64_t j = n0; j < n1; j++) g->c[i * g->ldc + j] = g->beta == 0 ? 0 : g->beta * g->c[i * g->ldc + j];
}

/* Columns n .. n + nc - 1 of C from row m on: one strip, `rows` rows of A at a[]. w: the strip's columns, `deep` rows. */
static void gemm_strip(const gemm_job *g, float *scratch, ahead *next, const float *const *a, int64_t a_step, const float *w,
                       int64_t w_step, int64_t m, int64_t rows, int64_t n, int64_t nc, int64_t deep, int fresh)
{
    static const int64_t at[STRIP] = { 0, TN_VL, 2 * TN_VL, 3 * TN_VL };
    int64_t nv = (nc + TN_VL - 1) / TN_VL;
    int edge = nc != nv * TN_VL;
    const float *z[M_BLOCK];
    for (int64_t i0 = 0, more; i0 < rows; i0 += more) {
        more = edge && rows - i0 > ROW_BLOCK ? ROW_BLOCK : rows - i0;
        float *c = g->c + (m + i0) * g->ldc + n, *to = edge ? scratch : c;
        int64_t ld = edge ? STRIP * TN_VL : g->ldc;
        for (int64_t i = 0; edge && !fresh && i < more; i++) {
            memset(to + i * ld, 0, sizeof(float) * STRIP * TN_VL);
            memcpy(to + i * ld, c + i * g->ldc, sizeof(float) * (size_t)nc);
        }
        for (int64_t i = 0; i < more; i++) z[i] = to + i * ld;
        strip s = { more, deep, a_step, w_step, a + i0, w, fresh ? NULL : z, at, to, ld, next, g->products };
        strip_run(nv, &s);
        for (int64_t i = 0; edge && i < more; i++) memcpy(c + i * g->ldc, to + i * ld, sizeof(float) * (size_t)nc);
    }
}

/* Row q of B from column n0 on, NULL where it is none. */
static const float *gemm_b_row(const gemm_job *g, int64_t q, int64_t n0)
{
    int64_t r = g->b_row ? g->b_row[q] : q;
    return r < 0 ? NULL : g->b + r * g->ldb + n0;
}

/* A vector at x of `left` numbers or more; zeros where x is NULL. */
static inline tn_vf load_some(const float *x, int64_t left)
{
    return !x ? tn_set(0) : left >= TN_VL ? tn_load(x) : tn_loadn(x, left);
}

/* Columns n0 .. n0 + nc - 1 over k0 .. k0 + kn - 1 of B as strips [kn][vectors], or of its pairs [pairs_of(kn)][vectors]. */
static void gemm_copy_b(const gemm_job *g, float *to, int64_t n0, int64_t nc, int64_t k0, int64_t kn)
{
    int64_t all = (nc + TN_VL - 1) / TN_VL, deep = pairs_of(g->products, kn), each = g->products == FLOATS ? 1 : 2;
    for (int64_t q = 0; q < deep * each; q += each) {
        const float *x = q < kn ? gemm_b_row(g, k0 + q, n0) : NULL, *y = each == 2 && q + 1 < kn ? gemm_b_row(g, k0 + q + 1, n0) : NULL;
        for (int64_t s = 0, nv; s < all; s += nv) {
            nv = strip_width(all - s);
            float *at = to + s * TN_VL * deep + q / each * nv * TN_VL;
            int whole = nc - s * TN_VL >= nv * TN_VL;
            if (each == 1 && x && whole && nv == STRIP) { /* the usual one, without a question a vector */
                UNROLLED for (int v = 0; v < STRIP; v++) tn_store(at + v * TN_VL, tn_load(x + (s + v) * TN_VL));
                continue;
            }
            for (int64_t v = 0; v < nv; v++) {
                int64_t c = (s + v) * TN_VL;
                tn_vf one = load_some(x ? x + c : NULL, nc - c);
                tn_store(at + v * TN_VL, each == 1 ? one : pairs_across(one, load_some(y ? y + c : NULL, nc - c)));
            }
        }
    }
}

/* The same of op(B). */
static void gemm_pack_b(const gemm_job *g, float *to, int64_t n0, int64_t nc, int64_t k0, int64_t kn)
{
    int64_t all = (nc + TN_VL - 1) / TN_VL, deep = pairs_of(g->products, kn);
    if (!g->tb) {
        gemm_copy_b(g, to, n0, nc, k0, kn);
        return;
    }
    for (int64_t s = 0, nv; s < all; s += nv) {
        nv = strip_width(all - s);
        for (int64_t v = s; v < s + nv; v++)
            pack_strip_vector(g->products, to + s * TN_VL * deep + (v - s) * TN_VL, nv * TN_VL, 1, kn, g->b + k0, g->ldb, n0 + v * TN_VL,
                              nc - v * TN_VL);
    }
}

/* Rows m .. m + mc - 1 of a transposed A, k0 .. k0 + kn - 1, as panels [kn][PANEL]. */
static void gemm_pack_a(const gemm_job *g, float *to, int64_t m, int64_t mc, int64_t k0, int64_t kn)
{
    const float *from = g->a + k0 * g->lda + m;
    int64_t lda = g->lda, i = 0;
    for (; i + PANEL <= mc; i += PANEL, from += PANEL, to += kn * PANEL + PANEL_PAD)
        UNROLLED for (int64_t q = 0; q < kn; q++) memcpy(to + q * PANEL, from + q * lda, sizeof(float) * PANEL);
    for (int64_t q = 0; i < mc && q < kn; q++) memcpy(to + q * PANEL, from + q * lda, sizeof(float) * (size_t)(mc - i));
}

/* Pairs of the same, as panels [(kn + 1) / 2][PANEL]. Vectors are stored whole: what is too much of one lies in the next row,
 * which is written after it, or in the pad. */
static void gemm_pair_a(const gemm_job *g, float *to, int64_t m, int64_t mc, int64_t k0, int64_t kn)
{
    for (int64_t i = 0; i < mc; i += PANEL, to += pairs_of(g->products, kn) * PANEL + PANEL_PAD)
        for (int64_t q = 0; q < kn; q += 2) {
            const float *x = g->a + (k0 + q) * g->lda + m + i;
            for (int64_t j = 0; j < PANEL && i + j < mc; j += TN_VL) {
                int64_t left = g->m - m - i - j;
                tn_store(to + q / 2 * PANEL + j, pairs_across(load_some(x + j, left), load_some(q + 1 < kn ? x + g->lda + j : NULL, left)));
            }
        }
}

/* Pairs of the same as rows, for sums by blocks: made across, of a block of k at a time, so that rows are read along, and
 * turned. */
static void gemm_turn_a(const gemm_job *g, float *to, int64_t m, int64_t mc, int64_t k0, int64_t kn)
{
    _Alignas(64) float pairs[BLOCK_PAIRS * M_BLOCK];
    int64_t ld = pairs_row(kn), lda = g->lda;
    for (int64_t q = 0; q < kn; q += 2 * BLOCK_PAIRS) {
        for (int64_t p = 0; p < BLOCK_PAIRS; p++) {
            const float *x = g->a + (k0 + q + 2 * p) * lda + m;
            int64_t here = kn - q - 2 * p, left = g->m - m;
            for (int64_t i = 0; i < mc; i += TN_VL)
                tn_store(pairs + p * M_BLOCK + i, pairs_across(load_some(here > 0 ? x + i : NULL, left - i),
                                                               load_some(here > 1 ? x + lda + i : NULL, left - i)));
        }
        for (int64_t i = 0; i < mc; i += TN_VL)
            for (int64_t p = 0; p < BLOCK_PAIRS; p += TN_VL)
                pack_vector(to + i * ld + q / 2 + p, ld, 1, mc - i < TN_VL ? mc - i : TN_VL, pairs + p * M_BLOCK + i, M_BLOCK, 0, TN_VL);
    }
}

/* Whether A is copied as panels, in which k comes first. */
static inline int gemm_panels(const gemm_job *g)
{
    return g->ta && !in_blocks(g->products);
}

/* Rows of A at a[] for the kernel: where they are, or as panels or pairs in `to`. */
static void gemm_rows_of_a(const gemm_job *g, float *to, int64_t m, int64_t mc, int64_t k0, int64_t kn, const float **a)
{
    int64_t deep = pairs_of(g->products, kn), each = pairs_row(kn);
    if (g->ta) (g->products == FLOATS ? gemm_pack_a : in_blocks(g->products) ? gemm_turn_a : gemm_pair_a)(g, to, m, mc, k0, kn);
    for (int64_t i = 0; i < mc; i++) {
        const float *row = g->a + (m + i) * g->lda + k0;
        if (!g->ta && g->products != FLOATS) pairs_of_row(g->products, to + i * each, row, kn);
        a[i] = gemm_panels(g) ? to + i / PANEL * (deep * PANEL + PANEL_PAD) + i % PANEL : g->products == FLOATS ? row : to + i * each;
    }
}

/* sums[m ..] += rows k0 .. k0 + kn - 1 of a transposed A, one after the other; SUMS vectors of columns at once. */
static void gemm_sum_a(const gemm_job *g, int64_t m, int64_t mc, int64_t k0, int64_t kn)
{
    enum { SUMS = 8 };
    const float *from = g->a + k0 * g->lda + m;
    float *to = g->sums + m;
    int64_t i = 0;
    for (; i + SUMS * TN_VL <= mc; i += SUMS * TN_VL) {
        tn_vf sum[SUMS];
        UNROLLED for (int v = 0; v < SUMS; v++) sum[v] = tn_load(to + i + v * TN_VL);
        for (int64_t q = 0; q < kn; q++)
            UNROLLED for (int v = 0; v < SUMS; v++) sum[v] = sum[v] + tn_load(from + q * g->lda + i + v * TN_VL);
        UNROLLED for (int v = 0; v < SUMS; v++) tn_store(to + i + v * TN_VL, sum[v]);
    }
    for (; i < mc; i++)
        for (int64_t q = 0; q < kn; q++) to[i] += from[q * g->lda + i];
}

/* `rows` rows of n numbers that are copied next, asked for over so many register tiles. */
static ahead ahead_of(const float *p, int64_t ld, int64_t rows, int64_t n, const int32_t *of, int64_t tiles)
{
    ahead a = { p, ld, 0, rows, (n + 15) / 16 + 1, 0, 0, of };
    a.each = 1 + a.lines * rows / tiles;
    return a;
}

typedef struct part_of_c { int64_t m, mc, n, nc, k, kn; } part_of_c;     /* of C: rows, columns; of the sum                 */

/* One block: its rows strip by strip. w: strips of the columns, or NULL: B itself. */
static void gemm_block(const gemm_job *g, float *scratch, const float *w, const part_of_c *b, ahead *next)
{
    float *sa = scratch + SCRATCH_B, *sc = sa + SCRATCH_A;
    const float *a[M_BLOCK];
    int64_t deep = pairs_of(g->products, b->kn);
    gemm_rows_of_a(g, sa, b->m, b->mc, b->k, b->kn, a);
    if (g->sums && b->n == 0) gemm_sum_a(g, b->m, b->mc, b->k, b->kn);
    for (int64_t s = 0, width; s < b->nc; s += width) {
        width = strip_width((b->nc - s + TN_VL - 1) / TN_VL) * TN_VL;
        int64_t cols = b->nc - s < width ? b->nc - s : width;
        gemm_strip(g, sc, next, a, gemm_panels(g) ? PANEL : 1, w ? w + s * deep : g->b + b->k * g->ldb + b->n + s,
                   w ? (cols + TN_VL - 1) / TN_VL * TN_VL : g->ldb, b->m, b->mc, b->n + s, cols, deep, b->k == 0 && g->beta == 0);
    }
}

/* Columns b->n .. of rows m0 .. m1 - 1, blocks of `step` rows, part b->k .. of the sums. more: how much of k comes after it. */
static void gemm_rows(const gemm_job *g, float *scratch, const float *w, part_of_c b, int64_t m0, int64_t m1, int64_t step, int64_t more)
{
    for (b.m = m0; b.m < m1; b.m += step) {
        int64_t left = m1 - b.m - step, first = m1 - m0 < step ? m1 - m0 : step;
        b.mc = left < 0 ? m1 - b.m : step;
        int64_t tiles = 1 + b.mc * b.nc / (MOST_4 * STRIP * TN_VL), k = b.k + b.kn;
        ahead next[2] = { { .p = NULL }, { .p = NULL } };
        if (left > 0 && g->ta)
            next[0] = ahead_of(g->a + b.k * g->lda + b.m + step, g->lda, b.kn, left < step ? left : step, NULL, tiles);
        if (left <= 0 && more > 0) {
            if (g->ta) next[0] = ahead_of(g->a + k * g->lda + m0, g->lda, more, first, NULL, tiles);
            if (!g->tb) next[1] = ahead_of((g->b_row ? g->b : g->b + k * g->ldb) + b.n, g->ldb, more, b.nc, g->b_row ? g->b_row + k : NULL, tiles);
        }
        gemm_block(g, scratch, w, &b, next);
    }
}

/* How much of k a block takes. */
static int64_t gemm_depth(const gemm_job *g)
{
    int is_long = g->ta && g->k > 2 * K_BLOCK;
    if (in_blocks(g->products)) return k_step(g->k, is_long ? K_BLOCK : 2 * K_BLOCK, 2 * BLOCK_PAIRS); /* products are quick, C is not */
    /* a long sum over a transposed A: short blocks of many rows, since C is in the cache; else deep ones, as where vectors are
     * wide: there the second cache is twice as large, and C's coming and going is more of the time             */
    return k_step(g->k, TN_VL < 16 && is_long ? K_BLOCK / 2 : K_BLOCK, 8);
}

/* And of the rows of C. */
static int64_t gemm_height(const gemm_job *g, int64_t deep)
{
    int64_t rows = in_blocks(g->products) ? A_BLOCK / pairs_row(deep) / 32 * 32 : g->ta ? A_BLOCK / deep / PANEL * PANEL : ROW_BLOCK;
    return rows < M_BLOCK ? rows : M_BLOCK;
}

/* Rows m0 .. m1 - 1, columns n0 .. n1 - 1 of C; k in order. */
static void gemm_region(const gemm_job *g, float *scratch, int64_t m0, int64_t m1, int64_t n0, int64_t n1)
{
    if (g->k == 0 || (g->beta != 0 && g->beta != 1)) gemm_scale(g, m0, m1, n0, n1);
    int direct = g->products == FLOATS && !g->tb && !g->b_row && m1 - m0 <= 6; /* too few rows to pay for the copy           */
    int64_t deep = gemm_depth(g), step = gemm_height(g, deep);
    for (int64_t n = n0; n < n1; n += N_BLOCK) {
        part_of_c b = { .n = n, .nc = n1 - n < N_BLOCK ? n1 - n : N_BLOCK };
        for (; b.k < g->k; b.k += deep) {
            int64_t left = g->k - b.k, copied = !direct || b.nc % TN_VL;
            b.kn = left < deep ? left : deep;
            if (copied) gemm_pack_b(g, scratch, n, b.nc, b.k, b.kn);
            gemm_rows(g, scratch, copied ? scratch : NULL, b, m0, m1, step, left - deep < deep ? left - deep : deep);
        }
    }
}

static void gemm_pieces(void *ctx, int64_t from, int64_t to)
{
    const gemm_job *g = ctx;
    float *scratch = pool_inside(g->of)->scratch;
    for (int64_t i = from; i < to; i++) {
        int64_t m0 = i / g->n_pieces * g->m_step, n0 = i % g->n_pieces * g->n_step;
        int64_t m1 = m0 + g->m_step < g->m ? m0 + g->m_step : g->m, n1 = n0 + g->n_step < g->n ? n0 + g->n_step : g->n;
        if (m0 < m1 && n0 < n1) gemm_region(g, scratch, m0, m1, n0, n1);
    }
    tiles_release();
}

/* Cuts C into pieces, at most two for each thread. A piece copies its part of B, and reads its part of A or copies that too
 * where A is transposed. The best cut takes the least time by an estimate: that of the thread with the most and largest
 * pieces, in multiply-adds, a number copied counting as COPY of them, one that is read as READ.                    */
enum { M_GRAIN = 12, N_GRAIN = 32, COPY = 24, READ = 8 };
static void gemm_cut(gemm_job *g)
{
    int64_t threads = g->m * g->n * g->k < 65536 || pool_inside(g->of) ? 1 : g->of->threads, best = INT64_MAX;
    int64_t m_most = (g->m + M_GRAIN - 1) / M_GRAIN, n_most = (g->n + N_GRAIN - 1) / N_GRAIN;
    g->m_pieces = g->n_pieces = 1, g->m_step = g->m, g->n_step = g->n;
    for (int64_t np = 1; threads > 1 && np <= n_most && np <= 2 * threads; np++)
        for (int64_t mp = 1; mp <= m_most && mp * np <= 2 * threads; mp++) {
            int64_t m = (m_most + mp - 1) / mp * M_GRAIN, n = (n_most + np - 1) / np * N_GRAIN;
            int64_t pieces = (g->m + m - 1) / m * ((g->n + n - 1) / n), turns = (pieces + threads - 1) / threads;
            int64_t time = turns * (m * n + COPY * n + (g->ta ? COPY : READ) * m);
            if (time > best) continue;
            best = time, g->m_pieces = (g->m + m - 1) / m, g->n_pieces = (g->n + n - 1) / n, g->m_step = m, g->n_step = n;
        }
}
#endif
