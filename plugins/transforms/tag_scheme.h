/* tag_scheme.h -- tags that mark spans, as B-LOC or O: what a tag says, where spans begin and end, what a scheme allows.
 *
 *     scheme        a span of one, two, three tokens      a span behind one of the same type
 *     BIO, IOB2     B   B I   B I I                       begins with B
 *     IOB1          I   I I   I I I                       begins with B
 *     BIOES         S   B E   B I E                       BMES writes M for I, BILOU L for E and U for S
 */
#ifndef TAG_SCHEME_H
#define TAG_SCHEME_H
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { TAG_OUT, TAG_BEGIN, TAG_INSIDE, TAG_END, TAG_SINGLE };
enum { SCHEME_BIO, SCHEME_IOB1, SCHEME_IOB2, SCHEME_BIOES, SCHEME_BMES, SCHEME_BILOU };
#define SCHEME_NAMES "BIO", "IOB1", "IOB2", "BIOES", "BMES", "BILOU"
static const char scheme_letters[][6] = { "OBI", "OBI", "OBI", "OBIES", "OBMES", "OBILU" }; /* by TAG_ */

typedef struct span_tag { int role; const char *type; int64_t n; } span_tag;

/* What a tag says, whatever its scheme: a letter of one of them alone or before `-TYPE`. 0: it is no such tag. */
static inline int tag_read(const char *text, int64_t n, span_tag *t)
{
    static const char letters[] = "OBIMELSU";
    static const int roles[] = { TAG_OUT, TAG_BEGIN, TAG_INSIDE, TAG_INSIDE, TAG_END, TAG_END, TAG_SINGLE, TAG_SINGLE };
    const char *at = n && *text ? strchr(letters, *text) : NULL;
    if (!at || (n > 1 && text[1] != '-')) return 0;
    *t = (span_tag){ roles[at - letters], text + (n < 2 ? n : 2), n < 2 ? 0 : n - 2 };
    return t->role != TAG_OUT || n == 1;
}

static inline int same_type(const span_tag *a, const span_tag *b) { return a->n == b->n && !memcmp(a->type, b->type, (size_t)a->n); }

/* Whether a span begins at b, with a before it (O before the first): by the rules of conlleval, which give every sequence
 * of tags a reading. A span goes on until the next begins or an O stands. */
static inline int span_begins(const span_tag *a, const span_tag *b)
{
    if (b->role == TAG_OUT) return 0;
    return a->role == TAG_OUT || b->role == TAG_BEGIN || b->role == TAG_SINGLE || a->role == TAG_END || a->role == TAG_SINGLE
        || !same_type(a, b);
}

/* Whether the scheme has the tag's letter. */
static inline int scheme_has(int scheme, char letter) { return letter && strchr(scheme_letters[scheme], letter) != NULL; }

/* Whether b may follow a. NULL: the border of the sequence, before the first or after the last. */
static inline int scheme_allows(int scheme, const span_tag *a, const span_tag *b)
{
    int open = a && (a->role == TAG_BEGIN || a->role == TAG_INSIDE);   /* BIOES: the span of a has no end yet */
    int goes_on = b && (b->role == TAG_INSIDE || b->role == TAG_END);  /* b is within a span that began before */
    if (scheme == SCHEME_IOB1) return 1;
    if (scheme == SCHEME_BIO || scheme == SCHEME_IOB2) return !goes_on || (open && same_type(a, b));
    return open == goes_on && (!open || same_type(a, b));
}
#endif
