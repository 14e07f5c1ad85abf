/* random.h -- Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC11).
 * A counter-based generator has no state to save: the numbers of element i are a function of (rng, i), so
 * they are the same in any order, on any number of threads and after a resume.                             */
#ifndef TENON_RANDOM_H
#define TENON_RANDOM_H
#include <math.h>
#include <string.h>
#include "tenon.h"
#if defined(__AVX2__) || defined(__AVX512F__)
#include <immintrin.h>
#endif

/* The four 32-bit words at counter (block, rng.ctr) under rng.key. */
static inline void tn_random4(tn_rng rng, uint64_t block, uint32_t out[4])
{
    uint32_t c0 = (uint32_t)block, c1 = (uint32_t)(block >> 32), c2 = (uint32_t)rng.ctr, c3 = (uint32_t)(rng.ctr >> 32);
    uint32_t k0 = (uint32_t)rng.key, k1 = (uint32_t)(rng.key >> 32);
    for (int round = 0; round < 10; round++) {
        uint64_t a = (uint64_t)0xD2511F53u * c0, b = (uint64_t)0xCD9E8D57u * c2;
        uint32_t n0 = (uint32_t)(b >> 32) ^ c1 ^ k0, n2 = (uint32_t)(a >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)b, c3 = (uint32_t)a, c0 = n0, c2 = n2;
        k0 += 0x9E3779B9u, k1 += 0xBB67AE85u;
    }
    out[0] = c0, out[1] = c1, out[2] = c2, out[3] = c3;
}

#if defined(__AVX512F__)
typedef uint64_t tn_random_lanes __attribute__((vector_size(64))); /* one block a lane; its upper half is never read */
#define TN_RANDOM_SET(x)    (tn_random_lanes)_mm512_set1_epi64((int64_t)(x))
#define TN_RANDOM_MUL(a, b) (tn_random_lanes)_mm512_mul_epu32((__m512i)(a), (__m512i)(b))
#define TN_RANDOM_COUNT     (tn_random_lanes)_mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0)
#define TN_RANDOM_FIRST(a, b)  __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11)    /* lanes of a and b in turn */
#define TN_RANDOM_SECOND(a, b) __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15)
#elif defined(__AVX2__)
typedef uint64_t tn_random_lanes __attribute__((vector_size(32)));
#define TN_RANDOM_SET(x)    (tn_random_lanes)_mm256_set1_epi64x((int64_t)(x))
#define TN_RANDOM_MUL(a, b) (tn_random_lanes)_mm256_mul_epu32((__m256i)(a), (__m256i)(b))
#define TN_RANDOM_COUNT     (tn_random_lanes)_mm256_set_epi64x(3, 2, 1, 0)
#define TN_RANDOM_FIRST(a, b)  __builtin_shufflevector(a, b, 0, 4, 1, 5)
#define TN_RANDOM_SECOND(a, b) __builtin_shufflevector(a, b, 2, 6, 3, 7)
#endif

/* All words of `blocks` blocks, from number `block` on: out[4 i + k] is word k of block + i. The same words as by
 * tn_random4, several blocks at a time where the processor can. */
static inline void tn_random_words(tn_rng rng, uint64_t block, int64_t blocks, uint32_t *out)
{
    int64_t done = 0;
#if defined(__AVX2__) || defined(__AVX512F__)
    enum { LANES = sizeof(tn_random_lanes) / 8, SETS = 2 }; /* sets hide the time that a product takes */
    for (; done + SETS * LANES <= blocks; done += SETS * LANES) {
        tn_random_lanes c0[SETS], c1[SETS], c2[SETS], c3[SETS], m0 = TN_RANDOM_SET(0xD2511F53u), m1 = TN_RANDOM_SET(0xCD9E8D57u);
        uint32_t k0 = (uint32_t)rng.key, k1 = (uint32_t)(rng.key >> 32);
        _Pragma("GCC unroll 4") for (int s = 0; s < SETS; s++) {
            c0[s] = TN_RANDOM_SET(block + (uint64_t)(done + s * (int)LANES)) + TN_RANDOM_COUNT;
            c1[s] = c0[s] >> 32;
            c2[s] = TN_RANDOM_SET(rng.ctr), c3[s] = TN_RANDOM_SET(rng.ctr >> 32);
        }
        for (int round = 0; round < 10; round++) {
            _Pragma("GCC unroll 4") for (int s = 0; s < SETS; s++) {
                tn_random_lanes a = TN_RANDOM_MUL(m0, c0[s]), b = TN_RANDOM_MUL(m1, c2[s]);
                c0[s] = (b >> 32) ^ c1[s] ^ TN_RANDOM_SET(k0), c2[s] = (a >> 32) ^ c3[s] ^ TN_RANDOM_SET(k1);
                c1[s] = b, c3[s] = a;
            }
            k0 += 0x9E3779B9u, k1 += 0xBB67AE85u;
        }
        _Pragma("GCC unroll 4") for (int s = 0; s < SETS; s++) {
            tn_random_lanes low = TN_RANDOM_SET(0xFFFFFFFFu), a = (c0[s] & low) | (c1[s] << 32), b = (c2[s] & low) | (c3[s] << 32);
            tn_random_lanes first = TN_RANDOM_FIRST(a, b), second = TN_RANDOM_SECOND(a, b);
            memcpy(out + 4 * (done + s * (int)LANES), &first, sizeof first);
            memcpy(out + 4 * (done + s * (int)LANES) + 2 * LANES, &second, sizeof second);
        }
    }
#endif
    for (; done < blocks; done++) tn_random4(rng, block + (uint64_t)done, out + 4 * done);
}

/* Word i of the sequence: element i of a tensor, say. */
static inline uint32_t tn_random_u32(tn_rng rng, uint64_t i)
{
    uint32_t w[4];
    tn_random4(rng, i >> 2, w);
    return w[i & 3];
}

/* [0, 1) with 24 bits: exact in float, and the same bits everywhere. */
static inline float tn_random_uniform(tn_rng rng, uint64_t i)
{
    return (float)(tn_random_u32(rng, i) >> 8) * (1.0f / 16777216.0f);
}

/* [0, 1) with 53 bits. */
static inline double tn_random_real(tn_rng rng, uint64_t i)
{
    uint32_t w[4];
    tn_random4(rng, i, w);
    return (double)(((uint64_t)w[0] << 21) ^ (w[1] >> 11)) * (1.0 / 9007199254740992.0);
}

/* Standard normal by Box and Muller, two words a number. */
static inline double tn_random_normal(tn_rng rng, uint64_t i)
{
    uint32_t w[4];
    tn_random4(rng, i, w);
    double u = ((double)w[0] + 0.5) * (1.0 / 4294967296.0), v = ((double)w[1] + 0.5) * (1.0 / 4294967296.0);
    return sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v);
}

/* An independent stream: the same counters under another key. */
static inline tn_rng tn_random_fork(tn_rng rng, uint64_t salt)
{
    uint64_t z = rng.key + 0x9E3779B97F4A7C15u * (salt + 1);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    rng.key = z ^ (z >> 31);
    return rng;
}
#endif
