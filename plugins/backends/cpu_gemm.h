/* C = beta C + op(A) op(B) on the kernel of cpu_tile.h. Columns of B, and rows of a transposed A, are copied block by
 * block into the thread's scratch, in the order in which the kernel reads them. Threads take blocks of C.   */
#ifndef CPU_GEMM_H
#define CPU_GEMM_H
#include "cpu_tile.h"

enum { N_BLOCK = 128,                            /* columns of C whose part of B is copied at once           */
       M_BLOCK = 288, PANEL = 12,                /* of a transposed A: rows copied at once, rows of a panel    */
       SCRATCH_B = N_BLOCK * K_BLOCK, SCRATCH_A = M_BLOCK * K_BLOCK, SCRATCH_C = ROW_BLOCK * STRIP * 16,
       SCRATCH = SCRATCH_B + SCRATCH_A + SCRATCH_C };

typedef struct gemm_job {
    pool *of;
    int ta, tb;
    int64_t m, n, k;
    const float *a; int64_t lda;
    const float *b; int64_t ldb;
    float beta;
    float *c; int64_t ldc;
    int64_t m_pieces, n_pieces, m_step, n_step;
} gemm_job;

/* C = beta C for beta other than 0 and 1, on rows m0 .. m1 - 1 and columns n0 .. n1 - 1; also beta 0 where k is 0. */
static void gemm_scale(const gemm_job *g, int64_t m0, int64_t m1, int64_t n0, int64_t n1)
{
    for (int64_t i = m0; i < m1; i++)
        for (int64_t j = n0; j < n1; j++) g->c[i * g->ldc + j] = g->beta == 0 ? 0 : g->beta * g->c[i * g->ldc + j];
}

/* Columns n0 .. n0 + nc - 1 of C, rows i0 .. i0 + rows - 1, k0 .. k0 + kn - 1: one strip. w: the strip's columns.  */
static void gemm_strip(const gemm_job *g, float *scratch, const float *a, int64_t a_row, int64_t a_step, const float *w, int64_t w_step,
                       int64_t i0, int64_t rows, int64_t n0, int64_t nc, int64_t kn, int fresh)
{
    static const int64_t at[STRIP] = { 0, TN_VL, 2 * TN_VL, 3 * TN_VL };
    int64_t nv = (nc + TN_VL - 1) / TN_VL, most = most_rows(nv), edge = nc != nv * TN_VL;
    float *c = g->c + i0 * g->ldc + n0, *to = edge ? scratch : c;
    int64_t ld = edge ? STRIP * TN_VL : g->ldc;
    if (edge && !fresh)
        for (int64_t i = 0; i < rows; i++) {
            memset(to + i * ld, 0, sizeof(float) * STRIP * TN_VL);
            memcpy(to + i * ld, c + i * g->ldc, sizeof(float) * (size_t)nc);
        }
    strip s = { .k = kn, .a_step = a_step, .w_step = w_step, .w = w, .z_at = at, .ld = ld };
    for (int64_t i = 0, mr; i < rows; i += mr) {
        mr = next_rows(rows - i, most);
        for (int64_t j = 0; j < mr; j++) s.a[j] = a + (i + j) * a_row, s.z[j] = fresh ? NULL : to + (i + j) * ld;
        s.to = to + i * ld;
        tile_run(mr, nv, &s);
    }
    for (int64_t i = 0; edge && i < rows; i++) memcpy(c + i * g->ldc, to + i * ld, sizeof(float) * (size_t)nc);
}

/* Columns n0 .. n0 + nc - 1 over k0 .. k0 + kn - 1 of op(B) as strips [kn][vectors]. */
static void gemm_pack_b(const gemm_job *g, float *to, int64_t n0, int64_t nc, int64_t k0, int64_t kn)
{
    const float *b = g->tb ? g->b + k0 : g->b + k0 * g->ldb;
    int64_t all = (nc + TN_VL - 1) / TN_VL;
    for (int64_t v = 0; v < all; v++) {
        int64_t s = v / STRIP * STRIP, nv = all - s < STRIP ? all - s : STRIP;
        pack_vector(to + s * TN_VL * kn + (v - s) * TN_VL, nv * TN_VL, g->tb, kn, b, g->ldb, n0 + v * TN_VL, nc - v * TN_VL);
    }
}

