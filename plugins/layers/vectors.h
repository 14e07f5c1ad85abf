/* vectors.h -- reads pretrained word vectors in GloVe's text form: a line is a word and its numbers, separated by
 * spaces. A first line of two integers (how many, how wide), as word2vec and fastText write it, is passed over. */
#ifndef VECTORS_H
#define VECTORS_H
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tenon/tenon.h>

/* Words of a vocabulary by spelling: open addressing over ids. */
typedef struct word_table { const char **word; int32_t *slot; uint64_t mask; int64_t n; } word_table;

static uint64_t word_hash(const char *s, size_t n)
{
    uint64_t h = 1469598103934665603u;
    for (size_t i = 0; i < n; i++) h = (h ^ (unsigned char)s[i]) * 1099511628211u;
    return h ^ (h >> 29);
}

static void word_table_free(word_table *t)
{
    free(t->word);
    free(t->slot);
}

/* Words 0 .. n-1 of a vocabulary. How many have a spelling, or < 0: no memory. */
static int64_t word_table_make(word_table *t, const tn_api *api, tn_host *host, int32_t vocabulary, int64_t n)
{
    uint64_t size = 16;
    int64_t spelt = 0;
    while (size < 2 * (uint64_t)n) size *= 2;
    *t = (word_table){ calloc((size_t)n + 1, sizeof *t->word), malloc(size * sizeof *t->slot), size - 1, n };
    if (!t->word || !t->slot) return TN_ENOMEM;
    for (uint64_t i = 0; i < size; i++) t->slot[i] = -1;
    for (int64_t id = 0; id < n; id++) {
        const char *w = t->word[id] = api->word(host, vocabulary, id);
        if (!w) continue;
        uint64_t i = word_hash(w, strlen(w)) & t->mask;
        while (t->slot[i] >= 0) i = (i + 1) & t->mask;
        t->slot[i] = (int32_t)id, spelt++;
    }
    return spelt;
}

/* The id of a word of n bytes, or -1. */
static int64_t word_table_find(const word_table *t, const char *s, size_t n)
{
    for (uint64_t i = word_hash(s, n) & t->mask; t->slot[i] >= 0; i = (i + 1) & t->mask) {
        const char *w = t->word[t->slot[i]];
        if (!strncmp(w, s, n) && !w[n]) return t->slot[i];
    }
    return -1;
}

typedef struct vectors { const tn_api *api; tn_host *host; const char *path; int64_t line, width, found; char *seen; } vectors;

/* Bytes of the word at the beginning of a line whose last `width` columns are numbers; the word itself may hold
 * spaces. 0: the line has fewer columns; *columns tells how many numbers it can have. */
static size_t word_length(const char *text, size_t n, int64_t width, int64_t *columns)
{
    int64_t spaces = 0;
    for (size_t i = 0; i < n; i++) spaces += text[i] == ' ';
    *columns = spaces;
    if (spaces < width) return 0;
    size_t i = 0;
    for (int64_t skip = spaces - width; i < n; i++)
        if (text[i] == ' ' && skip-- == 0) break;
    return i;
}

static int is_heading(const char *text)
{
    char *end;
    (void)strtoll(text, &end, 10);
    if (end == text || *end != ' ') return 0;
    const char *second = end + 1;
    (void)strtoll(second, &end, 10);
    return end != second && !*end;
}

static int wrong_width(vectors *v, int64_t columns)
{
    return tn_fail(v->api, v->host, TN_ESHAPE,
                   "%s:%lld: the word has %lld numbers, but width = %lld; a vector must be as wide as the embedding",
                   v->path, (long long)v->line, (long long)columns, (long long)v->width);
}

/* One line into the row of its word, if the vocabulary has it. */
static int read_vector(vectors *v, const word_table *t, char *text, size_t n, float *p)
{
    int64_t columns;
    while (n && (text[n - 1] == '\n' || text[n - 1] == '\r' || text[n - 1] == ' ')) text[--n] = 0;
    if (!n || (v->line == 1 && is_heading(text))) return TN_OK;
    size_t word = word_length(text, n, v->width, &columns);
    if (!word || (v->line == 1 && columns != v->width)) return wrong_width(v, columns);
    int64_t id = word_table_find(t, text, word);
    const char *at = text + word;
    for (int64_t j = 0; j < v->width; j++) {
        char *end;
        float x = strtof(at, &end);
        if (end == at || (*end != ' ' && *end)) {
            if (columns != v->width) return wrong_width(v, columns);
            return tn_fail(v->api, v->host, TN_EINVAL, "%s:%lld: column %lld is no number", v->path,
                           (long long)v->line, (long long)j + 2);
        }
        if (id >= 0) p[id * v->width + j] = x;
        at = end;
    }
    if (id >= 0 && !v->seen[id]) v->seen[id] = 1, v->found++;
    return TN_OK;
}

/* Writes the vectors of a file into the rows of their words; rows of other words are left as they are. How many words
 * were found, or < 0 after fail(). */
static int64_t read_vectors(const tn_api *api, tn_host *host, const char *path, const word_table *t,
                            int64_t width, float *p)
{
    vectors v = { api, host, path, 0, width, 0, calloc((size_t)t->n + 1, 1) };
    FILE *f = fopen(path, "r");
    char *text = NULL;
    size_t room = 0;
    int rc = TN_OK;
    if (!v.seen) rc = tn_fail(api, host, TN_ENOMEM, "no memory for the words of '%s'", path);
    else if (!f) rc = tn_fail(api, host, TN_EIO, "cannot read '%s': %s", path, strerror(errno));
    while (!rc) {
        errno = 0;
        ssize_t n = getline(&text, &room, f);
        if (n < 0) break;
        v.line++;
        rc = read_vector(&v, t, text, (size_t)n, p);
    }
    if (!rc && ferror(f)) rc = tn_fail(api, host, TN_EIO, "cannot read '%s': %s", path, strerror(errno));
    if (!rc && !v.line)
        rc = tn_fail(api, host, TN_EINVAL, "'%s' is empty; it should hold word vectors", path);
    if (f) fclose(f);
    free(text);
    free(v.seen);
    return rc ? rc : v.found;
}
#endif
