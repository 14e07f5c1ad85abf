/* Products of bf16 numbers whose sums are made by blocks of 32 numbers of k, as AMX makes them.
 *
 * For a block of 16 pairs (cpu_pairs.h), zeros where k ends within it,
 *     even = fma(a_30, b_30, ... fma(a_2, b_2, fma(a_0, b_0, 0)))
 *     odd  = fma(a_31, b_31, ... fma(a_3, b_3, fma(a_1, b_1, 0)))
 *     c   += even + odd
 * each step rounded once, to nearest, and flushed to zero: what tdpbf16ps does (Intel's manual, volume 2). So blocks count
 * from the first k of a product, and every cut of k lies between two of them. Processors without AMX compute the same bits
 * by fma, slower than products of floats.
 *
 * Both kernels read a strip of columns as those of cpu_chains.h do, and rows of A that lie a fixed distance apart. */
#ifndef CPU_BLOCKS_H
#define CPU_BLOCKS_H
#include "cpu_strip.h"
#if TN_VL == 16
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

/* A vector of columns, v, of one or four rows from `row` on. */
static inline __attribute__((always_inline)) void blocks_of_rows(const int rows, const strip *s, int64_t row, int64_t v)
{
    tn_vf c[4];
    for (int i = 0; i < rows; i++) c[i] = s->z ? tn_load(s->z[row + i] + s->z_at[v]) : tn_set(0);
    for (int64_t block = 0; block < s->k; block += BLOCK_PAIRS) {
        tn_vf even[4], odd[4];
        UNROLLED for (int i = 0; i < rows; i++) even[i] = odd[i] = tn_set(0);
        for (int64_t q = block; q < block + BLOCK_PAIRS; q++) {
            tn_vu b = (tn_vu)tn_load(s->w + q * s->w_step + v * TN_VL);
            UNROLLED for (int i = 0; i < rows; i++) {
                tn_vu a = (tn_vu)pairs_set(s->a[row + i] + q);
                even[i] = tn_fma((tn_vf)(a << 16), (tn_vf)(b << 16), even[i]);
                odd[i] = tn_fma((tn_vf)(a & 0xffff0000u), (tn_vf)(b & 0xffff0000u), odd[i]);
            }
        }
        UNROLLED for (int i = 0; i < rows; i++) c[i] = c[i] + (even[i] + odd[i]);
    }
    for (int i = 0; i < rows; i++) tn_store(s->to + (row + i) * s->ld + v * TN_VL, c[i]);
}

static void blocks_by_fma(int64_t nv, const strip *s)
{
    int64_t row = 0;
    for (; row + 4 <= s->rows; row += 4)
        for (int64_t v = 0; v < nv; v++) blocks_of_rows(4, s, row, v);
    for (; row < s->rows; row++)
        for (int64_t v = 0; v < nv; v++) blocks_of_rows(1, s, row, v);
}

#if TN_VL == 16
/* The tile registers: 0 to 3 have sums, of up to 16 rows by 16 columns: 0 and 1 of the first rows, 2 and 3 of the next ones;
 * 4 and 5 those rows of A, 16 pairs each; 6 and 7 two times 16 columns of W. Instructions stand as text, so that compilers
 * need not be told of a processor that they do not compile for; they know no tile registers and keep nothing in them. */
enum { TILE_ROWS = 16 };
#define TILE_LOAD(t, from, step) __asm__ volatile("tileloadd (%0,%1,1), %%tmm" #t : : "r"(from), "r"(4 * (step)) : "memory")
#define TILE_STORE(t, to, step) __asm__ volatile("tilestored %%tmm" #t ", (%0,%1,1)" : : "r"(to), "r"(4 * (step)) : "memory")
#define TILE_ZERO(t) __asm__ volatile("tilezero %%tmm" #t : : : "memory")
#define TILE_ADD(sums, a, b) __asm__ volatile("tdpbf16ps %%tmm" #b ", %%tmm" #a ", %%tmm" #sums : : : "memory")

/* How many rows the tiles of this thread are set to: setting them takes as long as many products. 0: they are released. */
static _Thread_local int64_t tiles_rows;

static void tiles_set(int64_t rows)
{
    struct { uint8_t palette, first, rsv[14]; uint16_t bytes[16]; uint8_t rows[16]; } shape = { .palette = 1 };
    if (rows == TILE_ROWS) rows = 2 * TILE_ROWS;                      /* the same tiles                            */
    if (rows == tiles_rows) return;
    uint8_t first = (uint8_t)(rows < TILE_ROWS ? rows : TILE_ROWS), next = (uint8_t)(rows > TILE_ROWS ? rows - TILE_ROWS : TILE_ROWS);
    const uint8_t of[8] = { first, first, next, next, first, next, TILE_ROWS, TILE_ROWS };
    for (int t = 0; t < 8; t++) shape.bytes[t] = 64, shape.rows[t] = of[t];
    __asm__ volatile("ldtilecfg %0" : : "m"(shape) : "memory");
    tiles_rows = rows;
}

/* First values of a tile register: row i at z + i * step; z NULL: zeros. */
typedef struct first_values { const float *z[STRIP]; int64_t step; } first_values; /* z: for each vector of columns            */

/* Where those of rows row .. lie: where s says, if these rows are a fixed distance apart, else they are copied to where the sums
 * go. */
