/* cpu_product.h -- matrix products: weights packed once (ops->product), and plain gemm, which packs as it goes.
 *
 * Packed weights: unit tiles of U units, each [k][vectors], the vectors of a tile being the groups' units side by side:
 * for LSTM gates (4 groups) U = TN_VL and a row of a tile is i f g o of the same TN_VL units. One group alone is as
 * wide as a panel: U = NP.                                                                                       */
#ifndef CPU_PRODUCT_H
#define CPU_PRODUCT_H
#include "tenon/tenon.h"
#include "cpu_kernel.h"

/* Units of a tile: groups * units / TN_VL vectors, four where the groups allow it. */
static int64_t tile_units(uint32_t groups) { return groups == 1 ? NP : groups == 2 ? NP / 2 : TN_VL; }

static int64_t packed_floats(int64_t k, int64_t units, uint32_t groups)
{
    int64_t u = tile_units(groups);
    return (units + u - 1) / u * u * groups * k;
}

/* Unit tiles [from, to). Vector v of a tile belongs to group v / per, per = U / TN_VL. More than NV vectors (many groups)
 * are packed and multiplied NV at a time. */
static void pack_tiles(int transposed, int64_t k, int64_t units, uint32_t groups, const float *w, int64_t ldw, float *packed,
                       int64_t from, int64_t to)
{
    int64_t u = tile_units(groups), per = u / TN_VL, vectors = per * groups;
    float *out = packed + from * u * groups * k;
    for (int64_t t = from; t < to; t++)
        for (int64_t v0 = 0; v0 < vectors; v0 += NV) {
            int64_t nv = vectors - v0 < NV ? vectors - v0 : NV;
            for (int64_t v = v0; v < v0 + nv; v++)
                for (int64_t j = 0; j < TN_VL; j++) {
                    int64_t unit = t * u + (v % per) * TN_VL + j, column = v / per * units + unit;
                    float *lane = out + (v - v0) * TN_VL + j;
                    for (int64_t q = 0; q < k; q++)
                        lane[q * nv * TN_VL] = unit >= units ? 0 : transposed ? w[column * ldw + q] : w[q * ldw + column];
                }
            out += k * nv * TN_VL;
        }
}

/* The start values of a tile: init's rows, or zero. tile is [mr][nv vectors] for vectors v0 .. of the tile. */
static void start_tile(const tn_product *p, const int64_t *init_row, int mr, int64_t u0, int64_t v0, int nv, int64_t per, float *tile)
{
    for (int i = 0; i < mr; i++)
        for (int v = 0; v < nv; v++) {
            int64_t unit = u0 + (v0 + v) % per * TN_VL, left = p->units - unit;
            float *to = tile + (i * nv + v) * TN_VL;
            if (!p->init || left <= 0) tn_store(to, tn_set(0));
            else {
                const float *from = p->init + init_row[i] * p->ld_init + (v0 + v) / per * p->units + unit;
                tn_store(to, left >= TN_VL ? tn_load(from) : tn_loadn(from, left));
            }
        }
}

static void store_tile(const tn_product *p, const tn_tile *t)
{
    for (int64_t i = 0; i < t->rows; i++)
        for (uint32_t g = 0; g < p->groups; g++)
            memcpy(p->y + (t->row + i) * p->ldy + g * p->units + t->unit, t->v + i * t->ld + g * t->gs, sizeof(float) * (size_t)t->units);
}

enum { MOST_GROUPS = 16 };

/* Rows [from, to) of a product. */
static void product_rows(const tn_product *p, int64_t from, int64_t to)
{
    int64_t u = tile_units(p->groups), per = u / TN_VL, vectors = per * p->groups;
    _Alignas(64) float tile[MR * MOST_GROUPS * TN_VL], part[MR * NV * TN_VL];
    const float *w = p->packed;
    for (int64_t u0 = 0; u0 < p->units; u0 += u, w += u * p->groups * p->k) {
        for (int64_t r = from; r < to; ) {
            int mr = tile_rows(to - r);
            const float *x[MR];
            int64_t init_row[MR];
            for (int i = 0; i < mr; i++) {
                x[i] = p->x + (p->x_row ? p->x_row[r + i] : r + i) * p->ldx;
                init_row[i] = p->init_row ? p->init_row[r + i] : r + i;
            }
            const float *panel = w;
            for (int64_t v0 = 0; v0 < vectors; v0 += NV) {
                int nv = vectors - v0 < NV ? (int)(vectors - v0) : NV;
                float *at = vectors <= NV ? tile : part;
                start_tile(p, init_row, mr, u0, v0, nv, per, at);
                tile_table[mr - 1][nv - 1](p->k, x, 1, panel, at);
                panel += p->k * nv * TN_VL;
                if (at == part)
                    for (int i = 0; i < mr; i++) memcpy(tile + (i * vectors + v0) * TN_VL, part + i * nv * TN_VL, sizeof(float) * (size_t)(nv * TN_VL));
            }
            tn_tile done = { r, mr, u0, p->units - u0 < u ? p->units - u0 : u, tile, vectors * TN_VL, u };
            if (p->done) p->done(p->ctx, &done);
            else store_tile(p, &done);
            r += mr;
        }
    }
}

