/* kernels [BACKEND.so [PRECISION]] -- what share of the processor's fma rate the cpu backend's products reach, one thread. The fma
 * loop is measured in the same run, in turn with each shape. A line: operation, rows x columns x k, GF/s, its share of
 * the fma loop, which multiplies floats (medians; best). Built for each instruction set.                     */
#include "../tests/backend.h"
#include "clock.h"

static int order(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

typedef struct job { int kind; int64_t m, n, k; uint32_t groups; } job; /* kind 0 product, 1 gemm, 2 outer_add, 3 gemm tb */

static void nothing(void *ctx, const tn_tile *tile) { (void)ctx, (void)tile; }

/* A product of several groups ends in an epilogue on the finished tile, as a recurrent layer's does: here it does nothing. */
static void one(tn_be *be, const job *j, const float *a, const float *b, const void *packed, float *c)
{
    int64_t ldb = j->kind == 3 ? j->k : j->n;
    tn_product p = { sizeof p, j->groups, j->m, j->k, j->n / j->groups, a, j->k, NULL, NULL, 0, NULL, packed,
                     j->groups > 1 ? nothing : NULL, NULL, c, j->n };
    if (j->kind == 0) be->ops->product(be, &p);
    else if (j->kind == 2) be->ops->outer_add(be, j->k, j->m, a, j->m, j->n, b, j->n, NULL, c, j->n, NULL);
    else be->ops->gemm(be, 0, j->kind == 3, j->m, j->n, j->k, a, j->k, b, ldb, 1, c, j->n);
}

static void measure(tn_be *be, const job *j)
{
    static const char *const names[] = { "product", "gemm", "outer add", "gemm tb" };
    enum { ROUNDS = 41 };
    float *a = floats(j->m * j->k), *b = floats(j->n * j->k), *c = floats(j->m * j->n);
    void *packed = be->ops->alloc(be, (size_t)be->ops->pack_size(be, j->k, j->n / j->groups, j->groups));
    double flop = 2.0 * (double)j->m * (double)j->n * (double)j->k, rate[ROUNDS], share[ROUNDS];
    long times = (long)(1e8 / flop) + 1;
    be->ops->pack(be, 1, j->k, j->n / j->groups, j->groups, b, j->k, packed);
    for (int r = 0; r < ROUNDS; r++) {
        double start = seconds_of(CLOCK_THREAD_CPUTIME_ID);
        for (long i = 0; i < times; i++) one(be, j, a, b, packed, c);
        rate[r] = flop * (double)times / (seconds_of(CLOCK_THREAD_CPUTIME_ID) - start) * 1e-9;
        share[r] = rate[r] / fma_loop(CLOCK_THREAD_CPUTIME_ID);
    }
    qsort(rate, ROUNDS, sizeof *rate, order), qsort(share, ROUNDS, sizeof *share, order);
    printf("%-9s %5ld x %4ld x %5ld  groups %u   %6.1f GF/s   %3.0f %%  (best %3.0f %%)\n",
           names[j->kind], (long)j->m, (long)j->n, (long)j->k, j->groups,
           rate[ROUNDS / 2], 100 * share[ROUNDS / 2], 100 * share[ROUNDS - 1]);
    be->ops->release(be, packed);
    free(a), free(b), free(c);
}

int main(int argc, char **argv)
{
    static const job jobs[] = { { 0, 32, 128, 32, 4 }, { 0, 64, 128, 32, 4 }, { 0, 32, 256, 64, 4 }, { 0, 32, 512, 128, 4 },
        { 0, 16, 512, 128, 4 }, { 0, 20, 800, 200, 4 }, { 0, 20, 2600, 650, 4 }, { 0, 32, 128, 512, 1 }, { 0, 16, 128, 512, 1 },
        { 0, 2560, 512, 128, 1 }, { 1, 2560, 128, 512, 1 }, { 1, 400, 200, 10000, 1 }, { 2, 512, 128, 2560, 1 },
        { 2, 128, 32, 25600, 1 }, { 2, 10000, 200, 400, 1 }, { 2, 2600, 650, 700, 1 },
        { 3, 2560, 512, 128, 1 }, { 3, 400, 10000, 200, 1 }, { 3, 32, 2, 128, 1 } };
    backend b;
#if defined(__AVX512F__)
    if (!__builtin_cpu_supports("avx512f")) return puts("this processor has no AVX-512"), 0;
#elif defined(__AVX2__)
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return puts("this processor has no AVX2 or no fma"), 0;
#endif
    const tn_desc *desc = load_part(argc > 1 ? argv[1] : BACKEND);
    int32_t config[64] = { 0 };
    if (desc && argc > 2 && !choose_option(desc, "precision", argv[2], config)) return printf("no precision '%s'\n", argv[2]), 1;
    if (!desc || backend_start(&b, desc, 1, config, "cpu")) return 1;
    printf("fma loop: %.1f GF/s with %d lanes\n", fma_loop(CLOCK_THREAD_CPUTIME_ID), TN_VL);
    for (size_t i = 0; i < sizeof jobs / sizeof *jobs; i++) measure(&b.be, &jobs[i]);
    backend_stop(&b);
    return 0;
}
