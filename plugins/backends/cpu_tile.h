/* The inner kernel of all matrix products, and weights packed for it.
 *
 * A register tile of a few rows by up to four vectors is kept in registers while k runs: three rows of four 8-lane
 * vectors fill the sixteen registers of AVX2, six rows of four the thirty-two of AVX-512 and NEON. Each element is
 * one chain of fma in the order of k, whatever tile it falls in: that is why no cut of rows, columns or k blocks
 * changes a bit. Edges go through the same kernel on columns of zeros.                                      */
#ifndef CPU_TILE_H
#define CPU_TILE_H
#include "tenon/vec.h"
#include "cpu_pool.h"

enum { STRIP = 4,                    /* vectors in a full strip of columns                                   */
       K_BLOCK = 128,                /* of k: a strip of that depth is 16 kB for 8 lanes, half of the first cache */
       ROW_BLOCK = 48,               /* rows of a finished tile: a multiple of every register tile           */
       TILE_FLOATS = 48 * 64 };

#define UNROLLED _Pragma("GCC unroll 8")

/* Rows of the register tile for nv vectors. */
static inline int64_t most_rows(int64_t nv)
{
#if TN_VL == 8
    return nv == 4 ? 3 : nv == 3 ? 4 : 6;
#else
    return nv == 4 ? 6 : 8;
#endif
}

/* Rows of the next register tile where `left` remain: as even as can be. */
static inline int64_t next_rows(int64_t left, int64_t most)
{
    if (left <= most) return left;
    int64_t tiles = (left + most - 1) / most;
    return (left + tiles - 1) / tiles;
}

typedef struct strip {               /* one call of the kernel                                               */
    int64_t k, a_step, w_step;       /* element (i, q) is a[i][q * a_step]; row q of the strip is w[q * w_step] */
    const float *a[8], *w;
    const float *z[8];               /* first values of row i at z[i] + z_at[v]; z[0] NULL: zeros            */
    const int64_t *z_at;
    float *to;                       /* row i at to + i * ld                                                 */
    int64_t ld;
} strip;

/* to = z + a w for MR rows and NV vectors. */
static inline __attribute__((always_inline)) void tile_kernel(const int mr, const int nv, const strip *s)
{
    tn_vf c[8][STRIP], x[8];
    const float *a[8], *w = s->w;
    UNROLLED for (int i = 0; i < mr; i++) {
        a[i] = s->a[i];
        UNROLLED for (int v = 0; v < nv; v++) c[i][v] = s->z[0] ? tn_load(s->z[i] + s->z_at[v]) : tn_set(0);
    }
    int64_t end = s->k * s->a_step, step = s->a_step, w_step = s->w_step;
    for (int64_t q = 0; q < end; q += step, w += w_step) {
        if (mr <= nv) {                  /* the shorter side is held, the longer one passes: else a register is missing */
            UNROLLED for (int i = 0; i < mr; i++) x[i] = tn_set(a[i][q]);
            UNROLLED for (int v = 0; v < nv; v++) {
                tn_vf b = tn_load(w + v * TN_VL);
                UNROLLED for (int i = 0; i < mr; i++) c[i][v] = tn_fma(x[i], b, c[i][v]);
            }
        } else {
            UNROLLED for (int v = 0; v < nv; v++) x[v] = tn_load(w + v * TN_VL);
            UNROLLED for (int i = 0; i < mr; i++) {
                tn_vf b = tn_set(a[i][q]);
                UNROLLED for (int v = 0; v < nv; v++) c[i][v] = tn_fma(b, x[v], c[i][v]);
            }
        }
    }
    UNROLLED for (int i = 0; i < mr; i++)
        UNROLLED for (int v = 0; v < nv; v++) tn_store(s->to + i * s->ld + v * TN_VL, c[i][v]);
}