/* ---- gemm --------------------------------------------------------------------------------------------------------- */
typedef struct gemm {
    int ta, tb;
    int64_t m, n, k;
    const float *a, *b;
    int64_t lda, ldb, ldc;
    float beta, *c;
} gemm;

enum { KB = 256, KB_SUM = 128, MB = 48 * 6 }; /* rows of k in a block; for sums over rows; rows of A packed at once */

/* Columns j0 .. j0 + nc of op(B), rows q0 .. q0 + kn, as [kn][nv vectors], zeros behind the last column. */
static void pack_b(const gemm *g, int64_t q0, int64_t kn, int64_t j0, int64_t nc, int nv, float *out)
{
    int64_t wide = (int64_t)nv * TN_VL;
    for (int64_t q = 0; q < kn; q++, out += wide) {
        if (g->tb) for (int64_t j = 0; j < nc; j++) out[j] = g->b[(j0 + j) * g->ldb + q0 + q];
        else memcpy(out, g->b + (q0 + q) * g->ldb + j0, sizeof(float) * (size_t)nc);
        for (int64_t j = nc; j < wide; j++) out[j] = 0;
    }
}

/* One tile of C over one block of k. */
static void gemm_tile(const gemm *g, int64_t i0, int mr, int64_t j0, int64_t nc, int nv, int first, int64_t kn, const float *const *x,
                      int64_t step, const float *panel)
{
    _Alignas(64) float tile[MR * NP];
    int64_t wide = (int64_t)nv * TN_VL;
    for (int i = 0; i < mr; i++) {
        float *to = tile + i * wide, *c = g->c + (i0 + i) * g->ldc + j0;
        if (first && g->beta == 0) memset(to, 0, sizeof(float) * (size_t)wide);
        else {
            memcpy(to, c, sizeof(float) * (size_t)nc);
            for (int64_t j = nc; j < wide; j++) to[j] = 0;
            if (first && g->beta != 1) for (int64_t j = 0; j < nc; j++) to[j] *= g->beta;
        }
    }
    tile_table[mr - 1][nv - 1](kn, x, step, panel, tile);
    for (int i = 0; i < mr; i++) memcpy(g->c + (i0 + i) * g->ldc + j0, tile + i * wide, sizeof(float) * (size_t)nc);
}

/* Rows [i0, i1), columns [j0, j1) of C. k in blocks that stay in the cache; the float stored between two blocks is the
 * same as the one in the register. For ta, blocks of A are turned into micro-panels first. scratch: GEMM_SCRATCH floats. */
enum { GEMM_SCRATCH = KB * NP + MB * KB_SUM };
static void gemm_block(const gemm *g, int64_t i0, int64_t i1, int64_t j0, int64_t j1, float *scratch)
{
    int64_t kb = g->ta ? KB_SUM : KB, mb = g->ta ? MB : i1 - i0;
    float *panel = scratch, *turned = scratch + KB * NP;
    if (!g->k)
        for (int64_t i = i0; i < i1; i++)
            for (int64_t j = j0; j < j1; j++) g->c[i * g->ldc + j] = g->beta == 0 ? 0 : g->beta * g->c[i * g->ldc + j];
    for (int64_t ib = i0; ib < i1; ib += mb) {
        int64_t rows = i1 - ib < mb ? i1 - ib : mb;
        for (int64_t q0 = 0; q0 < g->k; q0 += kb) {
            int64_t kn = g->k - q0 < kb ? g->k - q0 : kb;
            if (g->ta)
                for (int64_t q = 0; q < kn; q++)
                    for (int64_t i = 0; i < rows; i++) turned[i * KB_SUM + q] = g->a[(q0 + q) * g->lda + ib + i];
            for (int64_t j = j0; j < j1; j += NP) {
                int64_t nc = j1 - j < NP ? j1 - j : NP;
                int nv = (int)((nc + TN_VL - 1) / TN_VL);
                pack_b(g, q0, kn, j, nc, nv, panel);
                for (int64_t i = 0; i < rows; ) {
                    int mr = tile_rows(rows - i);
                    const float *x[MR];
                    for (int k = 0; k < mr; k++) x[k] = g->ta ? turned + (i + k) * KB_SUM : g->a + (ib + i + k) * g->lda + q0;
                    gemm_tile(g, ib + i, mr, j, nc, nv, q0 == 0, kn, x, 1, panel);
                    i += mr;
                }
            }
        }
    }
}
#endif
