/* `blas = "openblas"` of the cpu backend against the own kernels and against sums in double; and against itself bit by
 * bit: 1, 2 and 3 threads, rows in any company. Skipped where libopenblas is not installed.
 *
 * Tolerance: a sum of n products in floats, in any order, with or without fma, is off by at most g(n) = n u / (1 - n u)
 * of the sum of the absolute products, u = 2^-24. beta c is one product more, and beta c itself is rounded: n = k + 2. */
#include "backend.h"
#include <unistd.h>

#ifndef PLUGINS
#define PLUGINS "build/plugins"
#endif
enum { THREADS = 3 };
static backend own, blas[THREADS];         /* blas[i] runs on i + 1 threads                                          */

typedef struct shape { int64_t m, n, k; } shape;
/* Around the chunk of 64 rows, around vectors and cache blocks, one row or column, nothing to sum. */
static const shape shapes[] = { { 1, 1, 1 }, { 63, 17, 5 }, { 64, 64, 33 }, { 65, 100, 70 }, { 5, 15, 3 }, { 128, 31, 257 },
                                { 3, 130, 300 }, { 193, 8, 129 }, { 1, 200, 64 }, { 150, 1, 40 }, { 97, 66, 1 }, { 4, 5, 0 },
                                { 0, 5, 4 }, { 7, 0, 3 } };
enum { SHAPES = sizeof shapes / sizeof *shapes };

/* One product: op(A) op(B) + beta C, with columns to spare in all three. */
typedef struct operands { shape s; int ta, tb; float beta; int64_t lda, ldb, ldc, nc; float *a, *b, *c; } operands;

static operands operands_of(shape s, int ta, int tb, float beta)
{
    operands o = { s, ta, tb, beta, (ta ? s.m : s.k) + 3, (tb ? s.k : s.n) + 1, s.n + 2, s.m * (s.n + 2), NULL, NULL, NULL };
    o.a = floats((ta ? s.k : s.m) * o.lda), o.b = floats((tb ? s.n : s.k) * o.ldb), o.c = floats(o.nc);
    for (int64_t i = 0; beta == 0 && i < s.m; i++)
        for (int64_t j = 0; j < s.n; j++) o.c[i * o.ldc + j] = NAN;                     /* with beta 0, C is not read   */
    return o;
}

static void operands_free(operands *o) { free(o->a), free(o->b), free(o->c); }

/* Rows from .. from + rows - 1 of the product, into y. */
static int multiply(backend *b, const operands *o, int64_t from, int64_t rows, float *y)
{
    const float *a = o->ta ? o->a + from : o->a + from * o->lda;
    return b->be.ops->gemm(&b->be, o->ta, o->tb, rows, o->s.n, o->s.k, a, o->lda, o->b, o->ldb, o->beta, y + from * o->ldc, o->ldc);
}

static float *product_of(backend *b, const operands *o)
{
    float *y = floats_like(o->c, o->nc);
    check(multiply(b, o, 0, o->s.m, y) == TN_OK, "%s: gemm fails", b->name);
    return y;
}

/* The worst error of y as a part of the tolerance; infinite where a column to spare was written. */
static double error_of(const operands *o, const float *y, const float *other)
{
    double n = (double)(o->s.k + 2), u = ldexp(1, -24), most = n * u / (1 - n * u), worst = 0;
    for (int64_t i = 0; i < o->s.m; i++) {
        for (int64_t j = 0; j < o->s.n; j++) {
            double c = o->beta == 0 ? 0 : (double)o->beta * (double)o->c[i * o->ldc + j], sum = c, absolute = fabs(c);
            for (int64_t q = 0; q < o->s.k; q++) {
                double a = (double)o->a[o->ta ? q * o->lda + i : i * o->lda + q];
                double ab = a * (double)o->b[o->tb ? j * o->ldb + q : q * o->ldb + j];
                sum += ab, absolute += fabs(ab);
            }
            double off = fabs((double)y[i * o->ldc + j] - (other ? (double)other[i * o->ldc + j] : sum));
            double part = off / ((other ? 2 : 1) * most * absolute);
            if (off > 0 && !(part <= worst)) worst = part;
            if (isnan(off)) return INFINITY;
        }
        if (memcmp(y + i * o->ldc + o->s.n, o->c + i * o->ldc + o->s.n, 2 * sizeof *y)) return INFINITY;
    }
    return worst;
}

static double worst_seen;
static void accuracy(const operands *o, const float *with_blas)
{
    float *with_own = product_of(&own, o);
    double d[] = { error_of(o, with_blas, NULL), error_of(o, with_own, NULL), error_of(o, with_blas, with_own) };
    static const char *const what[] = { "openblas", "the own kernels", "openblas against the own kernels" };
    for (int i = 0; i < 3; i++)
        check(d[i] <= 1, "gemm %ldx%ldx%ld ta %d tb %d beta %g, %s: off by %.3g of what rounding allows", o->s.m, o->s.n, o->s.k,
              o->ta, o->tb, (double)o->beta, what[i], d[i]);
    if (d[0] > worst_seen) worst_seen = d[0];
    free(with_own);
}

typedef struct part_of { backend *b; const operands *o; float *y; int rc; } part_of;
static void some_rows(void *ctx, int64_t from, int64_t to)
{
    part_of *p = ctx;
    int rc = multiply(p->b, p->o, from, to - from, p->y);
    if (rc) p->rc = rc;
}

