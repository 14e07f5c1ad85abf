/* The cpu backend against brute force in double, and against itself bit by bit: three builds, 1 to 5 threads, random
 * cuts of rows and of parameters; how its threads treat small numbers and the processor. The first build and one thread make the bits that all others must repeat.  */
#include "../plugins/layers/distinct_sums.h"
#include "backend.h"
#include <fenv.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>

#ifndef PLUGINS
#define PLUGINS "build/plugins"
#endif
enum { MOST = 16 };
static backend run[MOST];
static int runs;

typedef struct shape { int64_t m, n, k; } shape;
static const shape shapes[] = { { 1, 1, 1 }, { 7, 17, 5 }, { 13, 64, 33 }, { 32, 100, 70 }, { 5, 15, 3 }, { 64, 512, 128 },
                                { 3, 130, 257 }, { 97, 31, 129 }, { 2, 8, 300 }, { 49, 200, 1 }, { 150, 66, 40 }, { 4, 5, 0 } };
enum { SHAPES = sizeof shapes / sizeof *shapes };

/* Some of x become -0, denormal, infinite or NaN. */
static void spoil(float *x, int64_t n)
{
    static const float odd[] = { -0.0f, 1e-40f, -3e-42f, INFINITY, NAN, 1e-30f, 3e38f };
    for (int64_t i = 0; i < n; i++)
        if (random_below(9) == 0) x[i] = odd[random_below(7)];
}

static void gemm_case(shape s, int ta, int tb, float beta, int odd)
{
    int64_t lda = (ta ? s.m : s.k) + 3, ldb = (tb ? s.k : s.n) + 1, ldc = s.n + 2;
    int64_t na = (ta ? s.k : s.m) * lda, nb = (tb ? s.n : s.k) * ldb, nc = s.m * ldc;
    float *a = floats(na), *b = floats(nb), *c = floats(nc), *first = NULL;
    double *want = calloc((size_t)nc + 1, sizeof *want);
    if (odd) spoil(a, na), spoil(b, nb), spoil(c, nc);
    for (int64_t i = 0; i < nc; i++) want[i] = (double)c[i];
    for (int64_t i = 0; i < s.m; i++)
        for (int64_t j = 0; j < s.n; j++) {
            double sum = beta == 0 ? 0 : (double)beta * (double)c[i * ldc + j];
            for (int64_t q = 0; q < s.k; q++)
                sum += (double)a[ta ? q * lda + i : i * lda + q] * (double)b[tb ? j * ldb + q : q * ldb + j];
            want[i * ldc + j] = sum;
        }
    for (int r = 0; r < runs; r++) {
        for (int cut = 0; cut < 4; cut++) {
            float *y = floats_like(c, nc);
            for (int64_t m = 0; m < s.m; ) {
                int64_t rows = cut ? 1 + random_below(cut * 20) : s.m, n1 = cut == 3 ? random_below(s.n + 1) : s.n;
                if (rows > s.m - m) rows = s.m - m;
                const float *am = ta ? a + m : a + m * lda, *bn = tb ? b + n1 * ldb : b + n1;
                run[r].be.ops->gemm(&run[r].be, ta, tb, rows, n1, s.k, am, lda, b, ldb, beta, y + m * ldc, ldc);
                run[r].be.ops->gemm(&run[r].be, ta, tb, rows, s.n - n1, s.k, am, lda, bn, ldb, beta, y + m * ldc + n1, ldc);
                m += rows;
            }
            if (!first) {
                first = y;
                double d = odd ? 0 : distance(y, want, nc, 1e-6);
                check(d < 1e-5, "gemm %ldx%ldx%ld ta %d tb %d beta %g: off by %.2g of the largest", s.m, s.n, s.k, ta, tb,
                      (double)beta, d);
                continue;
            }
            int64_t bad = differing(y, first, nc);
            check(bad == 0, "gemm %ldx%ldx%ld ta %d tb %d beta %g, %s, cut %d: %ld elements have other bits", s.m, s.n, s.k, ta, tb,
                  (double)beta, run[r].name, cut, bad);
            free(y);
        }
    }
    free(a), free(b), free(c), free(first), free(want);
}

