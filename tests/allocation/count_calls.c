/* count_calls.c -- preloaded: counts every call that takes memory from the system's allocator or the kernel. */
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>

atomic_long allocation_calls;
extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t), *__libc_memalign(size_t, size_t);

void *malloc(size_t n) { allocation_calls++; return __libc_malloc(n); }
void *calloc(size_t n, size_t m) { allocation_calls++; return __libc_calloc(n, m); }
void *realloc(void *p, size_t n) { allocation_calls++; return __libc_realloc(p, n); }
void *aligned_alloc(size_t a, size_t n) { allocation_calls++; return __libc_memalign(a, n); }
void *memalign(size_t a, size_t n) { allocation_calls++; return __libc_memalign(a, n); }
int posix_memalign(void **p, size_t a, size_t n)
{
    allocation_calls++;
    *p = __libc_memalign(a, n);
    return *p ? 0 : ENOMEM;
}
