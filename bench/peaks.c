/* peaks [THREADS] -- what so many threads of this processor reach together: multiply-adds in registers, sigmoid and tanh in
 * the first cache, and a = b + s c on arrays that no cache holds. One line of JSON, each the best of some rounds.
 * bench/compare makes the floor of a training step from it. Built for each instruction set.                       */
#include "clock.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { ROUNDS = 7, TRIAD = 4 << 20, NEAR = 2048 };
typedef struct worker { pthread_t id; pthread_barrier_t *together; float *a, *b, *c; double rate[3]; } worker;

/* 1e9 gates a second: two of three are sigmoid, as in an lstm. */
static double functions(float *x, float *y)
{
    enum { TURNS = 300 };
    double start = seconds_of(CLOCK_MONOTONIC);
    for (int k = 0; k < TURNS; k++)
        for (int i = 0; i < NEAR; i += TN_VL) {
            tn_vf v = tn_load(x + i);
            tn_store(y + i, k % 3 == 2 ? tn_tanh(v) : tn_sigmoid(v));
        }
    return 1e-9 * TURNS * NEAR / (seconds_of(CLOCK_MONOTONIC) - start);
}

/* 1e9 bytes a second, read and written. */
static double triad(const float *a, const float *b, float *c)
{
    double start = seconds_of(CLOCK_MONOTONIC);
    for (int i = 0; i < TRIAD; i += TN_VL) tn_store(c + i, tn_fma(tn_set(0.5f), tn_load(b + i), tn_load(a + i)));
    return 1e-9 * 3 * sizeof *a * TRIAD / (seconds_of(CLOCK_MONOTONIC) - start);
}

static void *work(void *argument)
{
    worker *w = argument;
    for (int i = 0; i < TRIAD; i++) w->a[i] = w->b[i] = (float)(i % 7), w->c[i] = 0;
    for (int k = 0; k < 3; k++) {
        pthread_barrier_wait(w->together);
        w->rate[k] = k == 0 ? fma_loop(CLOCK_MONOTONIC) : k == 1 ? functions(w->a, w->b) : triad(w->a, w->b, w->c);
    }
    return NULL;
}

int main(int argc, char **argv)
{
#if defined(__AVX512F__)
    if (!__builtin_cpu_supports("avx512f")) return 1;
#elif defined(__AVX2__)
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return 1;
#endif
    int threads = argc > 1 ? atoi(argv[1]) : 1;
    double best[3] = { 0, 0, 0 };
    worker *w = calloc((size_t)(threads > 0 ? threads : 1), sizeof *w);
    if (threads < 1 || !w) return 2;
    for (int i = 0; i < threads; i++) {
        float *memory = aligned_alloc(64, sizeof(float) * 3 * TRIAD);
        if (!memory) return 2;
        w[i] = (worker){ .a = memory, .b = memory + TRIAD, .c = memory + 2 * TRIAD };
    }
    for (int r = 0; r < ROUNDS; r++) {
        pthread_barrier_t together;
        pthread_barrier_init(&together, NULL, (unsigned)threads);
        int begun = 0;
        for (int i = 0; i < threads; i++) w[i].together = &together;
        while (begun < threads && !pthread_create(&w[begun].id, NULL, work, &w[begun])) begun++;
        if (begun < threads) return 2;
        for (int i = 0; i < threads; i++) pthread_join(w[i].id, NULL);
        for (int k = 0; k < 3; k++) {
            double sum = 0;
            for (int i = 0; i < threads; i++) sum += w[i].rate[k];
            if (sum > best[k]) best[k] = sum;
        }
        pthread_barrier_destroy(&together);
    }
    printf("{\"threads\": %d, \"lanes\": %d, \"fma_gflops\": %.1f, \"functions_g\": %.2f, \"triad_gbs\": %.1f}\n", threads, TN_VL, best[0], best[1], best[2]);
    for (int i = 0; i < threads; i++) free(w[i].a);
    free(w);
    return 0;
}