/* outer_add, whole and cut by rows, by columns of a and by columns of b. */
static void outer_case(int64_t rows, int64_t m, int64_t n, int gathered)
{
    int64_t lda = m + 3, ldb = n + 1, ldc = n + 2, nb = rows + 5;
    float *a = floats(rows * lda), *b = floats(nb * ldb), *c = floats(m * ldc), *sums = floats(m);
    float *first = NULL, *first_sums = NULL;
    double *want = calloc((size_t)(m * ldc) + 1, sizeof *want), *want_sums = calloc((size_t)m + 1, sizeof *want_sums);
    int32_t *row = calloc((size_t)rows + 1, sizeof *row);
    for (int64_t r = 0; r < rows; r++) row[r] = (int32_t)(random_below(nb + 3) - 3);
    for (int64_t i = 0; i < m * ldc; i++) want[i] = (double)c[i];
    for (int64_t i = 0; i < m; i++) want_sums[i] = (double)sums[i];
    for (int64_t r = 0; r < rows; r++)
        for (int64_t i = 0; i < m; i++) {
            const float *x = b + (gathered ? row[r] : r) * ldb;
            want_sums[i] += (double)a[r * lda + i];
            for (int64_t j = 0; j < n && (!gathered || row[r] >= 0); j++)
                want[i * ldc + j] += (double)a[r * lda + i] * (double)x[j];
        }
    for (int k = 0; k < runs; k++)
        for (int cut = 0; cut < 4; cut++) {
            tn_be *be = &run[k].be;
            float *y = floats_like(c, m * ldc), *s = floats_like(sums, m);
            int64_t r1 = cut == 1 ? random_below(rows + 1) : rows, m1 = cut == 2 ? random_below(m + 1) : m;
            int64_t n1 = cut == 3 ? random_below(n + 1) : n;
            const float *late = gathered ? b : b + r1 * ldb;
            be->ops->outer_add(be, r1, m1, a, lda, n1, b, ldb, gathered ? row : NULL, y, ldc, n1 ? s : NULL);
            be->ops->outer_add(be, r1, m1, a, lda, n - n1, b + n1, ldb, gathered ? row : NULL, y + n1, ldc, n1 ? NULL : s);
            be->ops->outer_add(be, r1, m - m1, a + m1, lda, n, b, ldb, gathered ? row : NULL, y + m1 * ldc, ldc, s + m1);
            be->ops->outer_add(be, rows - r1, m, a + r1 * lda, lda, n, late, ldb, gathered ? row + r1 : NULL, y, ldc, s);
            if (!first) {
                first = y, first_sums = s;
                double d = distance(y, want, m * ldc, 1e-6), e = distance(s, want_sums, m, 1e-6);
                check(d < 1e-5 && e < 1e-5, "outer_add %ldx%ld over %ld rows: off by %.2g, sums by %.2g of the largest",
                      m, n, rows, d, e);
                continue;
            }
            int64_t bad = differing(y, first, m * ldc) + differing(s, first_sums, m);
            check(bad == 0, "outer_add %ldx%ld over %ld rows, %s, cut %d: %ld elements have other bits", m, n, rows,
                  run[k].name, cut, bad);
            free(y), free(s);
        }
    free(a), free(b), free(c), free(sums), free(first), free(first_sums), free(want), free(want_sums), free(row);
}

typedef struct sink { float *y; int64_t ldy, units, row0, calls; } sink;
static void keep_tile(void *ctx, const tn_tile *q)
{
    sink *s = ctx;
    for (int64_t i = 0; i < q->rows; i++)
        for (int64_t j = 0; j < q->units; j++)
            for (int64_t g = 0; g < s->ldy / s->units; g++)
                s->y[(s->row0 + q->row + i) * s->ldy + g * s->units + q->unit + j] = q->v[i * q->ld + g * q->gs + j];
}

