/* Gradients of narrow weights, C += A^T B with few columns of B. Where those of A are few as well, C stays in registers. Else
 * it is computed turned: C^T += B^T A. A strip of A's columns is then what cpu_tile.h calls weights, and goes through its kernel
 * where it lies: of the wide matrix nothing is copied, and threads share its strips. C is turned once before and once behind the
 * whole sum; rows of B, which by number may lie anywhere, are copied block by block. Each element is the same chain of fma as in
 * cpu_gemm.h.                                                                                                */
#ifndef CPU_OUTER_H
#define CPU_OUTER_H
#include "cpu_gemm.h"

enum { OUTER_WIDE = STRIP * TN_VL,               /* columns of A in a strip, and most columns of B            */
       OUTER_COLUMNS = 128,                      /* of A at most: each strip of a wider one goes past all of B */
       OUTER_ROWS = 96 };                        /* of A and B at once: a strip of them stays in the first cache */

/* On vectors of eight, panels cost fewer instructions; and where there are many threads, they give work to more of them. */
static int outer_fits(const gemm_job *g)
{
    return TN_VL >= 16 && (g->of->threads <= 2 * g->m / OUTER_WIDE || pool_inside(g->of)) &&
           g->products == FLOATS && g->m % OUTER_WIDE == 0 && g->m <= OUTER_COLUMNS && g->n <= OUTER_WIDE;
}

/* Between C and sums, columns m .. of A, and rows of `turned`: one for each column of B, and one for the sums of A. */
static void outer_turn(const gemm_job *g, float *turned, int64_t m, int back)
{
    for (int64_t i = 0; i < OUTER_WIDE; i++) {
        float *c = g->c + (m + i) * g->ldc, *to = turned + i;
        if (back) for (int64_t j = 0; j < g->n; j++) c[j] = to[j * OUTER_WIDE];
        else for (int64_t j = 0; j < g->n; j++) to[j * OUTER_WIDE] = c[j];
    }
    if (g->sums && back) memcpy(g->sums + m, turned + g->n * OUTER_WIDE, sizeof(float) * OUTER_WIDE);
    else if (g->sums) memcpy(turned + g->n * OUTER_WIDE, g->sums + m, sizeof(float) * OUTER_WIDE);
}

/* Rows k .. k + kn - 1 of B, and a one behind each where A is summed: a + s is fma(1, a, s). The rows of A and B after them are
 * asked for meanwhile. */
static void outer_copy_b(const gemm_job *g, float *to, int64_t ld, int64_t m, int64_t k, int64_t kn)
{
    for (int64_t q = k; q < k + kn; q++, to += ld) {
        const float *row = gemm_b_row(g, q, 0), *next = q + OUTER_ROWS < g->k ? gemm_b_row(g, q + OUTER_ROWS, 0) : NULL;
        if (row) memcpy(to, row, sizeof(float) * (size_t)g->n);
        else memset(to, 0, sizeof(float) * (size_t)g->n);
        if (g->sums) to[g->n] = 1;
        for (int64_t j = 0; next && j < g->n; j += 16) __builtin_prefetch(next + j, 0, 2);
        for (int64_t i = 0; q + OUTER_ROWS < g->k && i < OUTER_WIDE; i += 16)
            __builtin_prefetch(g->a + (q + OUTER_ROWS) * g->lda + m + i, 0, 2);
    }
}

/* Columns from .. to - 1 of A, by OUTER_WIDE. */
static void outer_pieces(void *ctx, int64_t from, int64_t to)
{
    static const int64_t at[STRIP] = { 0, TN_VL, 2 * TN_VL, 3 * TN_VL };
    const gemm_job *g = ctx;
    int64_t rows = g->n + (g->sums != NULL), ld = (rows + 15) / 16 * 16;
    float *turned = pool_inside(g->of)->scratch, *b = turned + rows * OUTER_WIDE;
    const float *a[OUTER_WIDE + 1], *z[OUTER_WIDE + 1];
    for (int64_t j = 0; j < rows; j++) a[j] = b + j, z[j] = turned + j * OUTER_WIDE;
    for (int64_t m = from * OUTER_WIDE; m < to * OUTER_WIDE; m += OUTER_WIDE) {
        outer_turn(g, turned, m, 0);
        for (int64_t k = 0; k < g->k; k += OUTER_ROWS) {
            int64_t kn = g->k - k < OUTER_ROWS ? g->k - k : OUTER_ROWS;
            outer_copy_b(g, b, ld, m, k, kn);
            strip s = { rows, kn, ld, g->lda, a, g->a + k * g->lda + m, z, at, turned, OUTER_WIDE, NULL, FLOATS };
            strip_run(STRIP, &s);
        }
        outer_turn(g, turned, m, 1);
    }
}

/* ---- few by few: a network of a few cells -------------------------------------------------------------------------------- */
enum { OUTER_FEW = TN_VL < 8 ? TN_VL : 8 };      /* columns of A                                              */

static int outer_is_few(const gemm_job *g) { return g->products == FLOATS && g->m <= OUTER_FEW && g->n <= TN_VL; }

static inline __attribute__((always_inline)) void outer_rows(const gemm_job *g, const int m)
{
    if (m > OUTER_FEW) return;                   /* never: vectors of four have no sums of more                */
    tn_vf c[8], sum = g->sums ? tn_loadn(g->sums, m) : tn_set(0);
    UNROLLED for (int i = 0; i < m; i++) c[i] = load_some(g->c + i * g->ldc, g->n);
    for (int64_t q = 0; q < g->k; q++) {
        const float *a = g->a + q * g->lda;
        tn_vf b = load_some(gemm_b_row(g, q, 0), g->n);
        UNROLLED for (int i = 0; i < m; i++) c[i] = tn_fma(tn_set(a[i]), b, c[i]);
        if (g->sums) sum = sum + tn_loadn(a, m);
    }
    UNROLLED for (int i = 0; i < m; i++) tn_storen(g->c + i * g->ldc, c[i], g->n);
    if (g->sums) tn_storen(g->sums, sum, m);
}

static void outer_few(const gemm_job *g)
{
    switch (g->m) {
    case 1: outer_rows(g, 1); break;
    case 2: outer_rows(g, 2); break;
    case 3: outer_rows(g, 3); break;
    case 4: outer_rows(g, 4); break;
    case 5: outer_rows(g, 5); break;
    case 6: outer_rows(g, 6); break;
    case 7: outer_rows(g, 7); break;
    default: outer_rows(g, 8); break;
    }
}
#endif
