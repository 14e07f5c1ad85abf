/* Weights packed for the kernels, and the product with them that ends in an epilogue on each finished tile. */
#ifndef CPU_TILE_H
#define CPU_TILE_H
#include "cpu_pool.h"
#include "cpu_chains.h"
#include "cpu_blocks.h"

/* Vectors of the next strip where `left` remain: never one alone but for the only one, since that is slow. */
static inline int64_t strip_width(int64_t left)
{
    return left == STRIP + 1 ? STRIP - 1 : left < STRIP ? left : STRIP;
}

static inline void strip_run(int64_t nv, const strip *s)
{
    if (s->products == BLOCKS_BY_TILES) blocks_by_tiles(nv, s);
    else if (s->products == BLOCKS_BY_FMA) blocks_by_fma(nv, s);
    else chains_run(nv, s);
}

/* How much of k goes at once: equal blocks of `most` at most, each a multiple of `whole`, as `most` is. */
static inline int64_t k_step(int64_t k, int64_t most, int64_t whole)
{
    int64_t blocks = (k + most - 1) / most;
    return blocks < 2 ? most : ((k + blocks - 1) / blocks + whole - 1) / whole * whole;
}

#if defined(__AVX2__)
/* 8 x 8: row i of `from` becomes column i of `to`. */
static inline void transpose8(const float *from, int64_t ld, float *to, int64_t step)
{
    __m256 r[8], t[8];
    UNROLLED for (int i = 0; i < 8; i++) r[i] = _mm256_loadu_ps(from + i * ld);
    UNROLLED for (int i = 0; i < 8; i += 2) t[i] = _mm256_unpacklo_ps(r[i], r[i + 1]), t[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
    UNROLLED for (int i = 0; i < 8; i += 4) {
        r[i] = _mm256_shuffle_ps(t[i], t[i + 2], 0x44), r[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], 0xee);
        r[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0x44), r[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0xee);
    }
    UNROLLED for (int i = 0; i < 4; i++) {
        _mm256_storeu_ps(to + i * step, _mm256_permute2f128_ps(r[i], r[i + 4], 0x20));
        _mm256_storeu_ps(to + (i + 4) * step, _mm256_permute2f128_ps(r[i], r[i + 4], 0x31));
    }
}
#endif

/* One vector of columns col .. col + valid - 1 of W over k rows, zeros in the other lanes. transposed: W is
 * [columns, k], else [k, columns]. Row q goes to to + q * step.                                             */
static void pack_vector(float *to, int64_t step, int transposed, int64_t k, const float *w, int64_t ldw, int64_t col, int64_t valid)
{
    if (valid < 0) valid = 0;
    if (!transposed && valid >= TN_VL) {
        for (int64_t q = 0; q < k; q++) tn_store(to + q * step, tn_load(w + q * ldw + col));
    } else if (transposed && valid >= TN_VL) {
        const float *from = w + col * ldw;
        int64_t q = 0;
#if defined(__AVX2__)
        for (; q + 8 <= k; q += 8)
            for (int64_t j = 0; j < TN_VL; j += 8) transpose8(from + j * ldw + q, ldw, to + q * step + j, step);
#endif
        for (; q < k; q++)
            UNROLLED for (int j = 0; j < TN_VL; j++) to[q * step + j] = from[j * ldw + q];
    } else {
        for (int64_t q = 0; q < k; q++)
            for (int64_t j = 0; j < TN_VL; j++)
                to[q * step + j] = j >= valid ? 0 : transposed ? w[(col + j) * ldw + q] : w[q * ldw + col + j];
    }
}

/* The same for pairs: row q of `to` has those of rows 2 q and 2 q + 1 of W. */
static void pack_vector_pairs(float *to, int64_t step, int transposed, int64_t k, const float *w, int64_t ldw, int64_t col, int64_t valid)
{
    enum { BLOCK = 64 };
    _Alignas(64) float rows[TN_VL * BLOCK];
    valid = valid < 0 ? 0 : valid > TN_VL ? TN_VL : valid;
    for (int64_t q = 0; !transposed && q < k; q += 2) {
        const float *x = w + q * ldw + col;
        tn_vf a = valid == TN_VL ? tn_load(x) : tn_loadn(x, valid), b = tn_set(0);
        if (q + 1 < k) b = valid == TN_VL ? tn_load(x + ldw) : tn_loadn(x + ldw, valid);
        tn_store(to + q / 2 * step, pairs_across(a, b));
    }
    for (int64_t q = 0; transposed && q < k; q += 2 * BLOCK) {
        int64_t deep = k - q < 2 * BLOCK ? k - q : 2 * BLOCK;
        for (int64_t j = 0; j < valid; j++) pairs_along(rows + j * BLOCK, w + (col + j) * ldw + q, deep);
        pack_vector(to + q / 2 * step, step, 1, (deep + 1) / 2, rows, BLOCK, 0, valid);
    }
}