static void product_case(int64_t m, int64_t units, int64_t k, uint32_t groups, int transposed, int with_init, int gathered)
{
    int64_t cols = units * groups, ldw = (transposed ? k : cols) + 2, nw = (transposed ? cols : k) * ldw;
    float *x = floats(m * (k + 1)), *w = floats(nw), *init = floats(m * cols), *first = NULL;
    int32_t *row = calloc((size_t)m, 4), *init_row = calloc((size_t)m, 4);
    double *want = calloc((size_t)(m * cols), sizeof *want);
    for (int64_t i = 0; i < m; i++) row[i] = (int32_t)random_below(m), init_row[i] = (int32_t)random_below(m);
    for (int64_t i = 0; i < m; i++)
        for (int64_t c = 0; c < cols; c++) {
            double sum = with_init ? (double)init[(gathered ? init_row[i] : i) * cols + c] : 0;
            const float *xi = x + (gathered ? row[i] : i) * (k + 1);
            for (int64_t q = 0; q < k; q++) sum += (double)xi[q] * (double)w[transposed ? c * ldw + q : q * ldw + c];
            want[i * cols + c] = sum;
        }
    for (int r = 0; r < runs; r++) {
        tn_be *be = &run[r].be;
        void *packed = be->ops->alloc(be, (size_t)be->ops->pack_size(be, k, units, groups));
        be->ops->pack(be, transposed, k, units, groups, w, ldw, packed);
        for (int cut = 0; cut < 4; cut++) {
            float *y = floats(m * cols);
            for (int64_t a = 0; a < m; ) {
                int64_t rows = cut ? 1 + random_below(cut * 20) : m;
                if (rows > m - a) rows = m - a;
                sink s = { y, cols, units, a, 0 };
                const float *start = !with_init ? NULL : gathered ? init : init + a * cols;
                tn_product p = { sizeof p, groups, rows, k, units, gathered ? x : x + a * (k + 1), k + 1, gathered ? row + a : NULL,
                                 start, cols, gathered ? init_row + a : NULL, packed, cut % 2 ? keep_tile : NULL, &s, y + a * cols,
                                 cols };
                be->ops->product(be, &p);
                a += rows;
            }
            if (!first) {
                first = y;
                double d = distance(y, want, m * cols, 1e-6);
                check(d < 1e-5, "product %ldx%ldx%ld, %u groups: off by %.2g of the largest", m, units, k, groups, d);
                continue;
            }
            int64_t bad = differing(y, first, m * cols);
            check(bad == 0, "product %ldx%ldx%ld, %u groups, %s, cut %d: %ld elements have other bits", m, units, k, groups,
                  run[r].name, cut, bad);
            free(y);
        }
        be->ops->release(be, packed);
    }
    free(x), free(w), free(init), free(first), free(row), free(init_row), free(want);
}

/* One operation on rows: gives its result in y (n numbers), and the same in double in want. */
typedef void row_case(tn_be *be, int64_t rows, int64_t w, const float *x, const int32_t *perm, float *y, double *want);