/* Rows m .. m + mc - 1 of a transposed A, k0 .. k0 + kn - 1, as panels [kn][PANEL]. */
static void gemm_pack_a(const gemm_job *g, float *to, int64_t m, int64_t mc, int64_t k0, int64_t kn)
{
    for (int64_t q = 0; q < kn; q++) {
        const float *from = g->a + (k0 + q) * g->lda + m;
        int64_t i = 0;
        for (; i + PANEL <= mc; i += PANEL) memcpy(to + i * kn + q * PANEL, from + i, sizeof(float) * PANEL);
        if (i < mc) memcpy(to + i * kn + q * PANEL, from + i, sizeof(float) * (size_t)(mc - i));
    }
}

/* One block of C, k and columns: its rows m .. m + mc - 1 strip by strip. w: strips of the columns, or NULL: B itself. */
static void gemm_block(const gemm_job *g, float *scratch, const float *w, int64_t m, int64_t mc, int64_t n, int64_t nc, int64_t k0, int64_t kn)
{
    float *sa = scratch + SCRATCH_B, *sc = sa + SCRATCH_A;
    int64_t step = g->ta ? PANEL : ROW_BLOCK;
    if (g->ta) gemm_pack_a(g, sa, m, mc, k0, kn);
    for (int64_t s = 0; s < nc; s += STRIP * TN_VL) {
        int64_t cols = nc - s < STRIP * TN_VL ? nc - s : STRIP * TN_VL;
        const float *strip_w = w ? w + s * kn : g->b + k0 * g->ldb + n + s;
        int64_t w_step = w ? (cols + TN_VL - 1) / TN_VL * TN_VL : g->ldb;
        for (int64_t i = 0; i < mc; i += step) {
            const float *a = g->ta ? sa + i * kn : g->a + (m + i) * g->lda + k0;
            gemm_strip(g, sc, a, g->ta ? 1 : g->lda, g->ta ? PANEL : 1, strip_w, w_step, m + i, mc - i < step ? mc - i : step, n + s, cols,
                       kn, k0 == 0 && g->beta == 0);
        }
    }
}

/* Rows m0 .. m1 - 1, columns n0 .. n1 - 1 of C; k in order. */
static void gemm_region(const gemm_job *g, float *scratch, int64_t m0, int64_t m1, int64_t n0, int64_t n1)
{
    if (g->k == 0 || (g->beta != 0 && g->beta != 1)) gemm_scale(g, m0, m1, n0, n1);
    int64_t block = g->ta ? M_BLOCK : ROW_BLOCK;
    int direct = !g->tb && m1 - m0 <= 6;                        /* too few rows to pay for the copy           */
    for (int64_t n = n0; n < n1; n += N_BLOCK) {
        int64_t nc = n1 - n < N_BLOCK ? n1 - n : N_BLOCK;
        for (int64_t k0 = 0; k0 < g->k; k0 += K_BLOCK) {
            int64_t kn = g->k - k0 < K_BLOCK ? g->k - k0 : K_BLOCK;
            int copied = !direct || nc % TN_VL;
            if (copied) gemm_pack_b(g, scratch, n, nc, k0, kn);
            for (int64_t m = m0; m < m1; m += block)
                gemm_block(g, scratch, copied ? scratch : NULL, m, m1 - m < block ? m1 - m : block, n, nc, k0, kn);
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
}

/* Cuts C into pieces of whole tiles: enough of them for the threads, but not more, since each copies its part of B. */
static void gemm_cut(gemm_job *g)
{
    int64_t pieces = g->m * g->n * g->k < 65536 ? 1 : pool_inside(g->of) ? 1 : 2 * g->of->threads;
    int64_t m_blocks = (g->m + ROW_BLOCK - 1) / ROW_BLOCK, n_blocks = (g->n + 63) / 64;
    g->m_pieces = m_blocks < pieces ? m_blocks : pieces;
    int64_t rest = (pieces + g->m_pieces - 1) / g->m_pieces;
    g->n_pieces = n_blocks < rest ? n_blocks : rest;
    g->m_step = (m_blocks + g->m_pieces - 1) / g->m_pieces * ROW_BLOCK;
    g->n_step = (n_blocks + g->n_pieces - 1) / g->n_pieces * 64;
}
#endif