/* Either, and the zeros behind the last pair. */
static void pack_strip_vector(int products, float *to, int64_t step, int transposed, int64_t k, const float *w, int64_t ldw, int64_t col,
                              int64_t valid)
{
    (products == FLOATS ? pack_vector : pack_vector_pairs)(to, step, transposed, k, w, ldw, col, valid);
    for (int64_t q = (k + 1) / 2; products != FLOATS && q < pairs_of(products, k); q++) tn_store(to + q * step, tn_set(0));
}

/* Packed weights. Units come in tiles of 64 for one group, 32 for two, 16 for more, so that a tile is 64 columns
 * or a little more; in the last tile units are rounded up to whole vectors. A tile is cut into strips of about four
 * vectors, each strip [k][vectors of columns]; column g * units_of_tile + j of a tile is unit j of group g. */
typedef struct packing {
    int64_t k, units, groups, base, tiles;   /* k: of pairs where there are pairs; base: units of a full tile */
} packing;

static packing packing_of(int64_t k, int64_t units, uint32_t groups)
{
    int shift = groups == 1 ? 6 : groups == 2 ? 5 : 4; /* no division, which is long beside a product of one row */
    return (packing){ k, units, groups, 1 << shift, (units + (1 << shift) - 1) >> shift };
}

/* Units of tile t, and the same as a multiple of a vector. */
static inline int64_t tile_units(const packing *p, int64_t t)
{
    return p->units - t * p->base < p->base ? p->units - t * p->base : p->base;
}

static inline int64_t tile_width(const packing *p, int64_t t)
{
    return (tile_units(p, t) + TN_VL - 1) / TN_VL * TN_VL;
}

static inline int64_t tile_offset(const packing *p, int64_t t)
{
    return t * p->base * p->groups * p->k;
}

typedef struct pack_job { packing p; int products, transposed; int64_t k; const float *w; int64_t ldw; float *to; } pack_job; /* k: of W */

