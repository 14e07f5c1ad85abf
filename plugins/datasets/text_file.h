/* text_file.h -- what data sets of text share: a file read whole, as UTF-8 whatever it was, and its lines. */
#ifndef TEXT_FILE_H
#define TEXT_FILE_H
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "tenon/tenon.h"
#include "tenon/utf8.h"

enum { ENCODING_UTF8, ENCODING_LATIN1, ENCODING_BYTES /* inside only: as it is */ };
static const char *const text_encodings[] = { "utf-8", "latin-1", NULL };
static const char *const text_splits[] = { "train", "validation", "test" };
enum { TEXT_SPLITS = 3 };

/* Number of a split by name; -1: none. */
static inline int text_split(const char *name)
{
    for (int i = 0; i < TEXT_SPLITS; i++)
        if (!strcmp(text_splits[i], name)) return i;
    return -1;
}

/* A copy of latin-1 text as UTF-8, NUL-terminated; its length in *m. NULL: no memory. */
static inline char *latin1_to_utf8(const char *text, size_t n, size_t *m)
{
    char *out = (char *)malloc(2 * n + 1), *p = out;
    for (size_t i = 0; out && i < n; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c >= 0x80) *p++ = (char)(0xc0 | c >> 6), *p++ = (char)(0x80 | (c & 0x3f));
        else *p++ = (char)c;
    }
    if (out) *p = 0, *m = (size_t)(p - out);
    return out;
}

/* The whole file, NUL-terminated, as UTF-8 without a byte order mark; its length in *n. NULL after fail(). */
static inline char *text_read(const tn_api *api, tn_host *host, const char *path, int encoding, size_t *n)
{
    FILE *f = fopen(path, "rb");
    if (!f) return tn_fail(api, host, TN_EIO, "cannot read '%s': %s", path, strerror(errno)), (char *)NULL;
    size_t room = 1 << 16, have = 0, got;
    char *text = (char *)malloc(room + 1);
    while (text && (got = fread(text + have, 1, room - have, f)) > 0) {
        have += got;
        if (have < room) continue;
        char *more = (char *)realloc(text, 2 * room + 1);
        if (!more) free(text);
        text = more, room *= 2;
    }
    int bad = ferror(f), why = errno;
    fclose(f);
    if (bad) tn_fail(api, host, TN_EIO, "cannot read '%s': %s", path, strerror(why)), free(text), text = NULL;
    else if (!text) api->fail(host, TN_ENOMEM, "no memory for a data file");
    if (!text) return NULL;
    text[have] = 0;
    if (have >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) memmove(text, text + 3, have - 2), have -= 3;
    const char *nul = (const char *)memchr(text, 0, have);
    if (nul) {
        size_t line = 1;
        for (const char *c = text; c < nul; c++) line += *c == '\n';
        tn_fail(api, host, TN_EINVAL, "%s:%zu: a NUL byte; this is no text, or it is UTF-16, which must be made UTF-8 first",
                path, line);
        free(text);
        return NULL;
    }
    if (encoding == ENCODING_LATIN1) {
        char *wide = latin1_to_utf8(text, have, &have);
        free(text);
        if (!wide) api->fail(host, TN_ENOMEM, "no memory for a data file");
        text = wide;
    } else if (encoding == ENCODING_UTF8) {
        size_t at = tn_utf8_fault(text, have), line = 1;
        for (size_t i = 0; i < at; i++) line += text[i] == '\n';
        if (at < have) {
            tn_fail(api, host, TN_EINVAL,
                    "%s:%zu: not valid UTF-8 (byte 0x%02x); if the file is latin-1, say encoding = \"latin-1\"",
                    path, line, (unsigned)(unsigned char)text[at]);
            free(text);
            return NULL;
        }
    }
    *n = have;
    return text;
}

/* A list of places in a text that grows. 0: no memory. */
typedef struct places { size_t *v; int64_t n, room; } places;
static inline int places_add(places *p, size_t v)
{
    if (p->n == p->room) {
        int64_t room = 2 * p->room + 1024;
        size_t *more = (size_t *)realloc(p->v, sizeof *more * (size_t)room);
        if (!more) return 0;
        p->v = more, p->room = room;
    }
    p->v[p->n++] = v;
    return 1;
}

/* Hands on one text of depth 0. */
static inline int put_text(const tn_sink *sink, uint32_t column, const char *text, size_t n)
{
    int64_t end = (int64_t)n;
    tn_value v = { sizeof v, TN_TEXT, 0, 1, 1, 1, NULL, text, &end };
    return sink->put(sink->to, column, &v);
}
#endif
