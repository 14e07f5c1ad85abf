/* guard.c -- memory between two pages that may not be touched, so that reading or writing outside the rows ends the
 * process. A buffer ends at the page behind it, or begins right after the page before it, as guard_before() says: each
 * shows what the other hides. Up to 63 bytes lie between a buffer and the page behind, for buffers begin at multiples
 * of 64; they hold a pattern that is not a number as a float, so that a result shows it was read.                  */
#include <string.h>
#include <sys/mman.h>
#include "probe.h"

enum { PAGE = 4096, MOST = 4096 };
static struct { char *base, *p; size_t all, n; } block[MOST];
enum { PATTERN = 0xFF };
static int blocks, before;

void guard_before(int yes) { before = yes; }

void *guard_alloc(tn_be *be, size_t n)
{
    (void)be;
    size_t rounded = (n + 63) & ~(size_t)63, all = (rounded + PAGE - 1) / PAGE * PAGE + 2 * PAGE;
    if (blocks == MOST) return NULL;
    char *base = mmap(NULL, all, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED) return NULL;
    if (all > 2 * PAGE) mprotect(base + PAGE, all - 2 * PAGE, PROT_READ | PROT_WRITE);
    char *p = before ? base + PAGE : base + all - PAGE - rounded;
    memset(p + n, PATTERN, (size_t)(base + all - PAGE - (p + n)));
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
            if (*q != (char)PATTERN) return "wrote past the end of a buffer";
    return NULL;
}

const char *guard_place(const void *address)
{
    const char *at = address;
    if ((uintptr_t)at < PAGE) return " (at a NULL pointer)";
    for (int i = 0; i < blocks; i++) {
        if (at >= block[i].base && at < block[i].base + PAGE) return " (before the first row)";
        if (at >= block[i].base + block[i].all - PAGE && at < block[i].base + block[i].all)
            return " (behind the last row)";
    }
    return "";
}

/* ---- a backend that cuts every loop at random and runs the pieces backwards: what threads could do at worst  */
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
