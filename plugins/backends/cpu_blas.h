/* OpenBLAS behind `blas = "openblas"`: opened at run time, so that nothing needs it to build, and a run that does not
 * ask for it does not start its threads. One thread inside. OpenBLAS takes other kernels for other numbers of rows, and
 * on some processors other ones for the first rows of a call than for the last. So rows go in chunks of one size, the
 * last one filled with zeros, and the size is the largest at which all rows of a chunk are computed alike: then a
 * row's bits do not depend on its company. They do depend on how columns are cut into calls.                    */
#ifndef CPU_BLAS_H
#define CPU_BLAS_H
#include "cpu_pool.h"
#include <dlfcn.h>
#include <stdlib.h>

enum { BLAS_ROWS = 64, /* at most in a chunk */ ROW_MAJOR = 101, NO_TRANS = 111, TRANS = 112 };
typedef void sgemm_fn(int order, int ta, int tb, int m, int n, int k, float alpha, const float *a, int lda, const float *b, int ldb,
                      float beta, float *c, int ldc);
typedef struct blas { sgemm_fn *gemm; int64_t rows; } blas; /* cblas_sgemm, NULL: the own kernels; rows of a chunk */

/* Equal rows of A and of C give equal rows of the product: 1, or 0 where they do not or there is no memory. */
static int blas_alike(sgemm_fn *gemm, int rows, int n, int k, int ta, int tb)
{
    float *a = calloc((size_t)(rows * k + n * k + rows * n), sizeof *a), *b = a + rows * k, *c = b + n * k;
    uint32_t random = 1;
    int alike = a != NULL;
    for (int q = 0; a && q < k; q++) {
        random = random * 1664525u + 1013904223u;
        for (int i = 0; i < rows; i++) a[ta ? q * rows + i : i * k + q] = (float)(random >> 8) * 0x1p-23f - 1;
        for (int j = 0; j < n; j++) {
            random = random * 1664525u + 1013904223u;
            b[q * n + j] = (float)(random >> 8) * 0x1p-23f - 1;
        }
    }
    for (int beta = 0; alike && beta < 2; beta++) {
        gemm(ROW_MAJOR, ta ? TRANS : NO_TRANS, tb ? TRANS : NO_TRANS, rows, n, k, 1, a, ta ? rows : k, b, tb ? k : n, (float)beta, c, n);
        for (int i = 1; i < rows; i++) alike = alike && !memcmp(c, c + i * n, sizeof *c * (size_t)n);
    }
    free(a);
    return alike;
}

/* The rows of a chunk, by trying: which kernels there are is known to the library alone. */
static int64_t blas_chunk(sgemm_fn *gemm)
{
    static const int shape[][2] = { { 1, 65 }, { 8, 300 }, { 17, 33 }, { 100, 129 }, { 64, 513 }, { 200, 70 } }; /* n, k */
    for (int rows = BLAS_ROWS; rows > 1; rows /= 2) {
        int alike = 1;
        for (size_t i = 0; i < 4 * sizeof shape / sizeof *shape && alike; i++)
            alike = blas_alike(gemm, rows, shape[i / 4][0], shape[i / 4][1], (int)i & 1, (int)i >> 1 & 1);
        if (alike) return rows;
    }
    return 1;
}

/* gemm NULL where the library is not installed. */
static blas blas_open(void)
{
    static const char *const names[] = { "libopenblas.so.0", "libopenblas.so" };
    sgemm_fn *gemm = NULL;
    void (*threads)(int) = NULL;
    for (size_t i = 0; i < 2 && !gemm; i++) {
        void *library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
        if (!library) continue;
        void *g = dlsym(library, "cblas_sgemm"), *t = dlsym(library, "openblas_set_num_threads");
        memcpy(&gemm, &g, sizeof gemm);
        memcpy(&threads, &t, sizeof threads);
    }
    if (gemm && threads) threads(1);
    return (blas){ gemm, gemm ? blas_chunk(gemm) : 1 };
}

/* Rows m0 .. m1 - 1 of C, m0 a multiple of a chunk. Returns TN_ENOMEM where the last chunk finds no room. */
static int blas_rows(const blas *library, int ta, int tb, int64_t m0, int64_t m1, int64_t n, int64_t k, const float *a, int64_t lda,
                     const float *b, int64_t ldb, float beta, float *c, int64_t ldc)
{
    const int64_t chunk = library->rows;
    for (int64_t m = m0; m < m1; m += chunk) {
        int64_t rows = m1 - m < chunk ? m1 - m : chunk;
        const float *from = ta ? a + m : a + m * lda;
        float *to = c + m * ldc, *room = NULL;
        int64_t ld_from = lda, ld_to = ldc;
        if (rows < chunk) {
            room = calloc((size_t)(chunk * (k + n)), sizeof(float));
            if (!room) return TN_ENOMEM;
            float *copy = room + chunk * n;
            if (ta) for (int64_t q = 0; q < k; q++) memcpy(copy + q * chunk, from + q * lda, sizeof(float) * (size_t)rows);
            else for (int64_t i = 0; i < rows; i++) memcpy(copy + i * k, from + i * lda, sizeof(float) * (size_t)k);
            for (int64_t i = 0; i < rows; i++) memcpy(room + i * n, to + i * ldc, sizeof(float) * (size_t)n);
            from = copy, ld_from = ta ? chunk : k, ld_to = n;
        }
        library->gemm(ROW_MAJOR, ta ? TRANS : NO_TRANS, tb ? TRANS : NO_TRANS, (int)chunk, (int)n, (int)k, 1.0f, from, (int)ld_from,
                      b, (int)ldb, beta, room ? room : to, (int)ld_to);
        for (int64_t i = 0; room && i < rows; i++) memcpy(to + i * ldc, room + i * n, sizeof(float) * (size_t)n);
        free(room);
    }
    return TN_OK;
}
#endif
