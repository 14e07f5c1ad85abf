/* steps.h -- what data sets of sentences share: texts handed on as steps, and a line of plain text cut into them. */
#ifndef STEPS_H
#define STEPS_H
#include "text_file.h"

enum { PLAIN_SPACES, PLAIN_CHARACTERS };
static const char *const plain_ways[] = { "spaces", "characters", NULL };

/* The steps of one value while they are collected. */
typedef struct steps {
    char *text; size_t bytes, room;
    int64_t *end, n, ends;
} steps;

static inline void steps_clear(steps *s) { s->bytes = 0, s->n = 0; }
static inline void steps_free(steps *s)
{
    free(s->text), free(s->end);
    memset(s, 0, sizeof *s);
}

/* One more step of n bytes. 0: no memory. */
static inline int steps_add(steps *s, const char *text, size_t n)
{
    if (s->bytes + n > s->room) {
        size_t room = 2 * (s->bytes + n) + 256;
        char *more = (char *)realloc(s->text, room);
        if (!more) return 0;
        s->text = more, s->room = room;
    }
    if (s->n == s->ends) {
        int64_t room = 2 * s->ends + 64;
        int64_t *more = (int64_t *)realloc(s->end, sizeof *more * (size_t)room);
        if (!more) return 0;
        s->end = more, s->ends = room;
    }
    if (n) memcpy(s->text + s->bytes, text, n);
    s->bytes += n;
    s->end[s->n++] = (int64_t)s->bytes;
    return 1;
}

static inline int steps_put(const steps *s, const tn_sink *sink, uint32_t column)
{
    tn_value v = { sizeof v, TN_TEXT, 1, 1, s->n, s->n, NULL, s->n ? s->text : "", s->end };
    return sink->put(sink->to, column, &v);
}

static inline int steps_is_space(char c) { return c == ' ' || (c >= 9 && c <= 13); }

/* A line cut at spaces, or into characters without the spaces. 0: no memory. */
static inline int steps_cut(steps *s, int way, const char *text, int64_t n)
{
    for (int64_t at = 0, k; at < n; at += k) {
        k = 1;
        if (steps_is_space(text[at])) continue;
        if (way == PLAIN_CHARACTERS) tn_utf8_at(text + at, n - at, &k);
        else while (at + k < n && !steps_is_space(text[at + k])) k++;
        if (!steps_add(s, text + at, (size_t)k)) return 0;
    }
    return 1;
}
#endif
