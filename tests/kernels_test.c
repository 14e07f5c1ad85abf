/* kernels_test.c BUILD -- the cpu backend in each of its builds (plain C, v3, v4 where the processor has it) and with 1, 2,
 * 3 and 5 threads against chains of fmaf for each element, bit by bit, of floats and of numbers rounded to bf16; and the
 * functions of vec.h against double. */
#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tenon/tenon.h"
#include "tenon/vec.h"
#include <unistd.h>

static int passed, failed;
static char build_name[64];
static void check(int ok, const char *what, long a, long b, long c)
{
    if (ok) passed++;
    else failed++, printf("FAILED: %s: %s %ld %ld %ld\n", build_name, what, a, b, c);
}

static uint32_t seed = 1;
static float number(void)
{
    seed = seed * 1664525u + 1013904223u;
    uint32_t k = seed >> 8;
    if (k % 97 == 0) return -0.0f;
    return (float)((double)k / 8388608.0 - 1.0);
}
/* The nearest bf16, with the even last bit of two as near, by arithmetic in double: x is a multiple of the last bit of its own
 * exponent. Below 2^-126: zero. */
static float bf16_of(float x)
{
    if (fabsf(x) < ldexpf(1, -126)) return copysignf(0, x);
    double last = ldexp(1, ilogbf(x) - 7);
    return (float)(nearbyint((double)x / last) * last);
}

/* s + a b, of numbers as they are multiplied, one fma after the other in the order of k; of bf16 numbers by pairs, the second of a pair first, which is
 * 0 times 0 where k is odd: that makes 0 of -0; or by blocks of 32, even and odd numbers apart, which begin with 0. */
enum { F32, BF16, BF16_AMX };
static int precision;
static float chain(float s, int64_t k, const float *a, int64_t step_a, const float *b, int64_t step_b)
{
    for (int64_t q = 0; precision == F32 && q < k; q++) s = fmaf(a[q * step_a], b[q * step_b], s);
    for (int64_t block = 0; precision == BF16_AMX && block < k; block += 32) {
        float sums[2] = { 0, 0 };
        for (int64_t q = block; q < block + 32 && q < k; q++)
            sums[q % 2] = fmaf(a[q * step_a], b[q * step_b], sums[q % 2]);
        s += sums[0] + sums[1];
    }
    for (int64_t q = 0; precision == BF16 && q < k; q += 2) {
        s = q + 1 < k ? fmaf(a[(q + 1) * step_a], b[(q + 1) * step_b], s) : s + 0.0f;
        s = fmaf(a[q * step_a], b[q * step_b], s);
    }
    return s;
}

static float *numbers(int64_t n)
{
    float *p = malloc(sizeof *p * (size_t)(n + 1));
    for (int64_t i = 0; i < n; i++) p[i] = number();
    return p;
}
/* What becomes of them before they are multiplied. */
static float *as_multiplied(const float *x, int64_t n)
{
    float *p = malloc(sizeof *p * (size_t)(n + 1));
    for (int64_t i = 0; i < n; i++) p[i] = precision == F32 ? x[i] : bf16_of(x[i]);
    return p;
}
static int same(const float *a, const float *b, int64_t n) { return !memcmp(a, b, sizeof *a * (size_t)n); }

/* beta C + op(A) op(B), each element one chain in the order of k. */
static void gemm_reference(int ta, int tb, int64_t m, int64_t n, int64_t k, const float *a_given, const float *b_given, float beta, float *c)
{
    float *a = as_multiplied(a_given, m * k), *b = as_multiplied(b_given, n * k);
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++) {
            float s = beta == 0 ? 0 : beta == 1 ? c[i * n + j] : beta * c[i * n + j];
            c[i * n + j] = chain(s, k, ta ? a + i : a + i * k, ta ? m : 1, tb ? b + j * k : b + j, tb ? 1 : n);
        }
    free(a), free(b);
}

static void test_gemm(tn_be *be)
{
    static const int64_t shape[][3] = { { 1, 1, 1 }, { 7, 17, 5 }, { 13, 64, 33 }, { 32, 100, 70 }, { 5, 15, 300 }, { 64, 96, 128 },
                                        { 3, 257, 9 }, { 300, 3, 600 }, { 40, 40, 0 }, { 100, 33, 257 } };
    for (size_t s = 0; s < sizeof shape / sizeof *shape; s++)
        for (int kind = 0; kind < 12; kind++) {
            int64_t m = shape[s][0], n = shape[s][1], k = shape[s][2];
            int ta = kind & 1, tb = kind >> 1 & 1;
            float beta = kind < 4 ? 0 : kind < 8 ? 1 : 0.5f, *a = numbers(m * k), *b = numbers(n * k), *c = numbers(m * n);
            float *want = malloc(sizeof *c * (size_t)(m * n));
            memcpy(want, c, sizeof *c * (size_t)(m * n));
            gemm_reference(ta, tb, m, n, k, a, b, beta, want);
            be->ops->gemm(be, ta, tb, m, n, k, a, ta ? m : k, b, tb ? k : n, beta, c, n);
            check(same(c, want, m * n), "gemm", (long)m, (long)n, (long)k);
            free(a), free(b), free(c), free(want);
        }
}