static void do_axpy(tn_be *be, int64_t rows, int64_t w, const float *x, const int32_t *perm, float *y, double *want)
{
    (void)perm;
    be->ops->axpy(be, rows * w, 0.37f, x, y);
    for (int64_t i = 0; want && i < rows * w; i++) want[i] += (double)0.37f * (double)x[i];
}
static void do_bias(tn_be *be, int64_t rows, int64_t w, const float *x, const int32_t *perm, float *y, double *want)
{
    (void)perm;
    be->ops->add_bias(be, rows, w, x, y, w);
    for (int64_t i = 0; want && i < rows * w; i++) want[i] += (double)x[i % w];
}
static void do_sum(tn_be *be, int64_t rows, int64_t w, const float *x, const int32_t *perm, float *y, double *want)
{
    (void)perm;
    be->ops->sum_rows(be, rows, w, x, w, y);
    for (int64_t i = 0; want && i < rows * w; i++) want[i % w] += (double)x[i];
}
static void do_gather(tn_be *be, int64_t rows, int64_t w, const float *x, const int32_t *perm, float *y, double *want)
{
    be->ops->gather(be, rows, w, x, w, perm, y, w);
    for (int64_t i = 0; want && i < rows * w; i++) want[i] = (double)x[perm[i / w] * w + i % w];
}
static void do_scatter(tn_be *be, int64_t rows, int64_t w, const float *x, const int32_t *perm, float *y, double *want)
{
    be->ops->scatter_add(be, rows, w, x, w, perm, y, w);
    for (int64_t i = 0; want && i < rows * w; i++) want[perm[i / w] * w + i % w] += (double)x[i];
}
enum { SEGMENT_ADD, SEGMENT_SUM, BY_DISTINCT, BY_DISTINCT_BEFORE }; /* the last: by a backend from before segment_sum */
static void do_segments(tn_be *be, int64_t rows, int64_t w, const float *x, const int32_t *perm, float *y, double *want, int how)
{
    int32_t *begin = calloc((size_t)rows + 1, 4), n = 0;               /* segments of 0, 1, 2, 3, 0 ... rows */
    for (int32_t at = 0; at < rows; n++) {
        begin[n] = at;
        at += n % 4;
        begin[n + 1] = at < rows ? at : (int32_t)rows;
        if (n + 1 >= rows) begin[n + 1] = (int32_t)rows, at = (int32_t)rows;
    }
    tn_ops before = *be->ops;
    before.size = offsetof(tn_ops, segment_sum), before.segment_sum = NULL;
    tn_be cut = { how == BY_DISTINCT_BEFORE ? &before : be->ops, be->self };
    tn_index index = { .distinct = n, .rows = (int32_t)rows, .begin = begin, .row = perm };
    tn_call call = { .be = &cut };
    if (how == SEGMENT_ADD) be->ops->segment_add(be, n, w, x, w, begin, perm, NULL, y, w);
    else if (how == SEGMENT_SUM) be->ops->segment_sum(be, n, w, x, w, begin, perm, y, w);
    else sum_by_distinct(&call, &index, w, x, y);
    if (want && how != SEGMENT_ADD) memset(want, 0, sizeof *want * (size_t)(n * w));
    for (int32_t u = 0; want && u < n; u++)
        for (int32_t i = begin[u]; i < begin[u + 1]; i++)
            for (int64_t j = 0; j < w; j++) want[u * w + j] += (double)x[perm[i] * w + j];
    free(begin);
}
static void do_segment(tn_be *be, int64_t rows, int64_t w, const float *x, const int32_t *perm, float *y, double *want)
{
    do_segments(be, rows, w, x, perm, y, want, SEGMENT_ADD);
}
static void do_segment_sum(tn_be *be, int64_t rows, int64_t w, const float *x, const int32_t *perm, float *y, double *want)
{
    do_segments(be, rows, w, x, perm, y, want, SEGMENT_SUM);
}
static void do_distinct(tn_be *be, int64_t rows, int64_t w, const float *x, const int32_t *perm, float *y, double *want)
{
    do_segments(be, rows, w, x, perm, y, want, BY_DISTINCT);
}
static void do_distinct_before(tn_be *be, int64_t rows, int64_t w, const float *x, const int32_t *perm, float *y, double *want)
{
    do_segments(be, rows, w, x, perm, y, want, BY_DISTINCT_BEFORE);
}
static void do_copy(tn_be *be, int64_t rows, int64_t w, const float *x, const int32_t *perm, float *y, double *want)
{
    float beta = perm[0] % 3 == 0 ? 0.0f : perm[0] % 3 == 1 ? 1.0f : 0.5f;
    be->ops->copy(be, rows, w, x, w, beta, y, w);
    for (int64_t i = 0; want && i < rows * w; i++) want[i] = (double)beta * want[i] + (double)x[i];
}

