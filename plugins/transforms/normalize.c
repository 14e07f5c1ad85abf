/* normalize.c -- one spelling for texts that look the same: Unicode's normal forms, by utf8proc. */
#include <utf8proc.h>
#include "pipe.h"

typedef struct { int32_t form; } config;
static const char *const forms[] = { "nfc", "nfkc", "nfd", "nfkd", NULL };
static const tn_option options[] = {
    TN_ENUM(config, form, 0, forms, "normal form; the k forms also make compatible characters one, such as full-width letters") };

typedef struct { const config *c; pipe_out out; int32_t *code; int64_t room; } normalizer;

static int open_normalize(const tn_api *api, tn_host *host, const void *config_, void *self)
{
    normalizer *m = self;
    m->c = config_;
    pipe_open(&m->out, api, host);
    return TN_OK;
}

static void close_normalize(void *self)
{
    normalizer *m = self;
    pipe_close(&m->out);
    free(m->code);
    m->code = NULL, m->room = 0;
}

static int plan(const tn_api *api, tn_host *host, const void *config_, void *self, const tn_column *in, tn_column *out)
{
    (void)config_, (void)self;
    if (in->dtype != TN_TEXT) return tn_fail(api, host, TN_EINVAL, "takes text");
    *out = *in;
    return TN_OK;
}

static int is_ascii(const char *text, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (text[i] & 0x80) return 0;
    return 1;
}

/* Decomposes the text into code points, composes them where the form says so, and writes them as UTF-8 in place. */
static int write_form(normalizer *m, const char *text, int64_t n)
{
    static const utf8proc_option_t ways[] = {
        UTF8PROC_STABLE | UTF8PROC_COMPOSE, UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT,
        UTF8PROC_STABLE | UTF8PROC_DECOMPOSE, UTF8PROC_STABLE | UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT };
    const utf8proc_uint8_t *bytes = (const utf8proc_uint8_t *)text;
    utf8proc_option_t way = ways[m->c->form];
    utf8proc_ssize_t codes = utf8proc_decompose(bytes, n, m->code, m->room, way);
    if (codes >= 0 && codes >= m->room) { /* one more is needed, for the NUL behind the UTF-8 */
        int64_t room = 2 * codes + 64;
        int32_t *more = realloc(m->code, sizeof *more * (size_t)room);
        if (!more) return tn_fail(m->out.api, m->out.host, TN_ENOMEM, "no memory for a text");
        m->code = more, m->room = room;
        codes = utf8proc_decompose(bytes, n, m->code, m->room, way);
    }
    if (codes >= 0) codes = utf8proc_reencode(m->code, codes, way);
    if (codes < 0) return tn_fail(m->out.api, m->out.host, TN_EINVAL, "normalize: %s", utf8proc_errmsg(codes));
    pipe_put(&m->out, (const char *)m->code, codes);
    return TN_OK;
}

static int apply(void *self, const tn_value *in, tn_rng rng, const tn_sink *sink)
{
    normalizer *m = self;
    (void)rng;
    pipe_begin(&m->out);
    for (int64_t i = 0; i < in->leaves; i++) {
        int64_t n;
        const char *text = value_leaf(in, i, &n);
        int rc = TN_OK;
        if (is_ascii(text, n)) pipe_put(&m->out, text, n);
        else rc = write_form(m, text, n);
        if (rc) return rc;
        pipe_leaf(&m->out);
    }
    return pipe_send(&m->out, in->depth, in->n, in->inner, sink);
}

static const tn_transform table = { sizeof table, 0, plan, apply };
static const tn_desc desc = {
    sizeof desc, TN_TRANSFORM, &table, "normalize", "one spelling for texts that look the same",
    "Unicode's normal forms. `nfc` writes an accented letter as one character wherever there is one, `nfd` as a letter and its "
    "accents; `nfkc` and `nfkd` also replace ligatures, full-width letters, superscripts and their like.",
    TN_OPTIONS(options), sizeof(config), sizeof(normalizer), NULL, open_normalize, close_normalize, NULL, NULL, NULL };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("normalize", "1.0.0", "Tenon", "MIT", "", parts)
