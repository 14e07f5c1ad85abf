/* guard.c -- memory between two pages that may not be touched, so that reading or writing outside the rows ends the
 * process. A buffer ends at the page behind it, or begins right after the page before it, as guard_before() says: each
 * shows what the other hides. Up to 63 bytes lie between a buffer and the page behind, for buffers begin at multiples
 * of 64; they hold a pattern that is not a number as a float, so that a result shows it was read.                  */
#include <string.h>
#include <sys/mman.h>
#include "probe.h"

enum { PAGE = 4096, MOST = 4096 };
enum { PATTERN = 0xFF };
typedef struct buffer { char *base, *p; size_t all, n; } buffer;
/* Those in use, then those that were released: they are kept for the next buffer of their size, since three calls of the system
 * for each would be most of the time of a check. Until then they are full of the pattern. */
static buffer block[MOST];
static int blocks, made, before, touched;

void guard_before(int yes) { before = yes; }

static char *first_of(const buffer *b) { return b->base + PAGE; }
static size_t room_of(const buffer *b) { return b->all - 2 * PAGE; }

static int intact(const char *p, const char *end)
{
    return p >= end || (*p == (char)PATTERN && !memcmp(p, p + 1, (size_t)(end - p) - 1)); /* each byte as the one before it */
}

static int map_block(size_t all)
{
    if (made == MOST) made--, munmap(block[made].base, block[made].all);
    char *base = mmap(NULL, all, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED) return -1;
    if (all > 2 * PAGE) mprotect(base + PAGE, all - 2 * PAGE, PROT_READ | PROT_WRITE);
    block[made] = (buffer){ base, NULL, all, 0 };
    memset(first_of(&block[made]), PATTERN, room_of(&block[made]));
    return made++;
}

static void swap(int i, int j)
{
    buffer b = block[i];
    block[i] = block[j], block[j] = b;
}

void *guard_alloc(tn_be *be, size_t n)
{
    (void)be;
    size_t rounded = (n + 63) & ~(size_t)63, all = (rounded + PAGE - 1) / PAGE * PAGE + 2 * PAGE;
    int i = blocks;
    if (blocks == MOST) return NULL;
    while (i < made && block[i].all != all) i++;
    if (i == made && (i = map_block(all)) < 0) return NULL;
    swap(i, blocks);
    buffer *b = &block[blocks++];
    char *first = first_of(b), *end = first + room_of(b);
    if (!intact(first, end)) touched = 1;
    b->n = n, b->p = before ? first : end - rounded;
    memset(first, PATTERN, (size_t)(end - first));
    memset(b->p, 0, n);
    return b->p;
}

void guard_release(tn_be *be, void *p)
{
    (void)be;
    for (int i = 0; i < blocks; i++)
        if (block[i].p == p) {
            memset(first_of(&block[i]), PATTERN, room_of(&block[i]));
            swap(i, --blocks);
            return;
        }
}

void guard_reset(void) { while (blocks) guard_release(NULL, block[blocks - 1].p); }

const char *guard_check(void)
{
    int late = touched;
    touched = 0;
    if (late) return "wrote into a buffer that was released";
    for (int i = 0; i < blocks; i++)
        if (!intact(block[i].p + block[i].n, first_of(&block[i]) + room_of(&block[i]))) return "wrote past the end of a buffer";
    return NULL;
}

const char *guard_place(const void *address)
{
    const char *at = address;
    if ((uintptr_t)at < PAGE) return " (at a NULL pointer)";
    for (int i = 0; i < made; i++) {
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