static void row_operations(void)
{
    static const struct { const char *name; row_case *f; } op[] = {
        { "axpy", do_axpy }, { "add_bias", do_bias }, { "sum_rows", do_sum }, { "gather", do_gather },
        { "scatter_add", do_scatter }, { "segment_add", do_segment }, { "segment_sum", do_segment_sum },
        { "sum_by_distinct", do_distinct }, { "sum_by_distinct without segment_sum", do_distinct_before }, { "copy", do_copy } };
    static const int64_t size[][2] = { { 1, 1 }, { 5, 7 }, { 33, 16 }, { 100, 37 }, { 700, 130 }, { 3000, 64 } };
    for (size_t o = 0; o < sizeof op / sizeof *op; o++)
        for (size_t s = 0; s < sizeof size / sizeof *size; s++) {
            int64_t rows = size[s][0], w = size[s][1], n = rows * w;
            float *x = floats(n), *start = floats(n), *first = NULL;
            double *want = calloc((size_t)n, sizeof *want);
            int32_t *perm = calloc((size_t)rows, 4);
            for (int32_t i = 0; i < rows; i++) perm[i] = i;
            for (int64_t i = rows - 1; i > 0; i--) {
                int64_t j = random_below(i + 1);
                int32_t t = perm[i];
                perm[i] = perm[j], perm[j] = t;
            }
            for (int64_t i = 0; i < n; i++) want[i] = (double)start[i];
            for (int r = 0; r < runs; r++) {
                float *y = floats_like(start, n);
                op[o].f(&run[r].be, rows, w, x, perm, y, first ? NULL : want);
                if (!first) {
                    first = y;
                    double d = distance(y, want, n, 1e-6);
                    check(d < 1e-5, "%s %ldx%ld: off by %.2g of the largest", op[o].name, rows, w, d);
                    continue;
                }
                int64_t bad = differing(y, first, n);
                check(bad == 0, "%s %ldx%ld, %s: %ld elements have other bits", op[o].name, rows, w, run[r].name, bad);
                free(y);
            }
            free(x), free(start), free(first), free(want), free(perm);
        }
}

/* Every index once, in pieces of at least grain, also from within a body. */
typedef struct visit { tn_be *be; int32_t *count; int64_t grain, n, inner; int small; } visit;
static void visit_inner(void *ctx, int64_t from, int64_t to)
{
    int32_t *count = ctx;
    for (int64_t i = from; i < to; i++) count[i] += 1;
}
static void visit_body(void *ctx, int64_t from, int64_t to)
{
    visit *v = ctx;
    if (to - from < v->grain && to != v->n) v->small = 1;
    for (int64_t i = from; i < to; i++) v->be->ops->parallel_for(v->be, v->inner, 1, visit_inner, v->count + i * v->inner);
}

/* A body has its caller's thread alone, so nothing is to be cut further there. */
typedef struct told { tn_be *be; int32_t threads[64]; } told;
static void ask_threads(void *ctx, int64_t from, int64_t to)
{
    told *t = ctx;
    for (int64_t i = from; i < to; i++) t->threads[i] = *(const int32_t *)t->be->ops->native(t->be, "threads");
}
static void told_threads(backend *b, int32_t expected)
{
    told t = { &b->be, { 0 } };
    int bad = 0;
    t.be->ops->parallel_for(t.be, 64, 1, ask_threads, &t);
    for (int i = 0; i < 64; i++) bad += t.threads[i] != 1;
    ask_threads(&t, 0, 1);
    check(!bad && t.threads[0] == expected, "native(\"threads\"), %s: %d outside, not 1 in %d of 64 pieces", b->name, t.threads[0], bad);
}

