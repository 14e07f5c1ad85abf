/* The inner kernel of all matrix products, and weights packed for it.
 *
 * A register tile of a few rows by up to four vectors is kept in registers while k runs: three rows of four 8-lane
 * vectors fill the sixteen registers of AVX2, six rows of four the thirty-two of AVX-512 and NEON. Each element is
 * one chain of fma in the order of k (of pairs: cpu_pairs.h), whatever tile it falls in: that is why no cut of rows,
 * columns or k blocks changes a bit. Edges go through the same kernel on columns of zeros.                   */
#ifndef CPU_TILE_H
#define CPU_TILE_H
#include "tenon/vec.h"
#include "cpu_pairs.h"
#include "cpu_pool.h"

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

/* a b + c, the sum in the register where c was: left to itself the compiler lets sums wander between registers, and moves and
 * spills them where a loop is unrolled. */
static inline __attribute__((always_inline)) tn_vf add_product(const int products, tn_vf a, tn_vf b, tn_vf c)
{
    if (products != FLOATS) return pairs_add_product(products, a, b, c);
#if TN_VL >= 8
    __asm__("vfmadd231ps %2, %1, %0" : "+v"(c) : "v"(a), "v"(b));
    return c;
#else
    return tn_fma(a, b, c);
#endif
}

static inline __attribute__((always_inline)) tn_vf tile_set(const int products, const float *x)
{
    return products == FLOATS ? tn_set(*x) : pairs_set(x);
}

/* c += a w for one q: a[i][q * a_step] times the row of W at w. */
static inline __attribute__((always_inline)) void tile_step(const int products, const int mr, const int nv, const float *const *a,
                                                            int64_t q, const float *w, tn_vf c[8][STRIP])
{
    tn_vf x[8];
    if (mr <= nv) {                      /* the shorter side is held, the longer one passes: else a register is missing */
        UNROLLED for (int i = 0; i < mr; i++) x[i] = tile_set(products, a[i] + q);
        UNROLLED for (int v = 0; v < nv; v++) {
            tn_vf b = tn_load(w + v * TN_VL);
            UNROLLED for (int i = 0; i < mr; i++) c[i][v] = add_product(products, x[i], b, c[i][v]);
        }
    } else {
        UNROLLED for (int v = 0; v < nv; v++) x[v] = tn_load(w + v * TN_VL);
        UNROLLED for (int i = 0; i < mr; i++) {
            tn_vf b = tile_set(products, a[i] + q);
            UNROLLED for (int v = 0; v < nv; v++) c[i][v] = add_product(products, b, x[v], c[i][v]);
        }
    }
}

/* to = z + a w for rows i .. i + mr - 1 and nv vectors. a_step: a constant, for packed columns of W; 0: steps as s says. */
static inline __attribute__((always_inline)) void tile_kernel(const int products, const int mr, const int nv, const int a_step,
                                                              const strip *s, int64_t row)
{
    tn_vf c[8][STRIP];
    const float *a[8], *w = s->w;
    UNROLLED for (int i = 0; i < mr; i++) {
        a[i] = s->a[row + i];
        UNROLLED for (int v = 0; v < nv; v++) c[i][v] = s->z ? tn_load(s->z[row + i] + s->z_at[v]) : tn_set(0);
    }
    int64_t k = s->k, q = 0, step = a_step ? a_step : s->a_step, w_step = a_step ? nv * TN_VL : s->w_step;
    for (; a_step && q + 4 <= k; q += 4, w += 4 * w_step)
        UNROLLED for (int u = 0; u < 4; u++) tile_step(products, mr, nv, a, (q + u) * step, w + u * w_step, c);
    for (; q < k; q++, w += w_step) tile_step(products, mr, nv, a, q * step, w, c);
    float *to = s->to + row * s->ld;
    UNROLLED for (int i = 0; i < mr; i++)
        UNROLLED for (int v = 0; v < nv; v++) tn_store(to + i * s->ld + v * TN_VL, c[i][v]);
}