/* C += A^T B by rows of B, some of which are none, and the sums of A's columns, which are of floats always. */
static void test_outer(tn_be *be)
{
    static const int64_t shape[][3] = { { 1, 1, 1 }, { 13, 17, 5 }, { 64, 33, 70 }, { 300, 9, 101 }, { 25, 130, 600 },
                                        { 128, 32, 300 }, { 64, 64, 97 }, { 8, 4, 1050 }, { 8, 16, 33 }, { 5, 7, 70 }, { 2, 1, 9 },
                                        { 4, 3, 11 }, { 7, 8, 2 } };
    for (size_t s = 0; s < sizeof shape / sizeof *shape; s++)
        for (int by_row = 0; by_row < 2; by_row++) {
            int64_t m = shape[s][0], n = shape[s][1], rows = shape[s][2];
            float *a = numbers(rows * m), *b = numbers((rows + 3) * n), *c = numbers(m * n), *sums = numbers(m);
            float *want = malloc(sizeof *c * (size_t)(m * n)), *want_sums = malloc(sizeof *c * (size_t)m);
            float *gathered = calloc((size_t)(rows * n), sizeof *b);
            int32_t *row = malloc(sizeof *row * (size_t)rows);
            memcpy(want, c, sizeof *c * (size_t)(m * n)), memcpy(want_sums, sums, sizeof *c * (size_t)m);
            for (int64_t r = 0; r < rows; r++) {
                row[r] = r % 5 == 3 ? -1 : (int32_t)((r * 7 + 2) % (rows + 3));
                int64_t at = by_row ? row[r] : r;
                if (at >= 0) memcpy(gathered + r * n, b + at * n, sizeof *b * (size_t)n);
                for (int64_t i = 0; i < m; i++) want_sums[i] += a[r * m + i];
            }
            gemm_reference(1, 0, m, n, rows, a, gathered, 1, want);
            be->ops->outer_add(be, rows, m, a, m, n, b, n, by_row ? row : NULL, c, n, sums);
            check(same(c, want, m * n), "outer_add", (long)m, (long)n, (long)rows);
            check(same(sums, want_sums, m), "outer_add, sums", (long)m, (long)n, (long)rows);
            gemm_reference(1, 0, m, n, rows, a, gathered, 1, want);
            be->ops->outer_add(be, rows, m, a, m, n, b, n, by_row ? row : NULL, c, n, NULL);
            check(same(c, want, m * n), "outer_add again, without sums", (long)m, (long)n, (long)rows);
            free(a), free(b), free(c), free(sums), free(want), free(want_sums), free(gathered), free(row);
        }
}

typedef struct collected { float *y; int64_t ld, units; uint32_t groups; int tiles_ok; } collected;
static void collect(void *ctx, const tn_tile *t)
{
    collected *c = ctx;
    if (((uintptr_t)t->v & 63) || t->ld % TN_VL || t->gs % TN_VL) c->tiles_ok = 0;
    for (int64_t i = 0; i < t->rows; i++)
        for (uint32_t g = 0; g < c->groups; g++)
            for (int64_t j = 0; j < t->units; j++)
                c->y[(t->row + i) * c->ld + g * c->units + t->unit + j] = t->v[i * t->ld + g * t->gs + j];
}

