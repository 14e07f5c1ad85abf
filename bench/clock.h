/* clock.h -- times, and the loop of independent multiply-adds that products are held against. */
#ifndef BENCH_CLOCK_H
#define BENCH_CLOCK_H
#include "tenon/vec.h"
#include <time.h>

static inline double seconds_of(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* GF/s of independent fma chains on one thread. Every accumulator is pinned, or the compiler folds one away. */
static double fma_loop(clockid_t clock)
{
    enum { CHAINS = 12, TURNS = 200000 };
    tn_vf c[CHAINS], x = tn_set(0.999f), y = tn_set(0.001f);
    _Pragma("GCC unroll 12") for (int i = 0; i < CHAINS; i++) c[i] = tn_set((float)i);
    double start = seconds_of(clock);
    for (int k = 0; k < TURNS; k++) {
        _Pragma("GCC unroll 12") for (int i = 0; i < CHAINS; i++) {
            c[i] = tn_fma(x, y, c[i]);
#if defined(__x86_64__)
            __asm__ volatile("" : "+v"(c[i]));
#else
            __asm__ volatile("" : "+w"(c[i]));
#endif
        }
    }
    double seconds = seconds_of(clock) - start;
    tn_vf sum = c[0];
    _Pragma("GCC unroll 12") for (int i = 1; i < CHAINS; i++) sum = sum + c[i];
    volatile float keep = sum[0];
    (void)keep;
    return 1e-9 * CHAINS * TURNS * 2 * TN_VL / seconds;
}
#endif
