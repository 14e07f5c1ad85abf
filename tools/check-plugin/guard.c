/* guard.c -- memory whose last byte lies before a page that may not be touched: reading or writing past the rows ends the
 * process. Up to 63 bytes lie between a buffer and that page, for buffers begin at multiples of 64; they hold a pattern. */
#include <string.h>
#include <sys/mman.h>
#include "probe.h"

enum { PAGE = 4096, MOST = 4096 };
static struct { char *base, *p; size_t all, n; } block[MOST];
static int blocks;

void *guard_alloc(tn_be *be, size_t n)
{
    (void)be;
    size_t rounded = (n + 63) & ~(size_t)63, all = (rounded + PAGE - 1) / PAGE * PAGE + 2 * PAGE;
    if (blocks == MOST) return NULL;
    char *base = mmap(NULL, all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED) return NULL;
    mprotect(base, PAGE, PROT_NONE);
    mprotect(base + all - PAGE, PAGE, PROT_NONE);
    char *p = base + all - PAGE - rounded;
    memset(p + n, 0xA5, rounded - n);
    block[blocks].base = base, block[blocks].p = p, block[blocks].all = all, block[blocks].n = n;
    blocks++;
    return p;
}

void guard_release(tn_be *be, void *p)
{
    (void)be;
    for (int i = 0; i < blocks; i++)
        if (block[i].p == p) {
            munmap(block[i].base, block[i].all);
            block[i] = block[--blocks];
            return;
        }
}

void guard_reset(void) { while (blocks) guard_release(NULL, block[blocks - 1].p); }

const char *guard_check(void)
{
    for (int i = 0; i < blocks; i++)
        for (char *q = block[i].p + block[i].n; q < block[i].base + block[i].all - PAGE; q++)
            if (*q != (char)0xA5) return "wrote past the end of a buffer";
    return NULL;
}

/* ---- a backend that cuts every loop at random and runs the pieces backwards: what threads could do at worst ------------- */
static uint64_t cut_seed;
static int cut_loop(tn_be *be, int64_t n, int64_t grain, void (*body)(void *, int64_t, int64_t), void *ctx)
{
    uint64_t k = cut_seed;
    (void)be, (void)grain;
    for (int64_t end = n; end > 0; ) {
        k = mixed(k, 5);
        int64_t from = end - 1 - (int64_t)(k % 3);
        if (from < 0) from = 0;
        body(ctx, from, end);
        end = from;
    }
    return TN_OK;
}

const tn_ops *random_cuts(const tn_ops *real, uint64_t seed)
{
    static tn_ops cut;
    cut = *real;
    cut.parallel_for = cut_loop;
    cut_seed = seed;
    return &cut;
}