static void test_product(tn_be *be)
{
    static const int64_t shape[][3] = { { 1, 1, 1 }, { 3, 8, 8 }, { 7, 17, 5 }, { 32, 128, 128 }, { 33, 9, 70 }, { 50, 65, 31 },
                                        { 20, 33, 40 }, { 2, 9, 601 }, { 1, 8, 4 }, { 1, 21, 9 }, { 1, 64, 16 }, { 1, 1, 3 },
                                        { 1, 12, 17 } };
    for (size_t s = 0; s < sizeof shape / sizeof *shape; s++)
        for (uint32_t groups = 1; groups <= 6; groups++)
            for (int kind = 0; kind < 8; kind++) {
                int64_t m = shape[s][0], u = shape[s][1], k = shape[s][2], n = u * groups;
                int with_init = kind & 1, by_row = kind >> 1 & 1, transposed = kind >> 2;
                float *x = numbers((m + 3) * k), *w = numbers(n * k), *init = numbers((m + 3) * n);
                float *want = malloc(sizeof *x * (size_t)(m * n)), *y = malloc(sizeof *x * (size_t)(m * n));
                int32_t *row = malloc(sizeof *row * (size_t)m);
                float *rx = as_multiplied(x, (m + 3) * k), *rw = as_multiplied(w, n * k);
                for (int64_t i = 0; i < m; i++) row[i] = (int32_t)((i * 7 + 2) % (m + 3));
                for (int64_t i = 0; i < m; i++)
                    for (int64_t j = 0; j < n; j++) {
                        int64_t r = by_row ? row[i] : i;
                        float v = with_init ? init[r * n + j] : 0;
                        want[i * n + j] = chain(v, k, rx + r * k, 1, transposed ? rw + j * k : rw + j, transposed ? 1 : n);
                    }
                void *packed = be->ops->alloc(be, (size_t)be->ops->pack_size(be, k, u, groups));
                check(be->ops->pack_size(be, k, u, groups) <= 4 * (k < 16 ? 16 : k) * groups * ((u + 15) / 16 * 16), "pack_size",
                      (long)k, (long)u, (long)groups);
                be->ops->pack(be, transposed, k, u, groups, w, transposed ? k : n, packed);
                collected c = { y, n, u, groups, 1 };
                tn_product p = { sizeof p, groups, m, k, u, x, k, by_row ? row : NULL, with_init ? init : NULL, n,
                                 by_row ? row : NULL, packed, NULL, NULL, y, n };
                be->ops->product(be, &p);
                check(same(y, want, m * n), "product, stored", (long)m, (long)u, (long)groups);
                memset(y, 255, sizeof *y * (size_t)(m * n));
                p.done = collect, p.ctx = &c;
                be->ops->product(be, &p);
                check(same(y, want, m * n) && c.tiles_ok, "product, by tiles", (long)m, (long)u, (long)groups);
                be->ops->release(be, packed);
                free(x), free(w), free(rx), free(rw), free(init), free(want), free(y), free(row);
            }
}

static void test_rows(tn_be *be)
{
    int64_t n = 1000, w = 37;
    float *x = numbers(n * w), *y = numbers(n * w), *want = malloc(sizeof *x * (size_t)(n * w));
    int32_t *row = malloc(sizeof *row * (size_t)n), begin[11], to[10];
    for (int64_t i = 0; i < n; i++) row[i] = (int32_t)((i * 37) % n); /* a permutation */
    for (int i = 0; i <= 10; i++) begin[i] = i * i * 10;
    for (int i = 0; i < 10; i++) to[i] = 9 - i;
#define COMPARE(what, size) check(same(y, want, size), what, (long)n, (long)w, 0)
#define RESET memcpy(want, y, sizeof *y * (size_t)(n * w))
    RESET; for (int64_t i = 0; i < n * w; i++) want[i] = fmaf(0.3f, x[i], want[i]);
    be->ops->axpy(be, n * w, 0.3f, x, y); COMPARE("axpy", n * w);
    RESET; for (int64_t i = 0; i < n; i++) for (int64_t j = 0; j < w; j++) want[i * w + j] += x[j];
    be->ops->add_bias(be, n, w, x, y, w); COMPARE("add_bias", n * w);
    RESET; for (int64_t i = 0; i < n; i++) for (int64_t j = 0; j < w; j++) want[j] += x[i * w + j];
    be->ops->sum_rows(be, n, w, x, w, y); COMPARE("sum_rows", n * w);
    RESET; for (int64_t i = 0; i < n; i++) for (int64_t j = 0; j < w; j++) want[i * w + j] = x[row[i] * w + j];
    be->ops->gather(be, n, w, x, w, row, y, w); COMPARE("gather", n * w);
    RESET; for (int64_t i = 0; i < n; i++) for (int64_t j = 0; j < w; j++) want[row[i] * w + j] += x[i * w + j];
    be->ops->scatter_add(be, n, w, x, w, row, y, w); COMPARE("scatter_add", n * w);
    RESET;
    for (int u = 0; u < 10; u++)
        for (int32_t i = begin[u]; i < begin[u + 1]; i++)
            for (int64_t j = 0; j < w; j++) want[to[u] * w + j] += x[row[i] * w + j];
    be->ops->segment_add(be, 10, w, x, w, begin, row, to, y, w); COMPARE("segment_add", n * w);
    memset(want, 0, sizeof *y * (size_t)(n * w));
    for (int u = 0; u < 10; u++)
        for (int32_t i = begin[u]; i < begin[u + 1]; i++)
            for (int64_t j = 0; j < w; j++) want[u * w + j] += x[row[i] * w + j];
    be->ops->segment_sum(be, 10, w, x, w, begin, row, y, w); COMPARE("segment_sum", 10 * w);
    RESET; for (int64_t i = 0; i < n * w; i++) want[i] = 0.5f * want[i] + x[i];
    be->ops->copy(be, n, w, x, w, 0.5f, y, w); COMPARE("copy", n * w);
    RESET; for (int64_t i = 0; i < n * w; i++) want[i] = 3;
    be->ops->fill(be, y, TN_F32, n * w, 3); COMPARE("fill", n * w);
    free(x), free(y), free(want), free(row);
}