static first_values values_of(const strip *s, int64_t nv, int64_t row, int64_t rows)
{
    first_values f = { { NULL }, s->ld };
    if (!s->z) return f;
    int64_t step = rows > 1 ? s->z[row + 1] - s->z[row] : 0, even = 1;
    for (int64_t i = row + 1; i < row + rows; i++) even &= s->z[i] - s->z[i - 1] == step;
    if (even) f.step = step;
    for (int64_t v = 0; v < nv; v++) f.z[v] = even ? s->z[row] + s->z_at[v] : s->to + row * s->ld + v * TN_VL;
    for (int64_t i = row; !even && i < row + rows; i++)
        for (int64_t v = 0; v < nv; v++) {
            const float *z = s->z[i] + s->z_at[v];
            tn_store(s->to + i * s->ld + v * TN_VL, tn_load(z));
            __builtin_prefetch(z + 16);                      /* of the next tile of units, while the epilogue computes   */
        }
    return f;
}

/* Sums of one or two tiles of rows by one or two of columns, from column v on. */
static inline __attribute__((always_inline)) void tiles_of(const int tall, const int wide, const strip *s, int64_t row, int64_t v,
                                                           const first_values *f)
{
    int64_t lda = s->rows > 1 ? s->a[1] - s->a[0] : 16;
    const float *a = s->a[row], *w = s->w + v * TN_VL, *const *z = f->z + v;
    float *to = s->to + row * s->ld + v * TN_VL, *below = to + TILE_ROWS * s->ld;
    if (s->z) {
        TILE_LOAD(0, z[0], f->step);
        if (wide == 2) TILE_LOAD(1, z[1], f->step);
        if (tall == 2) TILE_LOAD(2, z[0] + TILE_ROWS * f->step, f->step);
        if (tall == 2 && wide == 2) TILE_LOAD(3, z[1] + TILE_ROWS * f->step, f->step);
    } else {
        TILE_ZERO(0);
        if (wide == 2) TILE_ZERO(1);
        if (tall == 2) TILE_ZERO(2);
        if (tall == 2 && wide == 2) TILE_ZERO(3);
    }
    for (int64_t q = 0; q < s->k; q += BLOCK_PAIRS, w += BLOCK_PAIRS * s->w_step) {
        TILE_LOAD(4, a + q, lda);
        TILE_LOAD(6, w, s->w_step);
        TILE_ADD(0, 4, 6);
        if (wide == 2) TILE_LOAD(7, w + TN_VL, s->w_step);
        if (wide == 2) TILE_ADD(1, 4, 7);
        if (tall == 2) TILE_LOAD(5, a + TILE_ROWS * lda + q, lda);
        if (tall == 2) TILE_ADD(2, 5, 6);
        if (tall == 2 && wide == 2) TILE_ADD(3, 5, 7);
    }
    TILE_STORE(0, to, s->ld);
    if (wide == 2) TILE_STORE(1, to + TN_VL, s->ld);
    if (tall == 2) TILE_STORE(2, below, s->ld);
    if (tall == 2 && wide == 2) TILE_STORE(3, below + TN_VL, s->ld);
}

static void blocks_by_tiles(int64_t nv, const strip *s)
{
    for (int64_t row = 0, rows; row < s->rows; row += rows) {
        rows = s->rows - row < 2 * TILE_ROWS ? s->rows - row : 2 * TILE_ROWS;
        first_values f = values_of(s, nv, row, rows);
        for (int64_t i = row + rows; s->z && i < s->rows && i < row + rows + 2 * TILE_ROWS; i++) /* those of the next rows       */
            for (int64_t v = 0; v < nv; v++) __builtin_prefetch(s->z[i] + s->z_at[v]);
        tiles_set(rows);
        for (int64_t v = 0; v < nv; v += 2) {
            if (rows > TILE_ROWS && nv - v > 1) tiles_of(2, 2, s, row, v, &f);
            else if (rows > TILE_ROWS) tiles_of(2, 1, s, row, v, &f);
            else if (nv - v > 1) tiles_of(1, 2, s, row, v, &f);
            else tiles_of(1, 1, s, row, v, &f);
        }
    }
}

/* After the last pass of a piece of work: a thread whose tiles are set takes longer to put aside. */
static inline void tiles_release(void)
{
    if (tiles_rows) __asm__ volatile("tilerelease" : : : "memory");
    tiles_rows = 0;
}

/* Whether there are tiles, and Linux lets this process use them, which it asks to be asked. */
static int tiles_usable(void)
{
    enum { REQUEST = 0x1023, TILE_DATA = 18, AMX_BF16 = 1 << 22, AMX_TILE = 1 << 24 };
    unsigned a, b, c, d;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || ~d & (AMX_BF16 | AMX_TILE)) return 0;
#ifdef SYS_arch_prctl
    return syscall(SYS_arch_prctl, REQUEST, TILE_DATA) == 0;
#else
    return 0;
#endif
}
#else
static void blocks_by_tiles(int64_t nv, const strip *s) { blocks_by_fma(nv, s); }
static inline void tiles_release(void) { }
static int tiles_usable(void) { return 0; }
#endif

/* How this processor multiplies by blocks. */
static inline int blocks_best(void)
{
    return tiles_usable() ? BLOCKS_BY_TILES : BLOCKS_BY_FMA;
}
#endif
