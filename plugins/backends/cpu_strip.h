/* What one pass of a kernel computes: any number of rows by one strip of columns. cpu_chains.h and cpu_blocks.h have the kernels,
 * cpu_tile.h and cpu_gemm.h cut products into such passes.                                                  */
#ifndef CPU_STRIP_H
#define CPU_STRIP_H
#include "tenon/vec.h"
#include "cpu_pairs.h"

enum { STRIP = 4,                    /* vectors in a full strip of columns                                   */
       K_BLOCK = 256,                /* of k at once: a strip of that depth is 32 kB for 8 lanes               */
       PANEL = 12,                   /* rows of a panel of a transposed matrix                                 */
       ROW_BLOCK = 48,               /* rows of a finished tile: a multiple of every register tile           */
       TILE_FLOATS = 48 * 64 };

#define UNROLLED _Pragma("GCC unroll 8")

/* Rows of the next register tile where `left` remain: the last two as even as can be. */
static inline int64_t next_rows(int64_t left, int64_t most)
{
    return left >= 2 * most || left == most ? most : left > most ? (left + 1) / 2 : left;
}

/* Memory that is wanted soon, `each` cache lines of it asked for with each register tile: what comes from the outer caches
 * is there when it is copied, and the copying does not wait for every line.                                 */
typedef struct ahead { const float *p; int64_t ld, row, rows, lines, line, each; const int32_t *of; } ahead; /* lines: of a row;
                                        row r is at p + of[r] * ld, or r * ld where of is NULL; none where of[r] < 0 */
static inline void ahead_some(ahead *n)
{
    for (int64_t left = n->each, here; left > 0 && n->row < n->rows; left -= here) {
        int64_t r = n->of ? n->of[n->row] : n->row;
        const float *p = n->p + (r < 0 ? 0 : r) * n->ld + n->line * 16;
        here = n->lines - n->line < left ? n->lines - n->line : left;
        for (int64_t i = 0; r >= 0 && i < here; i++) __builtin_prefetch(p + i * 16, 0, 2);
        n->line += here;
        if (n->line == n->lines) n->line = 0, n->row++;
    }
}

/* One pass of the kernel: any number of rows by one strip of columns. The strip of W stays in the first cache while the
 * rows go by, and the next rows begin while the sums of the last are on their way.                          */
typedef struct strip {
    int64_t rows, k, a_step, w_step; /* element (i, q) is a[i][q * a_step]; row q of the strip is w[q * w_step] */
    const float *const *a, *w;       /* a: [rows]                                                            */
    const float *const *z;           /* [rows] first values of row i at z[i] + z_at[v]; z NULL: zeros        */
    const int64_t *z_at;
    float *to;                       /* row i at to + i * ld                                                 */
    int64_t ld;
    ahead *next;                     /* two of them, or NULL                                                 */
    int products;                    /* of floats, or of pairs in their place (cpu_pairs.h): then k, a and w count pairs */
} strip;
#endif
