/* strip_html.c -- text without tags: <br /> becomes a space, &amp; becomes &. */
#include "pipe.h"

static int open_strip(const tn_api *api, tn_host *host, const void *config, void *self)
{
    (void)config;
    pipe_open(self, api, host);
    return TN_OK;
}

static void close_strip(void *self) { pipe_close(self); }

static int plan(const tn_api *api, tn_host *host, const void *config, void *self, const tn_column *in, tn_column *out)
{
    (void)config, (void)self;
    if (in->dtype != TN_TEXT) return tn_fail(api, host, TN_EINVAL, "takes text");
    *out = *in;
    return TN_OK;
}

/* Bytes of the tag that begins at p, or 0: a tag is < and a letter, / or !, up to the next >. */
static int64_t tag_at(const char *p, int64_t n)
{
    if (n < 3 || *p != '<') return 0;
    char c = p[1];
    if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '/' || c == '!')) return 0;
    const char *end = memchr(p, '>', (size_t)n);
    return end ? end - p + 1 : 0;
}

/* Bytes of the entity that begins at p, or 0; what it stands for goes to text. */
static int64_t entity_at(const char *p, int64_t n, char text[5])
{
    static const char *const names[][2] = { { "&amp;", "&" }, { "&lt;", "<" }, { "&gt;", ">" }, { "&quot;", "\"" },
                                            { "&apos;", "'" }, { "&nbsp;", " " } };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        int64_t m = (int64_t)strlen(names[i][0]);
        if (n < m || memcmp(p, names[i][0], (size_t)m)) continue;
        memcpy(text, names[i][1], 2);
        return m;
    }
    int64_t i = 2, code = 0;
    if (n < 4 || p[0] != '&' || p[1] != '#') return 0;
    for (; i < n && i < 9 && p[i] >= '0' && p[i] <= '9'; i++) code = code * 10 + (p[i] - '0');
    if (i == 2 || i == n || p[i] != ';' || code < 32 || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return 0;
    char *t = text;
    if (code < 0x80) *t++ = (char)code;
    else {
        int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
        *t++ = (char)((0xff00 >> (more + 1) & 0xff) | (code >> 6 * more));
        while (more--) *t++ = (char)(0x80 | (code >> 6 * more & 0x3f));
    }
    *t = 0;
    return i + 1;
}

static int apply(void *self, const tn_value *in, tn_rng rng, const tn_sink *sink)
{
    pipe_out *p = self;
    (void)rng;
    pipe_begin(p);
    for (int64_t i = 0; i < in->leaves; i++) {
        int64_t n, k;
        const char *text = value_leaf(in, i, &n);
        for (; n > 0; text += k, n -= k) {
            char plain[5];
            if ((k = tag_at(text, n))) pipe_put(p, " ", 1);
            else if ((k = entity_at(text, n, plain))) pipe_put(p, plain, (int64_t)strlen(plain));
            else pipe_put(p, text, k = 1);
        }
        pipe_leaf(p);
    }
    return pipe_send(p, in->depth, in->n, in->inner, sink);
}

static const tn_transform table = { sizeof table, 0, plan, apply };
static const tn_desc desc = { sizeof desc, TN_TRANSFORM, &table, "strip_html", "text without tags and entities",
    "A tag (`<`, then a letter, `/` or `!`, up to `>`) becomes a space; `&amp; &lt; &gt; &quot; &apos; &nbsp;` and `&#N;` become "
    "the character they stand for.", TN_NO_OPTIONS, 0, sizeof(pipe_out), NULL, open_strip, close_strip, NULL, NULL, NULL };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("strip_html", "1.0.0", "Tenon", "MIT", "", parts)