/* The same bits on all numbers of threads, for each row alone, for random cuts of the rows, for rows cut by threads. */
static void same_bits(const operands *o, const float *first)
{
    for (int t = 0; t < THREADS; t++) {
        backend *b = &blas[t];
        for (int cut = 0; cut < 4; cut++) {
            float *y = floats_like(o->c, o->nc);
            part_of p = { b, o, y, TN_OK };
            if (cut == 0) some_rows(&p, 0, o->s.m);
            if (cut == 1) for (int64_t i = 0; i < o->s.m; i++) some_rows(&p, i, i + 1);
            for (int64_t i = 0, n; cut == 2 && i < o->s.m; i += n) {
                n = 1 + random_below(90);
                if (n > o->s.m - i) n = o->s.m - i;
                some_rows(&p, i, i + n);
            }
            if (cut == 3) b->be.ops->parallel_for(&b->be, o->s.m, 3, some_rows, &p);
            static const char *const how[] = { "at once", "each row alone", "rows cut at random", "rows cut by the threads" };
            int64_t bad = differing(y, first, o->nc);
            check(!p.rc && !bad, "gemm %ldx%ldx%ld ta %d tb %d beta %g, %s, %s: %ld elements have other bits", o->s.m,
                  o->s.n, o->s.k, o->ta, o->tb, (double)o->beta, b->name, how[cut], bad);
            free(y);
        }
    }
}

/* The products with packed weights have kernels of their own: the option changes none of their bits. */
static void packed_products(void)
{
    for (int i = 0; i < SHAPES; i++) {
        shape s = shapes[i];
        uint32_t groups = 1 + (uint32_t)i % 4;
        int64_t cols = s.n * groups, ldw = (i & 1 ? s.k : cols) + 2;
        float *x = floats(s.m * s.k), *w = floats((i & 1 ? cols : s.k) * ldw), *y[1 + THREADS];
        for (int r = 0; r <= THREADS; r++) {
            tn_be *be = r ? &blas[r - 1].be : &own.be;
            void *packed = be->ops->alloc(be, (size_t)be->ops->pack_size(be, s.k, s.n, groups));
            y[r] = calloc((size_t)(s.m * cols) + 1, sizeof **y);
            tn_product p = { .size = sizeof p, .groups = groups, .rows = s.m, .k = s.k, .units = s.n, .x = x, .ldx = s.k,
                             .packed = packed, .y = y[r], .ldy = cols };
            int rc = be->ops->pack(be, i & 1, s.k, s.n, groups, w, ldw, packed);
            if (!rc) rc = be->ops->product(be, &p);
            int64_t bad = differing(y[r], y[0], s.m * cols);
            check(!rc && !bad, "product %ldx%ldx%ld, %u groups, openblas: %ld elements have other bits", s.m, s.n, s.k,
                  groups, bad);
            be->ops->release(be, packed);
        }
        for (int r = 0; r <= THREADS; r++) free(y[r]);
        free(x), free(w);
    }
}

static int is_loaded(void)
{
    void *library = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD);
    if (library) dlclose(library);
    return library != NULL;
}

/* The backend as the host would choose it: the best of the builds that are there. */
static const tn_desc *load_backend(void)
{
    static const char *const isa[] = { "", ".v3", ".v4" };
    char file[256];
    int i = 2;
    for (; i > 0; i--) {
        snprintf(file, sizeof file, "%s/backends/cpu%s.so", PLUGINS, isa[i]);
        if (can_run(i) && access(file, R_OK) == 0) break;
    }
    snprintf(file, sizeof file, "%s/backends/cpu%s.so", PLUGINS, isa[i]);
    return load_part(file);
}

/* 0; -1 where libopenblas is not there, or something fails that must not. */
static int start_backends(void)
{
    const tn_desc *desc = load_backend();
    if (!check(desc != NULL, "the backend cannot be opened")) return -1;
    int32_t config[64] = { 0 };
    check(choose_option(desc, "blas", "openblas", config), "there is no blas = \"openblas\"");
    check(backend_start(&own, desc, 2, NULL, "own kernels") == 0, "the backend does not start");
    check(!is_loaded(), "libopenblas is loaded though nobody asked for it");
    void *library = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL);
    int there = library != NULL;
    if (library) dlclose(library);
    for (int i = 0; i < THREADS; i++) {
        int rc = backend_start(&blas[i], desc, i + 1, config, "openblas");
        if (!there) {
            check(rc && strstr(refusal, "libopenblas"), "without the library, `blas = \"openblas\"` is not refused by name: '%s'",
                  refusal);
            skipped++;
            return -1;
        }
        if (!check(rc == 0, "`blas = \"openblas\"` does not start: %s", refusal)) return -1;
    }
    check(is_loaded(), "`blas = \"openblas\"` did not load the library");
    return 0;
}

int main(void)
{
    if (start_backends() == 0) {
        for (int i = 0; i < SHAPES; i++)
            for (int how = 0; how < 12; how++) {
                operands o = operands_of(shapes[i], how & 1, how >> 1 & 1, how < 4 ? 0.0f : how < 8 ? 1.0f : 0.5f);
                float *y = product_of(&blas[0], &o);
                accuracy(&o, y);
                same_bits(&o, y);
                free(y);
                operands_free(&o);
            }
        packed_products();
        printf("openblas: off by at most %.2f of what rounding allows\n", worst_seen);
        for (int i = 0; i < THREADS; i++) backend_stop(&blas[i]);
    } else if (skipped) {
        printf("skip: the products of openblas (libopenblas is not installed)\n");
    }
    if (own.be.ops) backend_stop(&own);
    printf("openblas: %d passed, %d failed, %d skipped\n", passed, failed, skipped);
    return failed != 0;
}