/* First values of the next rows: they come from outer caches, and the sums cannot begin without them. */
static inline __attribute__((always_inline)) void first_ahead(const int nv, const strip *s, int64_t from, int64_t rows)
{
    int64_t end = from + rows < s->rows ? from + rows : s->rows;
    for (int64_t i = from; i < end; i++)
        UNROLLED for (int v = 0; v < nv; v += TN_VL < 16 ? 16 / TN_VL : 1) __builtin_prefetch(s->z[i] + s->z_at[v]);
}

#define STRIP_OF(name, products, nv, a_step)                                                \
    static void name##_##nv(const strip *s)                                             \
    {                                                                                   \
        for (int64_t i = 0, mr; i < s->rows; i += mr) {                                 \
            mr = next_rows(s->rows - i, MOST_##nv);                                     \
            if (s->z) first_ahead(nv, s, i + mr, mr);                                   \
            if (s->next) ahead_some(s->next), ahead_some(s->next + 1);                  \
            switch (mr) {                                                               \
            case 1: tile_kernel(products, 1, nv, a_step, s, i); break;                            \
            case 2: if (2 <= MOST_##nv) tile_kernel(products, 2, nv, a_step, s, i); break;        \
            case 3: if (3 <= MOST_##nv) tile_kernel(products, 3, nv, a_step, s, i); break;        \
            case 4: if (4 <= MOST_##nv) tile_kernel(products, 4, nv, a_step, s, i); break;        \
            case 5: if (5 <= MOST_##nv) tile_kernel(products, 5, nv, a_step, s, i); break;        \
            case 6: if (6 <= MOST_##nv) tile_kernel(products, 6, nv, a_step, s, i); break;        \
            case 7: if (7 <= MOST_##nv) tile_kernel(products, 7, nv, a_step, s, i); break;        \
            default: if (8 <= MOST_##nv) tile_kernel(products, 8, nv, a_step, s, i); break;       \
            }                                                                           \
        }                                                                               \
    }
#if TN_VL == 8                       /* rows of the register tile by vectors of columns                      */
enum { MOST_1 = 6, MOST_2 = 6, MOST_3 = 4, MOST_4 = 3 };
#elif defined __x86_64__ && !defined __FMA__ /* each fma is a call: there is nothing to keep in registers     */
enum { MOST_1 = 1, MOST_2 = 1, MOST_3 = 1, MOST_4 = 1 };
#else
enum { MOST_1 = 8, MOST_2 = 8, MOST_3 = 8, MOST_4 = 6 };
#endif
#define STRIPS_OF(name, products, a_step)                                               \
    STRIP_OF(name, products, 1, a_step) STRIP_OF(name, products, 2, a_step)             \
    STRIP_OF(name, products, 3, a_step) STRIP_OF(name, products, 4, a_step)
STRIPS_OF(strip_rows, FLOATS, 1) STRIPS_OF(strip_panels, FLOATS, PANEL) STRIPS_OF(strip_any, FLOATS, 0) /* columns packed, a row */
STRIPS_OF(pairs_rows, PAIRS_BY_FMA, 1) STRIPS_OF(pairs_panels, PAIRS_BY_FMA, PANEL)                  /* by row or in panels; any */
#if TN_VL == 16
STRIPS_OF(bf16_rows, PAIRS_BY_INSTRUCTION, 1) STRIPS_OF(bf16_panels, PAIRS_BY_INSTRUCTION, PANEL)
#endif

/* Vectors of the next strip where `left` remain: never one alone but for the only one, since that is slow. */
static inline int64_t strip_width(int64_t left)
{
    return left == STRIP + 1 ? STRIP - 1 : left < STRIP ? left : STRIP;
}

static inline void strip_run(int64_t nv, const strip *s)
{
    typedef void one(const strip *);
#define EACH_WIDTH(name) { name##_1, name##_2, name##_3, name##_4 }
    static one *const any[STRIP] = EACH_WIDTH(strip_any);
    static one *const of[PRODUCTS][2][STRIP] = {
        [FLOATS] = { EACH_WIDTH(strip_rows), EACH_WIDTH(strip_panels) },
        [PAIRS_BY_FMA] = { EACH_WIDTH(pairs_rows), EACH_WIDTH(pairs_panels) },
#if TN_VL == 16
        [PAIRS_BY_INSTRUCTION] = { EACH_WIDTH(bf16_rows), EACH_WIDTH(bf16_panels) },
#endif
    };
    if (nv < 1 || nv > STRIP) return;      /* never: the compiler knows its table's bounds then                 */
    int packed = s->w_step == nv * TN_VL && (s->a_step == 1 || s->a_step == PANEL);
    (packed ? of[s->products][s->a_step == PANEL] : any)[nv - 1](s);
}

/* How much of k goes at once: equal blocks of `most` at most. */
static inline int64_t k_step(int64_t k, int64_t most)
{
    int64_t blocks = (k + most - 1) / most;
    return blocks < 2 ? most : ((k + blocks - 1) / blocks + 7) / 8 * 8;
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

/* Packed weights. Units come in tiles of 64 for one group, 32 for two, 16 for more, so that a tile is 64 columns
 * or a little more; in the last tile units are rounded up to whole vectors. A tile is cut into strips of about four
 * vectors, each strip [k][vectors of columns]; column g * units_of_tile + j of a tile is unit j of group g. */
typedef struct packing {
    int64_t k, units, groups, base, tiles;   /* k: of pairs where there are pairs; base: units of a full tile */
} packing;

static packing packing_of(int64_t k, int64_t units, uint32_t groups)
{
    packing p = { k, units, groups, groups == 1 ? 64 : groups == 2 ? 32 : 16, 0 };
    p.tiles = (units + p.base - 1) / p.base;
    return p;
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
    void (*pack_one)(float *, int64_t, int, int64_t, const float *, int64_t, int64_t, int64_t) =
        j->products == FLOATS ? pack_vector : pack_vector_pairs;
    for (int64_t t = from; t < to; t++) {
        int64_t units = tile_units(p, t), width = tile_width(p, t), all = p->groups * width / TN_VL;
        for (int64_t s = 0, nv; s < all; s += nv) {
            nv = strip_width(all - s);
            for (int64_t v = s; v < s + nv; v++) {
                int64_t g = v * TN_VL / width, unit = v * TN_VL % width;
                float *at = j->to + tile_offset(p, t) + s * TN_VL * p->k + (v - s) * TN_VL;
                pack_one(at, nv * TN_VL, j->transposed, j->k, j->w, j->ldw, g * p->units + t * p->base + unit, units - unit);
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
    for (int64_t k0 = 0, deep = k_step(k->k, K_BLOCK); k0 < k->k; k0 += deep) {
        int in_v = k0 > 0 || !whole;
        for (int64_t s0 = 0, nv; s0 < all; s0 += nv) {
            nv = strip_width(all - s0);
            for (int64_t v = 0; v < nv; v++) {
                int64_t c = (s0 + v) * TN_VL;
                own[v] = c, from[v] = c / q->gs * k->units + q->unit + c % q->gs;
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
        pairs_along(pairs, x[i], p->k);
        x[i] = pairs;
    }
}

static void product_pieces(void *ctx, int64_t from, int64_t to)
{
    const product_job *job = ctx;
    _Alignas(64) float v[TILE_FLOATS];
    const float *x[ROW_BLOCK] = { NULL };
    int64_t tiles = job->k.tiles, in_x = -1;                   /* the block whose rows x has                      */
    for (int64_t piece = from; piece < to; piece++) {
        int64_t block = job->by_tiles ? piece % job->row_blocks : piece / job->tile_groups;
        int64_t part = job->by_tiles ? piece / job->row_blocks : piece % job->tile_groups;
        int64_t row = block * job->rows, rows = job->p->rows - row < job->rows ? job->p->rows - row : job->rows;
        if (block != in_x) product_rows(job, row, rows, x), in_x = block;
        for (int64_t t = tiles * part / job->tile_groups; t < tiles * (part + 1) / job->tile_groups; t++)
            product_tile(job, row, rows, x, t, v);
    }
}
#endif
