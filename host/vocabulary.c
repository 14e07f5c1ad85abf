/* vocabulary.c -- see vocabulary.h. Nothing depends on hash order: ids follow counts, first sight or sorting. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#include "vocabulary.h"

/* ---- interner ---------------------------------------------------------------------------------------------- */
static size_t probe(const interner *t, const char *word, size_t n)
{
    size_t i = (size_t)XXH3_64bits(word, n) & (t->slots - 1);
    while (t->table[i]) {
        const char *have = t->bytes + t->at[t->table[i] - 1];
        if (!strncmp(have, word, n) && !have[n]) break;
        i = (i + 1) & (t->slots - 1);
    }
    return i;
}

static void grow_table(interner *t)
{
    memory_free(t->table);
    t->slots = t->slots ? 2 * t->slots : 1024;
    t->table = memory_new(sizeof *t->table * t->slots);
    for (int32_t i = 0; i < t->n; i++) {
        const char *word = interner_word(t, i);
        t->table[probe(t, word, strlen(word))] = i + 1;
    }
}

int32_t interner_add(interner *t, const char *word, size_t n)
{
    if ((size_t)t->n * 2 >= t->slots) grow_table(t);
    size_t i = probe(t, word, n);
    if (t->table[i]) return t->table[i] - 1;
    if (t->n_bytes + n + 1 > t->room) {
        size_t room = 2 * (t->n_bytes + n + 1) + 65536;
        t->bytes = memory_grow(t->bytes, t->n_bytes, room);
        t->room = room;
    }
    if (t->n == t->most) {
        int32_t most = 2 * t->most + 1024;
        t->at = memory_grow(t->at, sizeof *t->at * (size_t)t->n, sizeof *t->at * (size_t)most);
        t->most = most;
    }
    memcpy(t->bytes + t->n_bytes, word, n);
    t->bytes[t->n_bytes + n] = 0;
    t->at[t->n] = t->n_bytes;
    t->n_bytes += n + 1;
    t->table[i] = ++t->n;
    return t->n - 1;
}

int32_t interner_find(const interner *t, const char *word, size_t n) { return t->slots ? t->table[probe(t, word, n)] - 1 : -1; }
const char *interner_word(const interner *t, int32_t i) { return t->bytes + t->at[i]; }

void interner_free(interner *t)
{
    memory_free(t->bytes);
    memory_free(t->at);
    memory_free(t->table);
    memset(t, 0, sizeof *t);
}

/* ---- vocabularies -------------------------------------------------------------------------------------------- */
struct vocabulary_index { interner words; };

vocabulary *vocabulary_of_list(arena *a, const char *const *word, int64_t n, int64_t unknown)
{
    vocabulary *v = arena_new(a, sizeof *v);
    XXH64_hash_t hash = (XXH64_hash_t)n;
    v->word = arena_new(a, sizeof *v->word * (size_t)(n + 1));
    v->index = memory_new(sizeof *v->index);
    v->n = n, v->unknown = unknown;
    for (int64_t i = 0; i < n; i++) {
        v->word[i] = arena_text(a, word[i]);
        interner_add(&v->index->words, word[i], strlen(word[i]));
        hash = XXH3_64bits_withSeed(word[i], strlen(word[i]), hash);
    }
    v->hash = hash;
    return v;
}

void vocabulary_free(vocabulary *v)
{
    if (!v || !v->index) return;
    interner_free(&v->index->words);
    memory_free(v->index);
    v->index = NULL;
}

int32_t vocabulary_id(const vocabulary *v, const char *word, size_t n)
{
    int32_t id = interner_find(&v->index->words, word, n);
    return id >= 0 ? id : (int32_t)v->unknown;
}

typedef struct ranked { int64_t count, first; int32_t word; } ranked;

static int by_count(const void *p, const void *q)
{
    const ranked *a = p, *b = q;
    if (a->count != b->count) return a->count < b->count ? 1 : -1;
    return a->first < b->first ? -1 : a->first > b->first;
}

vocabulary *vocabulary_of_words(arena *a, const interner *t, const int64_t *count, const int64_t *first,
                                const vocabulary_rules *r, int32_t *id_of)
{
    ranked *order = memory_new(sizeof *order * (size_t)(t->n + 1));
    const char **word = memory_new(sizeof *word * (size_t)(t->n + r->n_always + 2));
    int64_t n = 0, kept = 0;
    for (int32_t i = 0; i < t->n; i++) id_of[i] = 0;
    word[kept++] = r->unknown;
    for (int i = 0; i < r->n_always; i++) word[kept++] = r->always[i];
    for (int64_t k = 0; k < kept; k++) {
        int32_t i = interner_find(t, word[k], strlen(word[k]));
        if (i >= 0) id_of[i] = (int32_t)k;
    }
    for (int32_t i = 0; i < t->n; i++) {
        int special = 0;
        for (int64_t k = 0; k < kept; k++) special |= !strcmp(word[k], interner_word(t, i));
        if (count[i] >= (r->min_count > 1 ? r->min_count : 1) && !special) order[n++] = (ranked){ count[i], first[i], i };
    }
    qsort(order, (size_t)n, sizeof *order, by_count);
    for (int64_t i = 0; i < n && (!r->size || kept < r->size); i++) {
        id_of[order[i].word] = (int32_t)kept;
        word[kept++] = interner_word(t, order[i].word);
    }
    vocabulary *v = vocabulary_of_list(a, word, kept, 0);
    memory_free(order);
    memory_free(word);
    return v;
}

static int is_number(const char *s, double *x)
{
    char *end;
    *x = strtod(s, &end);
    return end != s && !*end;
}

static int by_bytes(const void *p, const void *q) { return strcmp(*(const char *const *)p, *(const char *const *)q); }
static int by_number(const void *p, const void *q)
{
    double a = 0, b = 0;
    is_number(*(const char *const *)p, &a);
    is_number(*(const char *const *)q, &b);
    return a < b ? -1 : a > b ? 1 : by_bytes(p, q);
}

vocabulary *vocabulary_of_labels(arena *a, const interner *t, const int64_t *count, int32_t *id_of)
{
    const char **word = memory_new(sizeof *word * (size_t)(t->n + 1));
    int64_t n = 0;
    int numbers = 1;
    double x;
    for (int32_t i = 0; i < t->n; i++)
        if (count[i] > 0) word[n++] = interner_word(t, i), numbers &= is_number(word[n - 1], &x);
    qsort(word, (size_t)n, sizeof *word, numbers ? by_number : by_bytes);
    vocabulary *v = vocabulary_of_list(a, word, n, -1);
    for (int32_t i = 0; i < t->n; i++) id_of[i] = vocabulary_id(v, interner_word(t, i), strlen(interner_word(t, i)));
    memory_free(word);
    return v;
}
