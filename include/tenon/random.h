/* random.h -- Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC11).
 * A counter-based generator has no state to save: the numbers of element i are a function of (rng, i), so
 * they are the same in any order, on any number of threads and after a resume.                             */
#ifndef TENON_RANDOM_H
#define TENON_RANDOM_H
#include <math.h>
#include "tenon.h"

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