typedef struct hits { int *hit; } hits;
static void mark(void *ctx, int64_t from, int64_t to)
{
    for (int64_t i = from; i < to; i++) __atomic_add_fetch(&((hits *)ctx)->hit[i], 1, __ATOMIC_RELAXED);
}
static void test_parallel(tn_be *be)
{
    for (int64_t n = 0; n < 300; n += 7) {
        hits h = { calloc((size_t)n + 1, sizeof(int)) };
        be->ops->parallel_for(be, n, 4, mark, &h);
        int ok = 1;
        for (int64_t i = 0; i < n; i++) ok &= h.hit[i] == 1;
        check(ok, "parallel_for: each index once", (long)n, 0, 0);
        free(h.hit);
    }
}

/* What becomes of a number that is rounded to bf16: the nearest, of two as near the one that ends in 0; by hand. */
static void test_rounding(tn_be *be)
{
    static const float cases[][2] = { { 1, 1 }, { 0x1.01p0f, 1 }, { 0x1.03p0f, 0x1.04p0f }, { 0x1.010002p0f, 0x1.02p0f },
        { 0x1.00fffep0f, 1 }, { -0x1.05p-60f, -0x1.04p-60f }, { 0x1.fffffep127f, INFINITY }, { 0x1.fep127f, 0x1.fep127f },
        { INFINITY, INFINITY }, { -INFINITY, -INFINITY }, { 0x1p-126f, 0x1p-126f }, { 0x1.8p-127f, 0 }, { 0x1.fffffcp-127f, 0 } };
    enum { CASES = sizeof cases / sizeof *cases, WIDE = 33 };
    float *x = numbers(CASES * WIDE), one = 1, y[CASES * WIDE];
    for (int i = 0; i < CASES; i++)
        for (int j = 0; j < WIDE; j++) x[i * WIDE + j] = cases[i][0];
    be->ops->gemm(be, 0, 0, CASES * WIDE, 1, 1, x, 1, &one, 1, 0, y, 1); /* x is rounded along k                       */
    for (int i = 0; i < CASES * WIDE; i++) check(y[i] == cases[i / WIDE][1], "rounded as rows of A", i / WIDE, i % WIDE, 0);
    be->ops->gemm(be, 0, 0, 1, CASES * WIDE, 1, &one, 1, x, CASES * WIDE, 0, y, CASES * WIDE); /* and across it            */
    for (int i = 0; i < CASES * WIDE; i++) check(y[i] == cases[i / WIDE][1], "rounded as columns of B", i / WIDE, i % WIDE, 0);
    float nan = NAN;
    be->ops->gemm(be, 0, 0, 1, 1, 1, &nan, 1, &one, 1, 0, y, 1);
    check(isnan(*y), "NaN goes through", 0, 0, 0);
    free(x);
}

/* The part's options as `precision` asks, all others as they are by default: zero. */
static int open_backend(const tn_desc *d, int chosen, void *self)
{
    static tn_api api = { .size = sizeof api };
    int32_t config[64] = { 0 };
    for (uint32_t i = 0; i < d->n_options; i++)
        if (!strcmp(d->options[i].name, "precision")) config[d->options[i].offset / sizeof *config] = chosen;
    return d->open(&api, NULL, config, self);
}

static void test_backend(const char *path, const char *name)
{
    void *so = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!so) {
        check(0, dlerror(), 0, 0, 0);
        return;
    }
    const tn_plugin *(*entry)(void);
    *(void **)&entry = dlsym(so, "tn_plugin_entry");
    const tn_desc *d = entry()->parts[0];
    const tn_backend *b = d->table;
    for (int run = 0; run < 12; run++) {
        static const int threads[] = { 1, 2, 3, 5 };
        static const char *const precisions[] = { "", ", bf16", ", bf16_amx" };
        precision = run / 4;
        snprintf(build_name, sizeof build_name, "%s, %d threads%s", name, threads[run % 4], precisions[precision]);
        tn_be be;
        void *self = calloc(1, d->self_size);
        check(!open_backend(d, precision, self), "open", precision, 0, 0);
        check(!b->start(self, threads[run % 4], &be), "start", threads[run % 4], 0, 0);
        test_gemm(&be);
        test_outer(&be);
        test_product(&be);
        if (precision) test_rounding(&be);
        else test_rows(&be), test_parallel(&be);
        b->stop(self, &be);
        free(self);
    }
}

