/* vec_test.c -- the functions of vec.h give a number the same bits wherever it lies: in each lane, among other numbers, in a tail
 * of each length, with which no memory beyond it is read or written. tests/vec_test.sh runs it as compiled for each width of a
 * vector and compares what it prints last, a hash of all results, which must not hang on the width either. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include "tenon/vec.h"

typedef tn_vf function(tn_vf);
static tn_vf f_exp(tn_vf x) { return tn_exp(x); }
static tn_vf f_sigmoid(tn_vf x) { return tn_sigmoid(x); }
static tn_vf f_tanh(tn_vf x) { return tn_tanh(x); }
static tn_vf f_log(tn_vf x) { return tn_log(x); }
static tn_vf f_expm1(tn_vf x) { return tn_expm1(x); }
static tn_vf f_log1p(tn_vf x) { return tn_log1p(x); }
static function *const functions[] = { f_exp, f_sigmoid, f_tanh, f_log, f_expm1, f_log1p };
static const char *const name[] = { "exp", "sigmoid", "tanh", "log", "expm1", "log1p" };
enum { FUNCTIONS = sizeof functions / sizeof *functions, MOST = 1 << 16 };

static uint32_t bits_of(float x)
{
    uint32_t b;
    memcpy(&b, &x, sizeof b);
    return x != x ? 0x7fc00000u : b;         /* NaNs are equal                                                   */
}

/* Every 65,537th pattern of bits: all exponents, both signs, infinities, NaNs; denormals are left out, which threads flush. */
static int fill(float *x)
{
    int n = 0;
    for (uint64_t b = 0; b < (uint64_t)1 << 32 && n < MOST; b += 65537) {
        uint32_t bits = (uint32_t)b;
        float v;
        memcpy(&v, &bits, sizeof v);
        if ((bits >> 23 & 0xff) != 0 || (bits & 0x7fffff) == 0) x[n++] = v;
    }
    return n;
}

/* Tails that end where memory does: the numbers before are kept, lanes beyond are zero, and nothing behind is touched, or this
 * program would end. */
static int wrong_tails(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    int wrong = 0;
    char *memory = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED || mprotect(memory + page, page, PROT_NONE)) return 1;
    for (int n = 1; n <= TN_VL; n++) {
        float *end = (float *)(void *)(memory + page), *p = end - n, got[TN_VL], whole[TN_VL];
        for (int k = 0; k < TN_VL; k++) end[-1 - k] = (float)(k + 1), whole[k] = (float)(100 + k);
        tn_store(got, tn_loadn(p, n));
        for (int k = 0; k < TN_VL; k++) wrong += got[k] != (k < n ? (float)(n - k) : 0);
        tn_storen(p, tn_load(whole), n);
        for (int k = 0; k < n; k++) wrong += p[k] != (float)(100 + k);
        for (int k = n; k < TN_VL; k++) wrong += end[-1 - k] != (float)(k + 1);
    }
    munmap(memory, 2 * page);
    return wrong;
}

int main(void)
{
    static float x[MOST + TN_VL], alone[MOST];
    int n = fill(x), passed = 0, failed = 0;
    uint64_t hash = 1469598103934665603u;
    for (int f = 0; f < FUNCTIONS; f++) {
        long in_lanes = 0, in_tails = 0;
        for (int i = 0; i < n; i++) {        /* beside others that are zero                                      */
            float v[TN_VL] = { x[i] };
            alone[i] = functions[f](tn_load(v))[0];
            hash = (hash ^ bits_of(alone[i])) * 1099511628211u;
        }
        for (int from = 0; from < TN_VL; from++)
            for (int i = from; i + TN_VL <= n; i += TN_VL) {
                float y[TN_VL];
                tn_store(y, functions[f](tn_load(x + i)));
                for (int k = 0; k < TN_VL; k++) in_lanes += bits_of(y[k]) != bits_of(alone[i + k]);
            }
        for (int i = 0, tail = 1; i + tail < n; i += tail, tail = tail % (TN_VL - 1) + 1) {
            float y[TN_VL];
            tn_storen(y, functions[f](tn_loadn(x + i, tail)), tail);
            for (int k = 0; k < tail; k++) in_tails += bits_of(y[k]) != bits_of(alone[i + k]);
        }
        if (in_lanes || in_tails) failed++, printf("FAILED: %s: %ld numbers differ by lane, %ld in tails\n", name[f], in_lanes, in_tails);
        else passed++;
    }
    int tails = wrong_tails();
    if (tails) failed++, printf("FAILED: tails: %d numbers are not what they should be\n", tails);
    printf("%d lanes, %d numbers: %d functions right, %d wrong, hash %016llx\n", TN_VL, n, passed, failed, (unsigned long long)hash);
    return failed != 0;
}
