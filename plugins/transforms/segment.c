/* segment.c -- cuts a text into words by ICU's word boundaries, which look Chinese, Japanese, Thai, Khmer, Lao and Burmese words
 * up in a dictionary, since these languages put no spaces between them.                                            */
#include <unicode/ubrk.h>
#include <unicode/utext.h>
#include "pipe.h"

typedef struct { const char *locale; int32_t punctuation; } config;
static const tn_option options[] = {
    TN_STR(config, locale, "zh", "language of the text, as an ICU locale"),
    TN_BOOL(config, punctuation, 1, "keep signs as words of their own") };

typedef struct { const config *c; UBreakIterator *words; UText *text; pipe_out out; } segments;

static int open_segment(const tn_api *api, tn_host *host, const void *config_, void *self)
{
    segments *s = self;
    UErrorCode rc = U_ZERO_ERROR;
    s->c = config_;
    pipe_open(&s->out, api, host);
    s->words = ubrk_open(UBRK_WORD, s->c->locale, NULL, 0, &rc);
    if (U_SUCCESS(rc)) return TN_OK;
    return tn_fail(api, host, TN_EINVAL, "ICU has no word boundaries for the locale '%s': %s", s->c->locale, u_errorName(rc));
}

static void close_segment(void *self)
{
    segments *s = self;
    if (s->words) ubrk_close(s->words);
    if (s->text) utext_close(s->text);
    s->words = NULL, s->text = NULL;
    pipe_close(&s->out);
}

static int plan(const tn_api *api, tn_host *host, const void *config_, void *self, const tn_column *in, tn_column *out)
{
    (void)config_, (void)self;
    if (in->dtype != TN_TEXT) return tn_fail(api, host, TN_EINVAL, "takes text");
    if (in->depth) return tn_fail(api, host, TN_EINVAL, "the text has steps already");
    *out = *in;
    out->depth = 1;
    return TN_OK;
}

static int all_spaces(const char *text, int64_t n)
{
    for (int64_t k; n > 0; text += k, n -= k)
        if (!is_space(tn_utf8_at(text, n, &k))) return 0;
    return 1;
}

static int apply(void *self, const tn_value *in, tn_rng rng, const tn_sink *sink)
{
    segments *s = self;
    UErrorCode rc = U_ZERO_ERROR;
    int64_t n;
    const char *text = value_leaf(in, 0, &n);
    (void)rng;
    pipe_begin(&s->out);
    s->text = utext_openUTF8(s->text, text, n, &rc);
    ubrk_setUText(s->words, s->text, &rc);
    if (U_FAILURE(rc)) return tn_fail(s->out.api, s->out.host, TN_EINVAL, "ICU cannot read the text: %s", u_errorName(rc));
    for (int32_t from = ubrk_first(s->words), upto; (upto = ubrk_next(s->words)) != UBRK_DONE; from = upto) {
        int status = ubrk_getRuleStatus(s->words); /* up to UBRK_WORD_NONE_LIMIT: spaces and signs */
        if (status < UBRK_WORD_NONE_LIMIT && (!s->c->punctuation || all_spaces(text + from, upto - from))) continue;
        pipe_put(&s->out, text + from, upto - from);
        pipe_leaf(&s->out);
    }
    return pipe_send(&s->out, 1, s->out.leaves, NULL, sink);
}

static const tn_transform table = { sizeof table, 0, plan, apply, NULL, NULL, NULL };
static const tn_desc desc = {
    sizeof desc, TN_TRANSFORM, &table, "segment", "cuts Chinese and other text without spaces into words",
    "Word boundaries of Unicode Standard Annex #29 as ICU finds them; runs of Chinese, Japanese, Thai, Khmer, Lao and "
    "Burmese are cut by ICU's dictionaries. Spaces are dropped, signs are words of their own unless `punctuation = "
    "false`. Another version of ICU may have another dictionary, and so other words.",
    TN_OPTIONS(options), sizeof(config), sizeof(segments), NULL, open_segment, close_segment, NULL, NULL, NULL };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("segment", "1.0.0", "Tenon", "MIT", "", parts)
