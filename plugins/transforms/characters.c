/* characters.c -- cuts a text into characters, and words into the characters of each: one level deeper. */
#include <utf8proc.h>
#include "pipe.h"

typedef struct { int32_t unit; } config;
static const char *const units[] = { "code_point", "grapheme", NULL };
static const tn_option options[] = {
    TN_ENUM(config, unit, 0, units, "what a character is: a code point, or a letter with all its accents") };

typedef struct { const config *c; pipe_out out; int32_t *inner; int64_t room; } characters;

static int open_characters(const tn_api *api, tn_host *host, const void *config_, void *self)
{
    characters *x = self;
    x->c = config_;
    pipe_open(&x->out, api, host);
    return TN_OK;
}

static void close_characters(void *self)
{
    characters *x = self;
    pipe_close(&x->out);
    free(x->inner);
    x->inner = NULL, x->room = 0;
}

static int plan(const tn_api *api, tn_host *host, const void *config_, void *self, const tn_column *in, tn_column *out)
{
    (void)config_, (void)self;
    if (in->dtype != TN_TEXT) return tn_fail(api, host, TN_EINVAL, "takes text");
    if (in->depth > 1) return tn_fail(api, host, TN_EINVAL, "the text is cut into steps of steps already");
    *out = *in;
    out->depth = in->depth + 1;
    return TN_OK;
}

/* Writes the characters of one leaf; gives how many. */
static int32_t cut(characters *x, const char *text, int64_t n)
{
    int64_t before = x->out.leaves, k;
    int32_t last = 0, state = 0;
    for (int first = 1; n > 0; text += k, n -= k, first = 0) {
        int32_t c = tn_utf8_at(text, n, &k);
        int ends = !x->c->unit || utf8proc_grapheme_break_stateful(last, c, &state);
        if (!first && ends) pipe_leaf(&x->out);
        pipe_put(&x->out, text, k);
        last = c;
        if (n == k) pipe_leaf(&x->out);
    }
    return (int32_t)(x->out.leaves - before);
}

static int apply(void *self, const tn_value *in, tn_rng rng, const tn_sink *sink)
{
    characters *x = self;
    int64_t n;
    (void)rng;
    pipe_begin(&x->out);
    if (!in->depth) {
        const char *text = value_leaf(in, 0, &n);
        cut(x, text, n);
        return pipe_send(&x->out, 1, x->out.leaves, NULL, sink);
    }
    if (in->leaves > x->room) {
        int32_t *more = realloc(x->inner, sizeof *more * 2 * (size_t)in->leaves);
        if (!more) return tn_fail(x->out.api, x->out.host, TN_ENOMEM, "no memory for a text");
        x->inner = more, x->room = 2 * in->leaves;
    }
    for (int64_t i = 0; i < in->leaves; i++) {
        const char *text = value_leaf(in, i, &n);
        x->inner[i] = cut(x, text, n);
    }
    return pipe_send(&x->out, 2, in->leaves, x->inner, sink);
}

static const tn_transform table = { sizeof table, 0, plan, apply };
static const tn_desc desc = {
    sizeof desc, TN_TRANSFORM, &table, "characters", "cuts a text, or each word of it, into characters",
    "A text gets a step for each character, spaces included. Behind `words` every word gets the steps of its own characters. "
    "`unit = \"grapheme\"` keeps a letter and the accents written behind it together, by Unicode's rules for user-perceived "
    "characters.",
    TN_OPTIONS(options), sizeof(config), sizeof(characters), NULL, open_characters, close_characters, NULL, NULL, NULL };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("characters", "1.0.0", "Tenon", "MIT", "", parts)
