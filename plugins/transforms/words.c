/* words.c -- cuts a text into words: runs of letters, marks and digits; every other character that is no space stands
 * alone. For text that is cut already, at = "spaces".                                                            */
#include <utf8proc.h>
#include "pipe.h"

typedef struct { int32_t at, punctuation; } config;
static const char *const ways[] = { "boundaries", "spaces", NULL };
static const tn_option options[] = {
    TN_ENUM(config, at, 0, ways, "where words end: at boundaries of letters and signs, or at spaces alone"),
    TN_BOOL(config, punctuation, 1, "keep signs as words of their own; where words end at spaces they stay in the word") };

typedef struct { const config *c; pipe_out out; } words;

static int open_words(const tn_api *api, tn_host *host, const void *config_, void *self)
{
    words *w = self;
    w->c = config_;
    pipe_open(&w->out, api, host);
    return TN_OK;
}

static void close_words(void *self) { pipe_close(&((words *)self)->out); }

static int plan(const tn_api *api, tn_host *host, const void *config_, void *self, const tn_column *in, tn_column *out)
{
    (void)config_, (void)self;
    if (in->dtype != TN_TEXT) return tn_fail(api, host, TN_EINVAL, "takes text");
    if (in->depth > 1) return tn_fail(api, host, TN_EINVAL, "the text is cut into steps of steps already");
    *out = *in;
    out->depth = 1;
    return TN_OK;
}

static int is_word(int32_t c)
{
    if (c < 128) return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    utf8proc_category_t k = utf8proc_category(c);
    return (k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_MC) || k == UTF8PROC_CATEGORY_ME
        || (k >= UTF8PROC_CATEGORY_MN && k <= UTF8PROC_CATEGORY_NO);
}

/* An apostrophe between two letters belongs to the word: don't. */
static int joins(const char *text, int64_t n, int32_t c, int64_t k)
{
    int64_t next;
    if ((c != '\'' && c != 0x2019) || k >= n) return 0;
    return is_word(tn_utf8_at(text + k, n - k, &next));
}

static void cut(words *w, const char *text, int64_t n)
{
    pipe_out *p = &w->out;
    int64_t k, open = 0;                   /* bytes of the word that is being written                          */
    for (; n > 0; text += k, n -= k) {
        int32_t c = tn_utf8_at(text, n, &k);
        int inside = w->c->at ? !is_space(c) : is_word(c) || (open && joins(text, n, c, k));
        if (inside) {
            pipe_put(p, text, k);
            open += k;
            continue;
        }
        if (open) pipe_leaf(p), open = 0;
        if (!w->c->punctuation || is_space(c)) continue;
        pipe_put(p, text, k);
        pipe_leaf(p);
    }
    if (open) pipe_leaf(p);
}

static int apply(void *self, const tn_value *in, tn_rng rng, const tn_sink *sink)
{
    words *w = self;
    int64_t n;
    (void)rng;
    if (in->depth) return sink->put(sink->to, 0, in);
    pipe_begin(&w->out);
    const char *text = value_leaf(in, 0, &n);
    cut(w, text, n);
    return pipe_send(&w->out, 1, w->out.leaves, NULL, sink);
}

static const tn_transform table = { sizeof table, 0, plan, apply };
static const tn_desc desc = {
    sizeof desc, TN_TRANSFORM, &table, "words", "cuts a text into words",
    "A word is a run of letters, marks, digits and `_`; an apostrophe between two of them belongs to it (`don't`). Every other "
    "character that is no space is a word of its own, or is dropped with `punctuation = false`. With `at = \"spaces\"` whatever "
    "stands between spaces is a word, for text that is cut already. What a data set gives cut into steps (`stream`) keeps its "
    "steps as they are.",
    TN_OPTIONS(options), sizeof(config), sizeof(words), NULL, open_words, close_words, NULL, NULL, NULL };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("words", "1.0.0", "Tenon", "MIT", "", parts)
