/* memory.h -- an arena for what lives as long as the experiment, checked allocation for what does not, and scratch
 * for what lives as long as a batch.
 * Running out of memory calls the handler that program.c installs (it prints and ends the program); nothing else
 * in host/ exits.                                                                                            */
#ifndef MEMORY_H
#define MEMORY_H
#include <stddef.h>
#include <stdint.h>

typedef struct arena { struct arena_block *blocks; } arena;

void  memory_on_failure(void (*handler)(size_t wanted));
void *memory_new(size_t n);                       /* zeroed, 64-byte aligned; n == 0 gives a valid pointer  */
void *memory_grow(void *p, size_t old_n, size_t n); /* copies old_n bytes, zeroes the rest, frees p          */
void  memory_free(void *p);

void *arena_new(arena *, size_t n);               /* zeroed, 16-byte aligned                                */
char *arena_text(arena *, const char *);          /* a copy                                                 */
char *arena_print(arena *, const char *format, ...) __attribute__((format(printf, 2, 3)));
void  arena_free(arena *);

/* A stack of bytes for one batch. Grows by whole new blocks while a run warms up; `reset` keeps the largest. */
typedef struct scratch { char *base; size_t size, used, wanted; struct scratch_extra *extra; } scratch;
void *scratch_new(scratch *, size_t n);              /* 64-byte aligned, not zeroed                           */
void  scratch_reset(scratch *);                      /* everything is gone; next time one block is enough     */
void  scratch_reserve(scratch *, size_t n);          /* reset, and room for n bytes                            */
void  scratch_free(scratch *);
#endif