static void pack_tiles(void *ctx, int64_t from, int64_t to)
{
    const pack_job *j = ctx;
    const packing *p = &j->p;
    for (int64_t t = from; t < to; t++) {
        int64_t units = tile_units(p, t), width = tile_width(p, t), all = p->groups * width / TN_VL;
        for (int64_t s = 0, nv; s < all; s += nv) {
            nv = strip_width(all - s);
            for (int64_t v = s; v < s + nv; v++) {
                int64_t g = v * TN_VL / width, unit = v * TN_VL % width;
                float *at = j->to + tile_offset(p, t) + s * TN_VL * p->k + (v - s) * TN_VL;
                pack_strip_vector(j->products, at, nv * TN_VL, j->transposed, j->k, j->w, j->ldw, g * p->units + t * p->base + unit,
                                  units - unit);
            }
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

/* The tile of rows q->row .. and tile t of the units: sums over all of k in q->v. rows: those of x, or their pairs. */
static void tile_sums(const tn_product *p, const packing *k, int products, const float *const *rows, const tn_tile *q, int64_t t)
{
    int64_t own[STRIP], from[STRIP], all = k->groups * q->gs / TN_VL, whole = q->units == q->gs && k->k > 0;
    const float *w = (const float *)p->packed + tile_offset(k, t);
    if (!whole) tile_first(p, q);
    const float *x[ROW_BLOCK], *first[ROW_BLOCK], *sums[ROW_BLOCK];
    for (int64_t i = 0; i < q->rows; i++) {
        int64_t r = q->row + i;
        x[i] = rows[i];
        first[i] = p->init ? p->init + (p->init_row ? p->init_row[r] : r) * p->ld_init : NULL;
        sums[i] = q->v + i * q->ld;
    }
    for (int64_t k0 = 0, deep = k_step(k->k, K_BLOCK, in_blocks(products) ? BLOCK_PAIRS : 8); k0 < k->k; k0 += deep) {
        int in_v = k0 > 0 || !whole;
        int64_t unit = 0, group = q->unit;                 /* of a column: unit of its group, which begins at `group` */
        for (int64_t s0 = 0, nv; s0 < all; s0 += nv) {
            nv = strip_width(all - s0);
            for (int64_t v = 0; v < nv; v++, unit += TN_VL) {
                if (unit == q->gs) unit = 0, group += k->units;
                own[v] = (s0 + v) * TN_VL, from[v] = group + unit;
            }
            strip s = { q->rows, k->k - k0 < deep ? k->k - k0 : deep, 1, nv * TN_VL, x, w + s0 * TN_VL * k->k + k0 * nv * TN_VL,
                        in_v ? sums : p->init ? first : NULL, in_v ? own : from, q->v + s0 * TN_VL, q->ld, NULL, products };
            strip_run(nv, &s);
        }
        for (int64_t i = 0; k0 + deep < k->k && i < q->rows; i++) x[i] += deep;
    }
}

/* Pieces: block of rows by range of unit tiles. Where the weights are too many to stay in the cache, all rows pass by one
 * range of tiles before the next (by_tiles), else all tiles by one block of rows. */
typedef struct product_job {
    const tn_product *p;
    packing k;
    int64_t rows, row_blocks, tile_groups;
    int by_tiles, products;
    pool *of;                            /* whose scratch has the pairs of a block of rows                       */
} product_job;

static void product_tile(const product_job *job, int64_t row, int64_t rows, const float *const *x, int64_t t, float *scratch)
{
    const tn_product *p = job->p;
    const packing *k = &job->k;
    int64_t width = tile_width(k, t);
    tn_tile q = { row, rows, t * k->base, tile_units(k, t), scratch, k->groups * width, width };
    int straight = !p->done && k->groups == 1 && q.units == width && p->k > 0; /* y itself can take the sums */
    if (straight) q.v = p->y + row * p->ldy + q.unit, q.ld = p->ldy;
    tile_sums(p, k, job->products, x, &q, t);
    if (straight) return;
    if (p->done) {
        p->done(p->ctx, &q);
        return;
    }
    for (int64_t i = 0; i < rows; i++)
        for (int64_t g = 0; g < k->groups; g++)
            memcpy(p->y + (row + i) * p->ldy + g * k->units + q.unit, q.v + i * q.ld + g * q.gs, sizeof(float) * (size_t)q.units);
}

/* Where rows row .. of x lie, or of their pairs, which are made here. */
static void product_rows(const product_job *job, int64_t row, int64_t rows, const float **x)
{
    const tn_product *p = job->p;
    for (int64_t i = 0; i < rows; i++) {
        x[i] = p->x + (p->x_row ? p->x_row[row + i] : row + i) * p->ldx;
        if (job->products == FLOATS) continue;
        float *pairs = pool_inside(job->of)->scratch + i * pairs_row(p->k);
        pairs_of_row(job->products, pairs, x[i], p->k);
        x[i] = pairs;
    }
}

enum { FEW_TERMS = 16 };                 /* a chain waits for its own sums: where it is longer, several go side by side */
/* One row of floats by one strip of columns, which y takes as it is: a step of a network of a few cells, whose arithmetic is
 * less than what the general way does around it. The same chains. 0: another product. */
static int product_row(const tn_product *p, int products)
{
    int64_t step = (p->units + TN_VL - 1) / TN_VL * TN_VL;
    if (products != FLOATS || p->groups != 1 || p->done || p->k < 1 || p->k > FEW_TERMS || step > STRIP * TN_VL || p->rows != 1) return 0;
    const float *x = p->x + (p->x_row ? p->x_row[0] : 0) * p->ldx;
    const float *init = p->init ? p->init + (p->init_row ? p->init_row[0] : 0) * p->ld_init : NULL;
    for (int64_t j = 0; j < p->units; j += TN_VL) {
        const float *w = (const float *)p->packed + j;
        int64_t n = p->units - j;
        tn_vf sum = !init ? tn_set(0) : n < TN_VL ? tn_loadn(init + j, n) : tn_load(init + j);
        for (int64_t q = 0; q < p->k; q++, w += step) sum = tn_fma(tn_set(x[q]), tn_load(w), sum);
        if (n < TN_VL) tn_storen(p->y + j, sum, n);
        else tn_store(p->y + j, sum);
    }
    return 1;
}

static void product_pieces(void *ctx, int64_t from, int64_t to)
{
    const product_job *job = ctx;
    _Alignas(64) float v[TILE_FLOATS];
    const float *x[ROW_BLOCK];                                 /* not cleared: that takes longer than a small product  */
    int64_t tiles = job->k.tiles, groups = job->tile_groups, in_x = -1; /* in_x: the block whose rows x has          */
    for (int64_t piece = from; piece < to; piece++) {
        int64_t block = piece, part = 0;
        if (job->by_tiles) block = piece % job->row_blocks, part = piece / job->row_blocks;
        else if (groups > 1) block = piece / groups, part = piece % groups;
        int64_t row = block * job->rows, rows = job->p->rows - row < job->rows ? job->p->rows - row : job->rows;
        int64_t first = groups > 1 ? tiles * part / groups : 0, end = groups > 1 ? tiles * (part + 1) / groups : tiles;
        if (block != in_x) product_rows(job, row, rows, x), in_x = block;
        for (int64_t t = first; t < end; t++) product_tile(job, row, rows, x, t, v);
    }
    tiles_release();
}
#endif