#define KERNELS(nv)                                                                     \
    static void tile_kernel_##nv(int64_t mr, const strip *s)                            \
    {                                                                                   \
        switch (mr) {                                                                   \
        case 1: tile_kernel(1, nv, s); break;                                           \
        case 2: tile_kernel(2, nv, s); break;                                           \
        case 3: tile_kernel(3, nv, s); break;                                           \
        case 4: if (4 <= MOST_##nv) tile_kernel(4, nv, s); break;                       \
        case 5: if (5 <= MOST_##nv) tile_kernel(5, nv, s); break;                       \
        case 6: if (6 <= MOST_##nv) tile_kernel(6, nv, s); break;                       \
        case 7: if (7 <= MOST_##nv) tile_kernel(7, nv, s); break;                       \
        default: if (8 <= MOST_##nv) tile_kernel(8, nv, s); break;                      \
        }                                                                               \
    }
#if TN_VL == 8
enum { MOST_1 = 6, MOST_2 = 6, MOST_3 = 4, MOST_4 = 3 };
#else
enum { MOST_1 = 8, MOST_2 = 8, MOST_3 = 8, MOST_4 = 6 };
#endif
KERNELS(1) KERNELS(2) KERNELS(3) KERNELS(4)

static inline void tile_run(int64_t mr, int64_t nv, const strip *s)
{
    switch (nv) {
    case 1: tile_kernel_1(mr, s); break;
    case 2: tile_kernel_2(mr, s); break;
    case 3: tile_kernel_3(mr, s); break;
    default: tile_kernel_4(mr, s); break;
    }
}

/* One vector of columns col .. col + valid - 1 of W over k rows, zeros in the other lanes. transposed: W is
 * [columns, k], else [k, columns]. Row q goes to to + q * step.                                             */
static void pack_vector(float *to, int64_t step, int transposed, int64_t k, const float *w, int64_t ldw, int64_t col, int64_t valid)
{
    if (valid < 0) valid = 0;
    if (!transposed && valid >= TN_VL) {
        for (int64_t q = 0; q < k; q++) tn_store(to + q * step, tn_load(w + q * ldw + col));
    } else if (transposed && valid >= TN_VL) {
        const float *from = w + col * ldw;
        for (int64_t q = 0; q < k; q++)
            UNROLLED for (int j = 0; j < TN_VL; j++) to[q * step + j] = from[j * ldw + q];
    } else {
        for (int64_t q = 0; q < k; q++)
            for (int64_t j = 0; j < TN_VL; j++)
                to[q * step + j] = j >= valid ? 0 : transposed ? w[(col + j) * ldw + q] : w[q * ldw + col + j];
    }
}

/* Packed weights. Units come in tiles of 64 for one group, 32 for two, 16 for more, so that a tile is 64 columns
 * or a little more; in the last tile units are rounded up to a multiple of 16. A tile is cut into strips of four
 * vectors, each strip [k][vectors of columns]; column g * units_of_tile + j of a tile is unit j of group g. */
typedef struct packing {
    int64_t k, units, groups, base, tiles;   /* base: units of a full tile                                   */
} packing;

static packing packing_of(int64_t k, int64_t units, uint32_t groups)
{
    packing p = { k, units, groups, groups == 1 ? 64 : groups == 2 ? 32 : 16, 0 };
    p.tiles = (units + p.base - 1) / p.base;
    return p;
}

/* Units of tile t, and the same as a multiple of 16. */
static inline int64_t tile_units(const packing *p, int64_t t)
{
    return p->units - t * p->base < p->base ? p->units - t * p->base : p->base;
}

static inline int64_t tile_width(const packing *p, int64_t t)
{
    return (tile_units(p, t) + 15) / 16 * 16;
}

static inline int64_t tile_offset(const packing *p, int64_t t)
{
    return t * p->base * p->groups * p->k;
}

typedef struct pack_job { packing p; int transposed; const float *w; int64_t ldw; float *to; } pack_job;

static void pack_tiles(void *ctx, int64_t from, int64_t to)
{
    const pack_job *j = ctx;
    const packing *p = &j->p;
    for (int64_t t = from; t < to; t++) {
        int64_t units = tile_units(p, t), width = tile_width(p, t), all = p->groups * width / TN_VL;
        for (int64_t v = 0; v < all; v++) {
            int64_t s = v / STRIP * STRIP, nv = all - s < STRIP ? all - s : STRIP;
            int64_t g = v * TN_VL / width, unit = v * TN_VL % width;
            float *at = j->to + tile_offset(p, t) + s * TN_VL * p->k + (v - s) * TN_VL;
            pack_vector(at, nv * TN_VL, j->transposed, p->k, j->w, j->ldw, g * p->units + t * p->base + unit, units - unit);
        }
    }
}

/* First values of a tile into v, row by row, zeros past its units. */
static void tile_first(const tn_product *p, const tn_tile *q)
{
    int64_t groups = p->groups;
    memset(q->v, 0, sizeof(float) * (size_t)(q->rows * q->ld));
    for (int64_t i = 0; p->init && i < q->rows; i++) {
        int64_t r = p->init_row ? p->init_row[q->row + i] : q->row + i;
        for (int64_t g = 0; g < groups; g++)
            memcpy(q->v + i * q->ld + g * q->gs, p->init + r * p->ld_init + g * p->units + q->unit, sizeof(float) * (size_t)q->units);
    }
}

/* The tile of rows q->row .. and tile t of the units: sums over all of k in q->v. */
static void tile_sums(const tn_product *p, const packing *k, const tn_tile *q, int64_t t)
{
    int64_t own[STRIP], from[STRIP], all = q->ld / TN_VL, whole = q->units == q->gs && k->k > 0;
    const float *w = (const float *)p->packed + tile_offset(k, t);
    if (!whole) tile_first(p, q);
    for (int64_t k0 = 0; k0 < k->k; k0 += K_BLOCK) {
        for (int64_t s0 = 0; s0 < all; s0 += STRIP) {
            int64_t nv = all - s0 < STRIP ? all - s0 : STRIP, most = most_rows(nv), in_v = k0 > 0 || !whole;
            for (int64_t v = 0; v < nv; v++) {
                int64_t c = (s0 + v) * TN_VL;
                own[v] = c, from[v] = c / q->gs * k->units + q->unit + c % q->gs;
            }
            strip s = { .k = k->k - k0 < K_BLOCK ? k->k - k0 : K_BLOCK, .a_step = 1, .w_step = nv * TN_VL,
                        .w = w + s0 * TN_VL * k->k + k0 * nv * TN_VL, .z_at = in_v ? own : from, .ld = q->ld };
            for (int64_t i = 0, mr; i < q->rows; i += mr) {
                mr = next_rows(q->rows - i, most);
                for (int64_t j = 0; j < mr; j++) {
                    int64_t r = q->row + i + j;
                    s.a[j] = p->x + (p->x_row ? p->x_row[r] : r) * p->ldx + k0;
                    s.z[j] = in_v ? q->v + (i + j) * q->ld : p->init ? p->init + (p->init_row ? p->init_row[r] : r) * p->ld_init : NULL;
                }
                s.to = q->v + i * q->ld + s0 * TN_VL;
                tile_run(mr, nv, &s);
            }
        }
    }
}

typedef struct product_job { const tn_product *p; packing k; int64_t rows, row_blocks, tile_groups; } product_job;

/* Pieces of a product: block of rows by range of unit tiles. */
static void product_pieces(void *ctx, int64_t from, int64_t to)
{
    const product_job *job = ctx;
    const tn_product *p = job->p;
    const packing *k = &job->k;
    _Alignas(64) float v[TILE_FLOATS];
    for (int64_t piece = from; piece < to; piece++) {
        int64_t block = piece / job->tile_groups, part = piece % job->tile_groups;
        int64_t row = block * job->rows, rows = p->rows - row < job->rows ? p->rows - row : job->rows;
        for (int64_t t = k->tiles * part / job->tile_groups; t < k->tiles * (part + 1) / job->tile_groups; t++) {
            int64_t width = tile_width(k, t);
            tn_tile q = { row, rows, t * k->base, tile_units(k, t), v, k->groups * width, width };
            tile_sums(p, k, &q, t);
            if (p->done) {
                p->done(p->ctx, &q);
                continue;
            }
            for (int64_t i = 0; i < rows; i++)
                for (int64_t g = 0; g < k->groups; g++)
                    memcpy(p->y + (row + i) * p->ldy + g * k->units + q.unit, v + i * q.ld + g * q.gs, sizeof(float) * (size_t)q.units);
        }
    }
}
#endif
