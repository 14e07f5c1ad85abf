/* Products of bf16 numbers, summed in float: two numbers that follow each other in k lie as a pair in the place of one float,
 * so that packed weights and blocks of cpu_tile.h and cpu_gemm.h, and the kernel of cpu_chains.h, stay as they are, half as deep.
 *
 * A number is rounded to the nearest bf16, which has the exponent of a float and 8 bits of precision; of two as near, to the
 * even one; below 2^-126 it is zero. For a pair
 *     c += a b  =  fma(a_even, b_even, fma(a_odd, b_odd, c))
 * is what the instruction of AVX512-BF16, vdpbf16ps, computes: in that order, each fma rounded once, to nearest, and
 * flushed to zero (Intel's manual), as the pool's threads are set to. Where a processor lacks it, two fma and what takes
 * pairs apart stand for it, with the same bits, slower than products of floats.                             */
#ifndef CPU_PAIRS_H
#define CPU_PAIRS_H
#include "tenon/vec.h"

/* What a kernel multiplies, and how: the last two sum pairs by blocks (cpu_blocks.h). */
enum { FLOATS, PAIRS_BY_FMA, PAIRS_BY_INSTRUCTION, BLOCKS_BY_FMA, BLOCKS_BY_TILES };
enum { BLOCK_PAIRS = 16 };               /* of a block                                                       */

static inline int in_blocks(int products)
{
    return products >= BLOCKS_BY_FMA;
}

/* Numbers in k numbers of a product: k floats, or pairs, with zeros where an odd k or a block ends. */
static inline int64_t pairs_of(int products, int64_t k)
{
    int64_t pairs = (k + 1) / 2;
    return products == FLOATS ? k : in_blocks(products) ? (pairs + BLOCK_PAIRS - 1) / BLOCK_PAIRS * BLOCK_PAIRS : pairs;
}

/* Floats between rows of pairs: rows begin at whole lines, and not a multiple of the cache's period apart. */
static inline int64_t pairs_row(int64_t k)
{
    int64_t lines = ((k + 1) / 2 + 15) / 16;
    return 16 * (lines + (lines % 32 == 0));
}

/* Each lane rounded to a bf16, which is the upper half of a float. */
static inline tn_vu pairs_round(tn_vf x)
{
    tn_vu u = (tn_vu)x, sign = u & 0x80000000u, zero = { 0 };
    tn_vu nearest = u + 0x7fff + (u >> 16 & 1);
    tn_vu is_nan = (tn_vu)((u << 1) > zero + 0xff000000u), is_small = (tn_vu)((u << 1) < zero + 0x01000000u);
    nearest = (is_nan & 0x7fc00000u) | (~is_nan & nearest); /* one NaN: of two, each way of multiplying keeps another */
    return ((is_small & sign) | (~is_small & nearest)) & 0xffff0000u;
}

/* Whether the processor has the instructions of AVX512-BF16, as every one with AMX does: set before the first product. */
#if TN_VL == 16
static int pairs_instructions;
static void pairs_look(void)
{
    __builtin_cpu_init();
    pairs_instructions = __builtin_cpu_supports("avx512bf16") != 0;
}
#else
enum { pairs_instructions = 0 };
static void pairs_look(void) { }
#endif

#if TN_VL == 16
/* The bf16 of x in the lower half, of y in the upper one. It rounds as pairs_round does, but for what of a NaN is kept. */
static inline __m512i pairs_of_two(tn_vf x, tn_vf y)
{
    __m512i both;
    __asm__("vcvtne2ps2bf16 %1, %2, %0" : "=v"(both) : "v"(x), "v"(y));
    return both;
}
#endif

/* TN_VL pairs (x[j], y[j]): of two rows of a matrix, one below the other. */
static inline tn_vf pairs_across(tn_vf x, tn_vf y)
{
#if TN_VL == 16
    typedef short words __attribute__((vector_size(64)));
    static const words by_turns = { 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23,
                                    8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31 };
    if (pairs_instructions) return (tn_vf)_mm512_permutexvar_epi16((__m512i)by_turns, pairs_of_two(x, y));
#endif
    return (tn_vf)(pairs_round(x) >> 16 | pairs_round(y));
}

/* Pairs (x[0], x[1]), (x[2], x[3]) ... of k numbers; `to` has room for whole vectors. */
static inline void pairs_along(float *to, const float *x, int64_t k)
{
    typedef uint16_t halves __attribute__((vector_size(2 * TN_VL)));
    unsigned char *at = (unsigned char *)to;
    int64_t q = 0;
#if TN_VL == 16
    for (; pairs_instructions && q + 32 <= k; q += 32, at += 64)
        _mm512_storeu_si512(at, pairs_of_two(tn_load(x + q), tn_load(x + q + 16)));
#endif
    for (; q < k; q += TN_VL, at += sizeof(halves)) {
        halves h = __builtin_convertvector(pairs_round(k - q < TN_VL ? tn_loadn(x + q, k - q) : tn_load(x + q)) >> 16, halves);
        memcpy(at, &h, sizeof h);
    }
}

/* The same of a row of a product, and the zeros behind it. */
static inline void pairs_of_row(int products, float *to, const float *x, int64_t k)
{
    pairs_along(to, x, k);
    for (int64_t q = (k + 1) / 2; q < pairs_of(products, k); q++) to[q] = 0;
}

/* The same pair in every lane. Its bits may be those of no normal float, so no arithmetic of floats touches them. */
static inline tn_vf pairs_set(const float *pair)
{
    uint32_t bits;
    memcpy(&bits, pair, sizeof bits);
    tn_vu zero = { 0 };
    return (tn_vf)(zero + bits);
}

/* c + a b for each lane of pairs */
static inline __attribute__((always_inline)) tn_vf pairs_add_product(const int products, tn_vf a, tn_vf b, tn_vf c)
{
#if TN_VL == 16
    if (products == PAIRS_BY_INSTRUCTION) {
        __asm__("vdpbf16ps %2, %1, %0" : "+v"(c) : "v"(a), "v"(b));
        return c;
    }
#endif
    (void)products;
    tn_vu x = (tn_vu)a, y = (tn_vu)b;
    c = tn_fma((tn_vf)(x & 0xffff0000u), (tn_vf)(y & 0xffff0000u), c);
    return tn_fma((tn_vf)(x << 16), (tn_vf)(y << 16), c);
}

/* How this processor multiplies pairs. */
static inline int pairs_best(void)
{
    return pairs_instructions ? PAIRS_BY_INSTRUCTION : PAIRS_BY_FMA;
}
#endif
