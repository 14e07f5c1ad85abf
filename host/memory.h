/* memory.h -- an arena for what lives as long as the experiment, and checked allocation for what does not.
 * Running out of memory calls the handler that main installed (it prints and ends the program); nothing else
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
#endif
