/* cpu_kernel.h -- the micro-kernels of the cpu backend: a tile of a matrix product in registers.
 *
 * A tile is up to MR rows by up to NV vectors. Each element is one chain of fma in the order of k, whatever the tile it
 * falls into, so results do not depend on how a caller cuts rows, columns or (by storing and reloading) k.       */
#ifndef CPU_KERNEL_H
#define CPU_KERNEL_H
#include "tenon/vec.h"

#if TN_VL == 16
enum { MR = 6 };
#else
enum { MR = 3 };
#endif
enum { NV = 4, NP = NV * TN_VL };          /* a panel holds NP columns                                             */
#define UNROLL _Pragma("GCC unroll 8")

/* tile[mr x nv vectors] += x[mr x k] w[k x nv vectors]; x_i[q * step] is element q of row i; w is packed. */
TN_INLINE void tile_fma(int mr, int nv, int64_t k, const float *const *x, int64_t step, const float *w, float *tile)
{
    tn_vf a[MR][NV];
    const float *row[MR];
    UNROLL for (int i = 0; i < mr; i++) {
        row[i] = x[i];
        UNROLL for (int v = 0; v < nv; v++) a[i][v] = tn_load(tile + (i * nv + v) * TN_VL);
    }
    for (int64_t q = 0; q < k; q++, w += nv * TN_VL) {
        tn_vf b[MR];
        UNROLL for (int i = 0; i < mr; i++) b[i] = tn_set(row[i][q * step]);
        UNROLL for (int v = 0; v < nv; v++) {
            tn_vf c = tn_load(w + v * TN_VL);
            UNROLL for (int i = 0; i < mr; i++) a[i][v] = tn_fma(b[i], c, a[i][v]);
        }
    }
    UNROLL for (int i = 0; i < mr; i++) {
        UNROLL for (int v = 0; v < nv; v++) tn_store(tile + (i * nv + v) * TN_VL, a[i][v]);
    }
}

typedef void tile_fn(int64_t k, const float *const *x, int64_t step, const float *w, float *tile);
#define TILE(mr, nv) static void tile_##mr##_##nv(int64_t k, const float *const *x, int64_t step, const float *w, float *tile) \
    { tile_fma(mr, nv, k, x, step, w, tile); }
#define TILES(mr) TILE(mr, 1) TILE(mr, 2) TILE(mr, 3) TILE(mr, 4)
TILES(1) TILES(2) TILES(3)
#define ROW(mr) { tile_##mr##_1, tile_##mr##_2, tile_##mr##_3, tile_##mr##_4 }
#if TN_VL == 16
TILES(4) TILES(5) TILES(6)
static tile_fn *const tile_table[MR][NV] = { ROW(1), ROW(2), ROW(3), ROW(4), ROW(5), ROW(6) };
#else
static tile_fn *const tile_table[MR][NV] = { ROW(1), ROW(2), ROW(3) };
#endif

/* How many of `left` rows the next tile takes: no tile of a single row behind full ones. */
static inline int tile_rows(int64_t left)
{
    if (left <= MR) return (int)left;
    if (left < 2 * MR) return (int)((left + 1) / 2);
    return MR;
}
#endif
