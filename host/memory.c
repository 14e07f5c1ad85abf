/* memory.c -- the arena, checked allocation and scratch declared in memory.h.
 * A failed allocation tells the installed handler how much was wanted. program.c's handler ends the program; where
 * none is installed, or it returns, the caller gets NULL.                                                    */
#include "memory.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 64, BLOCK = 64 * 1024 };

static void (*on_failure)(size_t wanted);

struct arena_block {
    struct arena_block *next;
    size_t used, size;                       /* bytes of what follows this head                              */
    size_t rsv_;                             /* keeps what follows 16-byte aligned                           */
};

void memory_on_failure(void (*handler)(size_t wanted))
{
    on_failure = handler;
}

static void *failed(size_t wanted)
{
    if (on_failure)
        on_failure(wanted);
    return NULL;
}

void *memory_new(size_t n)
{
    if (n > PTRDIFF_MAX - ALIGNMENT)
        return failed(n);
    size_t whole = n ? (n + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT : ALIGNMENT;
    void *p = aligned_alloc(ALIGNMENT, whole);
    if (!p)
        return failed(n);
    return memset(p, 0, whole);
}

void *memory_grow(void *p, size_t old_n, size_t n)
{
    void *wider = memory_new(n);
    if (wider && p)
        memcpy(wider, p, old_n < n ? old_n : n);
    if (wider)
        memory_free(p);
    return wider;
}

void memory_free(void *p)
{
    free(p);
}

/* Large requests get a block of their own behind the current one, so that its rest stays in use. */
void *arena_new(arena *a, size_t n)
{
    if (n > PTRDIFF_MAX - BLOCK)
        return failed(n);
    size_t whole = n ? (n + 15) / 16 * 16 : 16;
    struct arena_block *b = a->blocks;
    if (!b || b->size - b->used < whole) {
        int own = whole > BLOCK / 4;
        size_t size = own ? whole : BLOCK;
        struct arena_block *fresh = memory_new(sizeof *fresh + size);
        if (!fresh)
            return NULL;
        fresh->size = size;
        if (own && b) {
            fresh->next = b->next;
            b->next = fresh;
        } else {
            fresh->next = b;
            a->blocks = fresh;
        }
        b = fresh;
    }
    void *p = (char *)(b + 1) + b->used;
    b->used += whole;
    return p;
}

char *arena_text(arena *a, const char *text)
{
    size_t n = strlen(text) + 1;
    char *copy = arena_new(a, n);
    return copy ? memcpy(copy, text, n) : NULL;
}

char *arena_print(arena *a, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    char *text = n < 0 ? NULL : arena_new(a, (size_t)n + 1);
    if (text)
        vsnprintf(text, (size_t)n + 1, format, again);
    va_end(again);
    va_end(args);
    return text;
}

void arena_free(arena *a)
{
    while (a->blocks) {
        struct arena_block *b = a->blocks;
        a->blocks = b->next;
        memory_free(b);
    }
}

/* ---- scratch ------------------------------------------------------------------------------------------ */
struct scratch_extra { struct scratch_extra *next; };

void *scratch_new(scratch *s, size_t n)
{
    n = (n + 63) & ~(size_t)63;
    s->wanted += n;
    if (s->used + n <= s->size) {
        void *p = s->base + s->used;
        s->used += n;
        return p;
    }
    struct scratch_extra *extra = memory_new(64 + n);
    extra->next = s->extra;
    s->extra = extra;
    return (char *)extra + 64;
}

void scratch_reset(scratch *s)
{
    while (s->extra) {
        struct scratch_extra *next = s->extra->next;
        memory_free(s->extra);
        s->extra = next;
    }
    if (s->wanted > s->size) {
        memory_free(s->base);
        s->size = s->wanted + s->wanted / 4;
        s->base = memory_new(s->size);
    }
    s->used = s->wanted = 0;
}

void scratch_reserve(scratch *s, size_t n)
{
    if (s->wanted < n) s->wanted = n;
    scratch_reset(s);
}

void scratch_free(scratch *s)
{
    scratch_reset(s);
    memory_free(s->base);
    memset(s, 0, sizeof *s);
}
