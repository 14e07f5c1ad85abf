/* OpenBLAS behind `blas = "openblas"`: opened at run time, so that nothing needs it to build, and a run that does not
 * ask for it does not start its threads. One thread inside. Since OpenBLAS takes other kernels for other numbers of
 * rows, rows go in chunks of 64, the last one filled with zeros: then a row's bits do not depend on its company. */
#ifndef CPU_BLAS_H
#define CPU_BLAS_H
#include "cpu_pool.h"
#include <dlfcn.h>
#include <stdlib.h>

enum { BLAS_ROWS = 64, ROW_MAJOR = 101, NO_TRANS = 111, TRANS = 112 };
typedef void sgemm_fn(int order, int ta, int tb, int m, int n, int k, float alpha, const float *a, int lda, const float *b, int ldb,
                      float beta, float *c, int ldc);

/* cblas_sgemm, or NULL where the library is not installed. */
static sgemm_fn *blas_open(void)
{
    static const char *const names[] = { "libopenblas.so.0", "libopenblas.so", "libopenblas64.so.0" };
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
    return gemm;
}

/* Rows m0 .. m1 - 1 of C, m0 a multiple of BLAS_ROWS. Returns TN_ENOMEM where the last chunk finds no room. */
static int blas_rows(sgemm_fn *gemm, int ta, int tb, int64_t m0, int64_t m1, int64_t n, int64_t k, const float *a, int64_t lda,
                     const float *b, int64_t ldb, float beta, float *c, int64_t ldc)
{
    for (int64_t m = m0; m < m1; m += BLAS_ROWS) {
        int64_t rows = m1 - m < BLAS_ROWS ? m1 - m : BLAS_ROWS;
        const float *from = ta ? a + m : a + m * lda;
        float *to = c + m * ldc, *room = NULL;
        int64_t ld_from = lda, ld_to = ldc;
        if (rows < BLAS_ROWS) {
            room = calloc((size_t)(BLAS_ROWS * (k + n)), sizeof(float));
            if (!room) return TN_ENOMEM;
            float *copy = room + BLAS_ROWS * n;
            if (ta) for (int64_t q = 0; q < k; q++) memcpy(copy + q * BLAS_ROWS, from + q * lda, sizeof(float) * (size_t)rows);
            else for (int64_t i = 0; i < rows; i++) memcpy(copy + i * k, from + i * lda, sizeof(float) * (size_t)k);
            for (int64_t i = 0; i < rows; i++) memcpy(room + i * n, to + i * ldc, sizeof(float) * (size_t)n);
            from = copy, ld_from = ta ? BLAS_ROWS : k, ld_to = n;
        }
        gemm(ROW_MAJOR, ta ? TRANS : NO_TRANS, tb ? TRANS : NO_TRANS, BLAS_ROWS, (int)n, (int)k, 1.0f, from, (int)ld_from, b, (int)ldb,
             beta, room ? room : to, (int)ld_to);
        for (int64_t i = 0; room && i < rows; i++) memcpy(to + i * ldc, room + i * n, sizeof(float) * (size_t)n);
        free(room);
    }
    return TN_OK;
}
#endif