static void threads(void)
{
    for (int r = 0; r < runs; r++)
        for (int round = 0; round < 300; round++) {
            visit v = { &run[r].be, NULL, 1 + random_below(9), random_below(70), 1 + random_below(5), 0 };
            int64_t n = v.n * v.inner, bad = 0;
            v.count = calloc((size_t)n + 1, sizeof *v.count);
            v.be->ops->parallel_for(v.be, v.n, v.grain, visit_body, &v);
            for (int64_t i = 0; i < n; i++) bad += v.count[i] != 1;
            if (bad || v.small || round == 0)
                check(!bad && !v.small, "parallel_for over %ld, grain %ld, %s: %ld not once%s", v.n, v.grain, run[r].name, bad,
                      v.small ? ", a piece under the grain" : "");
            free(v.count);
        }
}

static void memory(void)
{
    for (int r = 0; r < runs; r++) {
        tn_be *be = &run[r].be;
        unsigned char *p = be->ops->alloc(be, 1000);
        int64_t bad = ((uintptr_t)p & 63) != 0;
        for (int i = 0; i < 1000; i++) bad += p[i] != 0;
        be->ops->fill(be, p, TN_I32, 250, 7);
        for (int i = 0; i < 250; i++) bad += ((int32_t *)(void *)p)[i] != 7;
        be->ops->fill(be, p, TN_F32, 250, -0.5);
        for (int i = 0; i < 250; i++) bad += ((float *)(void *)p)[i] != -0.5f;
        bad += be->ops->fill(be, p, TN_TEXT, 1, 0) != TN_EUNSUPPORTED;
        check(bad == 0, "alloc and fill, %s: %ld faults", run[r].name, bad);
        be->ops->release(be, p);
    }
}

/* ---- what the threads do to a float, and what they do when there is nothing to do -------------------------------- */
/* Are results below the smallest normal number kept? */
static int keeps_denormals(void)
{
    volatile float small = 1e-38f, half = 0.25f;
    return small * half != 0;
}

static void count_denormals(void *to, int64_t from, int64_t upto)
{
    for (int64_t i = from; i < upto; i++) ((int *)to)[i] = keeps_denormals();
}

/* Every thread flushes while it computes; one that calls from outside has its own mode again afterwards, and so has the one
 * that started the backend when that has stopped. */
static void *call_from_outside(void *be)
{
    int kept[64] = { 0 }, sum = 0;
    tn_be *b = be;
    fesetenv(FE_DFL_ENV);                    /* a new thread has its creator's mode                              */
    check(keeps_denormals(), "the outside thread flushes to zero by itself");
    b->ops->parallel_for(b, 64, 1, count_denormals, kept);
    for (int i = 0; i < 64; i++) sum += kept[i];
    check(sum == 0, "%d of 64 pieces of an outside thread's call do not flush to zero", sum);
    check(keeps_denormals(), "an outside thread's mode is another one after a call");
    return NULL;
}

static double used_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Three workers that span would use three times the pause in processor time; those that sleep use none. */
static void idle(const backend *b)
{
    const struct timespec pause = { 0, 300000000 };
    double from = used_seconds();
    nanosleep(&pause, NULL);
    double used = used_seconds() - from;
    check(used < 0.15, "idle for 0.3 s, %s: %.3f s of processor time", b->name, used);
}

