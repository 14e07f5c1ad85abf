/* strip_mail.c -- a mail or news article without its header and without the lines that quote others, so that a text
 * classifier cannot go by who wrote to whom. The rules for quotes are those that are customary for 20 Newsgroups. */
#include <stdlib.h>
#include <string.h>
#include "tenon/tenon.h"

typedef struct { int32_t header, quotes; } config;
static const tn_option options[] = {
    TN_BOOL(config, header, 1, "drop everything up to the first empty line"),
    TN_BOOL(config, quotes, 1, "drop lines that quote, or that say who is quoted") };

typedef struct {
    const config *c;
    const tn_api *api; tn_host *host;
    char *text; size_t bytes;              /* what is left                                                     */
    int64_t *end; size_t ends;
} strip;

static int open_strip(const tn_api *api, tn_host *host, const void *config_, void *self)
{
    strip *s = self;
    s->c = config_, s->api = api, s->host = host;
    return TN_OK;
}

static void close_strip(void *self)
{
    strip *s = self;
    free(s->text), free(s->end);
    s->text = NULL, s->end = NULL, s->bytes = s->ends = 0;
}

static int plan(const tn_api *api, tn_host *host, const void *config_, void *self, const tn_column *in, tn_column *out)
{
    (void)config_, (void)self;
    if (in->dtype != TN_TEXT) return tn_fail(api, host, TN_EINVAL, "takes text");
    *out = *in;
    return TN_OK;
}

/* The line that begins at p; *next: where the one after it begins. Its length without the line end. */
static size_t line_at(const char *p, const char *end, const char **next)
{
    const char *stop = memchr(p, '\n', (size_t)(end - p));
    *next = stop ? stop + 1 : end;
    size_t n = (size_t)((stop ? stop : end) - p);
    return n && p[n - 1] == '\r' ? n - 1 : n;
}

/* Behind the first empty line; the text itself where there is none. */
static const char *behind_header(const char *text, const char *end)
{
    const char *next;
    for (const char *p = text; p < end; p = next)
        if (!line_at(p, end, &next)) return next;
    return text;
}

static int contains(const char *line, size_t n, const char *word)
{
    size_t m = strlen(word);
    for (size_t i = 0; i + m <= n; i++)
        if (!memcmp(line + i, word, m)) return 1;
    return 0;
}

/* A quoted line, or one that introduces a quotation. */
static int quotes(const char *line, size_t n)
{
    static const char *const begins[] = { ">", "|", "In article", "Quoted from" };
    static const char *const says[] = { "writes in", "writes:", "wrote:", "says:", "said:" };
    for (int i = 0; i < 4; i++) {
        size_t m = strlen(begins[i]);
        if (n >= m && !memcmp(line, begins[i], m)) return 1;
    }
    for (int i = 0; i < 5; i++)
        if (contains(line, n, says[i])) return 1;
    return 0;
}

/* Copies what stays of one text to `to`; gives the bytes copied. */
static size_t strip_text(const config *c, const char *p, const char *end, char *to)
{
    const char *next;
    char *out = to;
    for (p = c->header ? behind_header(p, end) : p; p < end; p = next) {
        size_t n = line_at(p, end, &next);
        if (c->quotes && quotes(p, n)) continue;
        memcpy(out, p, (size_t)(next - p));
        out += next - p;
    }
    return (size_t)(out - to);
}

static int apply(void *self, const tn_value *in, tn_rng rng, const tn_sink *sink)
{
    strip *s = self;
    (void)rng;
    size_t bytes = in->leaves ? (size_t)in->end[in->leaves - 1] : 0, ends = (size_t)in->leaves;
    if (bytes + 1 > s->bytes || ends + 1 > s->ends) {
        char *text = realloc(s->text, bytes + 1);
        if (text) s->text = text, s->bytes = bytes + 1;
        int64_t *end = realloc(s->end, sizeof *end * (ends + 1));
        if (end) s->end = end, s->ends = ends + 1;
        if (!text || !end) return s->api->fail(s->host, TN_ENOMEM, "no memory for a text");
    }
    size_t at = 0;
    for (int64_t i = 0, from = 0; i < in->leaves; from = in->end[i++]) {
        const char *leaf = in->leaf;
        at += strip_text(s->c, leaf + from, leaf + in->end[i], s->text + at);
        s->end[i] = (int64_t)at;
    }
    tn_value out = *in;
    out.leaf = s->text, out.end = s->end;
    return sink->put(sink->to, 0, &out);
}

static const tn_transform table = { sizeof table, 0, plan, apply };
static const tn_desc desc = {
    sizeof desc, TN_TRANSFORM, &table, "strip_mail", "mail and news articles without header and quotations",
    "The header is everything up to the first empty line; a text without one keeps all of it. A line is a quotation if it "
    "begins with `>`, `|`, `In article` or `Quoted from`, or holds `writes in`, `writes:`, `wrote:`, `says:` or `said:`. "
    "Stands before `words`, while the text still has its lines.",
    TN_OPTIONS(options), sizeof(config), sizeof(strip), NULL, open_strip, close_strip, NULL, NULL, NULL };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("strip_mail", "1.0.0", "Tenon", "MIT", "", parts)
