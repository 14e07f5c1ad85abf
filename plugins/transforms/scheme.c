/* scheme.c -- tags of spans from one scheme to another: IOB1 to BIOES, say. */
#include "pipe.h"
#include "tag_scheme.h"

enum { FAIL, REPAIR };
static const char *const names[] = { SCHEME_NAMES, NULL };
static const char *const ways[] = { "error", "repair", NULL };
typedef struct { int32_t from, to, invalid; } config;
static const tn_option options[] = {
    TN_ENUM(config, from, SCHEME_BIO, names, "the scheme of the data"),
    TN_ENUM(config, to, SCHEME_BIO, names, "the scheme that comes out"),
    TN_ENUM(config, invalid, FAIL, ways, "tags that their scheme forbids: an error, or read as conlleval reads them") };

typedef struct { const config *c; pipe_out out; span_tag *tag; int64_t room; } scheme;

static int open_scheme(const tn_api *api, tn_host *host, const void *config_, void *self)
{
    scheme *s = self;
    s->c = config_;
    pipe_open(&s->out, api, host);
    return TN_OK;
}

static void close_scheme(void *self)
{
    scheme *s = self;
    pipe_close(&s->out);
    free(s->tag);
    s->tag = NULL, s->room = 0;
}

static int plan(const tn_api *api, tn_host *host, const void *config_, void *self, const tn_column *in, tn_column *out)
{
    (void)config_, (void)self;
    if (in->dtype != TN_TEXT || in->depth != 1) return tn_fail(api, host, TN_EINVAL, "takes tags, one a step");
    *out = *in;
    return TN_OK;
}

/* Step i has tag b, behind a; NULL is the border. Tells what is wrong. */
static int forbidden(const scheme *s, const tn_value *in, int64_t i, const span_tag *a)
{
    int64_t n = 0, m = 0;
    const char *before = a && i ? value_leaf(in, i - 1, &m) : NULL, *tag = i < in->n ? value_leaf(in, i, &n) : NULL;
    return tn_fail(s->out.api, s->out.host, TN_EINVAL,
                   "%s%lld: %s%.*s%s after %s%.*s%s, which %s forbids; another `from`? invalid = 'repair' reads it as conlleval does",
                   tag ? "step " : "end, after step ", (long long)(tag ? i + 1 : i), tag ? "'" : "", tag ? (int)n : 7,
                   tag ? tag : "the end", tag ? "'" : "", before ? "'" : "", before ? (int)m : 9, before ? before : "the start",
                   before ? "'" : "", names[s->c->from]);
}

static int read_tags(scheme *s, const tn_value *in)
{
    if (in->n > s->room) {
        span_tag *more = realloc(s->tag, sizeof *more * 2 * (size_t)in->n);
        if (!more) return s->out.api->fail(s->out.host, TN_ENOMEM, "no memory for tags");
        s->tag = more, s->room = 2 * in->n;
    }
    for (int64_t i = 0; i < in->n; i++) {
        int64_t n;
        const char *text = value_leaf(in, i, &n);
        if (!tag_read(text, n, &s->tag[i]) || (s->c->invalid == FAIL && !scheme_has(s->c->from, *text)))
            return tn_fail(s->out.api, s->out.host, TN_EINVAL, "step %lld: '%.*s' is no tag of the scheme %s (%c, or %c-TYPE ...)",
                           (long long)i + 1, (int)n, text, names[s->c->from], 'O', scheme_letters[s->c->from][TAG_BEGIN]);
    }
    for (int64_t i = 0; s->c->invalid == FAIL && i <= in->n && in->n; i++) {
        const span_tag *a = i ? &s->tag[i - 1] : NULL;
        if (!scheme_allows(s->c->from, a, i < in->n ? &s->tag[i] : NULL)) return forbidden(s, in, i, a);
    }
    return TN_OK;
}

/* The role of step i in the scheme `to`. behind: the step before ended a span of the same type. */
static int role_in(int to, int first, int last, int behind)
{
    if (to == SCHEME_IOB1) return first && behind ? TAG_BEGIN : TAG_INSIDE;
    if (to == SCHEME_BIO || to == SCHEME_IOB2) return first ? TAG_BEGIN : TAG_INSIDE;
    return first ? last ? TAG_SINGLE : TAG_BEGIN : last ? TAG_END : TAG_INSIDE;
}

static int apply(void *self, const tn_value *in, tn_rng rng, const tn_sink *sink)
{
    scheme *s = self;
    static const span_tag out = { TAG_OUT, "", 0 };
    (void)rng;
    int rc = read_tags(s, in);
    if (rc) return rc;
    pipe_begin(&s->out);
    for (int64_t i = 0; i < in->n; i++) {
        const span_tag *a = i ? &s->tag[i - 1] : &out, *b = &s->tag[i], *c = i + 1 < in->n ? &s->tag[i + 1] : &out;
        int first = span_begins(a, b), last = c->role == TAG_OUT || span_begins(b, c);
        int role = b->role == TAG_OUT ? TAG_OUT : role_in(s->c->to, first, last, a->role != TAG_OUT && same_type(a, b));
        pipe_put(&s->out, &scheme_letters[s->c->to][role], 1);
        if (b->n) pipe_put(&s->out, "-", 1), pipe_put(&s->out, b->type, b->n);
        pipe_leaf(&s->out);
    }
    return pipe_send(&s->out, 1, in->n, NULL, sink);
}

static const tn_transform table = { sizeof table, 0, plan, apply };
static const tn_desc desc = {
    sizeof desc, TN_TRANSFORM, &table, "scheme", "tags of spans from one scheme to another",
    "| scheme | spans of one, two, three tokens | a span behind one of the same type |\n"
    "| --- | --- | --- |\n"
    "| `BIO`, `IOB2` | B; B I; B I I | begins with B |\n"
    "| `IOB1` | I; I I; I I I | begins with B |\n"
    "| `BIOES` | S; B E; B I E | as any |\n"
    "| `BMES` | S; B E; B M E | as any |\n"
    "| `BILOU` | U; B L; B I L | as any |\n\n"
    "A tag is `O`, or a letter alone or followed by `-TYPE`. Tags that `from` forbids (an I behind an O in BIO, a B without "
    "its E in BIOES) are an error with file and line, or, with `invalid = \"repair\"`, are read by the rules of conlleval: a span "
    "begins at B and S, behind O, E and S, and where the type changes, and lasts until the next one or an O.\n\n"
    "In a field it has a key of its own: `scheme = { from = \"IOB1\", to = \"BIOES\" }`.\n\n"
    "Source: Ramshaw, Marcus, *Text Chunking using Transformation-Based Learning* (1995); Tjong Kim Sang, Veenstra, "
    "*Representing Text Chunks* (1999).",
    TN_OPTIONS(options), sizeof(config), sizeof(scheme), NULL, open_scheme, close_scheme, NULL, NULL, NULL };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("scheme", "1.0.0", "Tenon", "MIT", "", parts)