/* ---- vec.h ------------------------------------------------------------------------------------------------------- */
static double ulps(float got, double want)
{
    float near = (float)want;
    if (isinf(near) || near == 0) return got == near ? 0 : fabs((double)got - want) < 1.2e-38 ? 0 : 1e9;
    return fabs((double)got - want) / ldexp(1, ilogbf(near) - 23);
}

static void test_functions(void)
{
    enum { EXP, SIGMOID, TANH, LOG, EXPM1, LOG1P, FUNCTIONS };
    double worst[FUNCTIONS] = { 0 };
    static const double most[FUNCTIONS] = { 1, 2, 1.5, 1, 1.5, 2 };
    static const char *const name[FUNCTIONS] = { "exp", "sigmoid", "tanh", "log", "expm1", "log1p" };
    strcpy(build_name, "vec.h");
    for (uint32_t bits = 0; bits < 0xffff0000u; bits += 4099) {
        float x;
        memcpy(&x, &bits, sizeof x);
        if (!isfinite(x) || (fabsf(x) < 1.2e-38f && x != 0)) continue;
        tn_vf v = tn_set(x);
        float got[] = { tn_exp(v)[0], tn_sigmoid(v)[TN_VL - 1], tn_tanh(v)[1], tn_log(v)[2], tn_expm1(v)[3], tn_log1p(v)[0] };
        double d = (double)x, want[] = { exp(d), 1 / (1 + exp(-d)), tanh(d), log(d), expm1(d), log1p(d) };
        for (int i = 0; i < FUNCTIONS; i++) {
            if ((i == LOG && x < 0) || (i == LOG1P && x <= -1)) continue;
            if (fabs(want[i]) < 1.2e-38 && want[i] != 0) continue;
            double u = ulps(got[i], want[i]);
            if (u > worst[i]) worst[i] = u;
        }
    }
    for (int i = 0; i < FUNCTIONS; i++) {
        printf("%s: at most %.2f ulp\n", name[i], worst[i]);
        check(worst[i] <= most[i], name[i], (long)(worst[i] * 100), 0, 0);
    }
    check(isnan(tn_exp(tn_set(NAN))[0]) && isnan(tn_tanh(tn_set(NAN))[0]) && isnan(tn_sigmoid(tn_set(NAN))[0])
              && isnan(tn_log(tn_set(-1))[0]) && isnan(tn_expm1(tn_set(NAN))[0]) && isnan(tn_log1p(tn_set(NAN))[0])
              && isnan(tn_log1p(tn_set(-2))[0]), "NaN goes through", 0, 0, 0);
    check(tn_exp(tn_set(INFINITY))[0] == INFINITY && tn_exp(tn_set(-INFINITY))[0] == 0 && tn_log(tn_set(0))[0] == -INFINITY,
          "infinities", 0, 0, 0);
    check(tn_expm1(tn_set(INFINITY))[0] == INFINITY && tn_expm1(tn_set(-INFINITY))[0] == -1
              && tn_log1p(tn_set(INFINITY))[0] == INFINITY && tn_log1p(tn_set(-1))[0] == -INFINITY, "infinities", 1, 0, 0);
    check(signbit(tn_tanh(tn_set(-0.0f))[0]), "tanh(-0) is -0", 0, 0, 0);
}

int main(int argc, char **argv)
{
    char path[4096];
    static const char *const builds[] = { "", ".v3", ".v4" };
    (void)argc;
    test_functions();
#if defined(__x86_64__)
    int level[] = { 1, __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"),
                    __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") };
#else
    int level[] = { 1, 0, 0 };
#endif
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/plugins/backends/cpu%s.so", argv[1], builds[i]);
        if (!level[i] || (i && access(path, F_OK))) { /* a build for fewer instruction sets has not all of them */
            printf("left out: %s, %s\n", path, level[i] ? "it is not built" : "this processor cannot run it");
            continue;
        }
        test_backend(path, i ? builds[i] + 1 : "plain");
    }
    printf("kernels: %d passed, %d failed\n", passed, failed);
    return failed != 0;
}