static void workers(void)
{
    char file[256];
    snprintf(file, sizeof file, "%s/backends/cpu.so", PLUGINS);
    const tn_desc *desc = load_part(file);
    backend b;
    check(keeps_denormals(), "this test itself flushes to zero");
    if (!check(desc && !backend_start(&b, desc, 4, NULL, "plain"), "%s does not start", file)) return;
    int kept[256] = { 0 }, sum = 0;
    b.be.ops->parallel_for(&b.be, 256, 1, count_denormals, kept);
    for (int i = 0; i < 256; i++) sum += kept[i];
    check(sum == 0, "%d of 256 pieces do not flush to zero", sum);
    idle(&b);
    pthread_t outside;
    int begun = !pthread_create(&outside, NULL, call_from_outside, &b.be);
    if (begun) pthread_join(outside, NULL); /* before anything is counted here, since it counts as well */
    check(begun, "no thread");
    backend_stop(&b);
    check(keeps_denormals(), "the caller still flushes to zero after the backend has stopped");
}

static void start_backends(void)
{
    static const int threads_of[] = { 1, 2, 3, 5 };
    static const char *const isa[] = { "", ".v3", ".v4" };
    for (int i = 0; i < 3; i++) {
        char file[256];
        snprintf(file, sizeof file, "%s/backends/cpu%s.so", PLUGINS, isa[i]);
        if (!can_run(i) || (i && access(file, F_OK))) {
            printf("left out: %s, %s\n", file, can_run(i) ? "it is not built" : "this processor cannot run it");
            skipped++;
            continue;
        }
        const tn_desc *desc = load_part(file);
        if (!check(desc != NULL, "%s cannot be opened", file)) continue;
        for (int t = 0; t < 4 && runs < MOST; t++)
            if (check(backend_start(&run[runs], desc, threads_of[t], NULL, isa[i][0] ? isa[i] + 1 : "plain") == 0,
                      "%s does not start", file)) told_threads(&run[runs++], threads_of[t]);
    }
}

int main(void)
{
    workers();
    start_backends();
    threads();
    memory();
    row_operations();
    for (int i = 0; i < SHAPES; i++)
        for (int how = 0; how < 4; how++) gemm_case(shapes[i], how & 1, how >> 1, i % 3 == 0 ? 0.0f : i % 3 == 1 ? 1.0f : 0.5f, 0);
    for (int i = 0; i < 5; i++)
        for (int how = 0; how < 4; how++) gemm_case(shapes[i], how & 1, how >> 1, 1.0f, 1);
    static const int64_t outer[][3] = { { 1, 1, 1 }, { 300, 40, 17 }, { 129, 512, 128 }, { 700, 128, 32 }, { 31, 7, 200 },
                                        { 257, 9, 9 }, { 40, 600, 130 }, { 600, 310, 70 } };
    for (int i = 0; i < 16; i++) outer_case(outer[i % 8][0], outer[i % 8][1], outer[i % 8][2], i < 8);
    static const uint32_t groups[] = { 1, 2, 3, 4, 5, 9 };
    for (int g = 0; g < 6; g++)
        for (int i = 0; i < 10; i++) {
            int64_t units = i == 5 ? 128 : (shapes[i].n + 2) / 3;
            product_case(shapes[i].m, units, shapes[i].k, groups[g], (i + g) & 1, i % 3 != 0, i % 4 == 1);
        }
    product_case(101, 450, 300, 1, 1, 1, 0); /* more weights than a second cache holds: all rows by one tile after another */
    product_case(60, 150, 260, 4, 0, 1, 1);
    static const int64_t few[][2] = { { 8, 4 }, { 16, 1 }, { 24, 16 }, { 32, 3 }, { 64, 16 }, { 64, 17 }, { 80, 5 } }; /* units, k */
    for (int i = 0; i < 14; i++)               /* a single row, by itself and with an epilogue; a few rows, cut into single ones */
        for (int how = 0; how < 4; how++) product_case(1 + i / 7 * 3, few[i % 7][0], few[i % 7][1], 1, how & 1, how >> 1, i & 1);
    for (int r = 0; r < runs; r++) backend_stop(&run[r]);
    printf("backend: %d passed, %d failed, %d skipped\n", passed, failed, skipped);
    return failed != 0;
}
